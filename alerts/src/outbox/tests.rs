//! Delivery against a receiver that fails in every way.

mod bench;
mod crash;
mod failing;
mod fallback;
mod groups;
mod order;
mod receiver;
mod secrecy;
