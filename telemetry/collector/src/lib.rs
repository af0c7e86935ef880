//! Receivers, decoding, validation, enrichment, write-ahead log, back-pressure.

mod admission;
mod config;
mod content;
mod derive;
mod drop_reason;
mod enrich;
mod fingerprint;
mod message_template;
mod otlp;
mod refusal;
mod stack;
mod wal;

pub use config::Config;
pub use fingerprint::{Fingerprint, GroupedBy, fingerprint};
pub use refusal::{OpenError, Receipt, Refusal};
pub use stack::StackFrame;
