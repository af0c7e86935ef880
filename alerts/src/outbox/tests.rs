//! Delivery against a receiver that fails in every way.

mod bench;
mod crash;
mod failing;
mod order;
mod receiver;
mod secrecy;
