//! Receivers, decoding, validation, enrichment, write-ahead log, back-pressure.

mod config;
mod content;
mod derive;
mod fingerprint;
mod message_template;
mod refusal;
mod stack;
mod wal;

pub use config::Config;
pub use fingerprint::{Fingerprint, GroupedBy, fingerprint};
pub use refusal::{OpenError, Receipt, Refusal};
pub use stack::StackFrame;
