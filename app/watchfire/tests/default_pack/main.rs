//! The default pack of rules over simulated traffic, with the real store of series and the real
//! alerts: what it pages, how soon, and above all what it does not page.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where by panicking"
)]
#![expect(
    clippy::print_stdout,
    reason = "what was paged, and what a round took, is what a run by hand is for"
)]

mod cost;
mod faults;
mod quiet;
#[path = "../../src/signals.rs"]
mod signals;
mod traffic;
mod world;
