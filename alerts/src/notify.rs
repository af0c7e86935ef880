//! Payloads of the destinations, and sending them.

mod access;
mod client;
mod destination;
mod failure;
mod hmac;
mod mail;
mod mailbox;
mod payload;
mod request;
mod retry;
mod retry_after;
mod secret;
mod secret_source;
mod signature;
mod slack_bot;
mod smtp;
mod tls;
mod wording;

pub(crate) use access::{Authorities, Authorization, HttpAccess};
pub(crate) use client::{Envelope, Sender, Taken, Timeouts};
pub(crate) use destination::{Destination, DestinationKind};
pub use destination::{DestinationConfig, Means};
pub(crate) use failure::{Failure, FailureReason};
pub(crate) use hmac::{hex, hmac_sha256, same};
pub(crate) use mail::{Address, Mail};
pub(crate) use mailbox::Mailbox;
pub use mailbox::MailboxConfig;
pub(crate) use payload::{ACKNOWLEDGE, Occasion, RESOLVE, render, render_change};
pub(crate) use retry::RetryPolicy;
pub use secret::Secret;
pub(crate) use secret_source::SecretSource;
pub(crate) use slack_bot::BotMessage;
pub(crate) use wording::truncate;

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
