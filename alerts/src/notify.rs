//! Payloads of the destinations, and sending them.

mod destination;
mod payload;
mod secret;
mod signature;
mod wording;

pub use destination::DestinationConfig;
pub(crate) use destination::{Destination, DestinationKind};
pub(crate) use payload::{Occasion, render, wire_body};
pub use secret::Secret;

/// Gives the tests of this process a TLS provider, as the binary does at start.
#[cfg(test)]
pub(crate) fn install_test_tls() {
    // Another test of the process may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
}
