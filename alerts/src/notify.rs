//! Payloads of the destinations, and sending them.

mod client;
mod destination;
mod failure;
mod payload;
mod retry;
mod retry_after;
mod secret;
mod secret_source;
mod signature;
mod wording;

pub(crate) use client::{Envelope, Sender, Timeouts};
pub use destination::DestinationConfig;
pub(crate) use destination::{Destination, DestinationKind};
pub(crate) use failure::{Failure, FailureReason};
pub(crate) use payload::{Occasion, render, wire_body};
pub(crate) use retry::RetryPolicy;
pub use secret::Secret;
pub(crate) use secret_source::SecretSource;

#[cfg(test)]
pub(crate) use payload::samples::notification as sample;
#[cfg(test)]
pub(crate) use signature::sign;

/// Gives the tests of this process a TLS provider, as the binary does at start.
#[cfg(test)]
pub(crate) fn install_test_tls() {
    // Another test of the process may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
}
