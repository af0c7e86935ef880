//! Receivers, decoding, validation, enrichment, write-ahead log, back-pressure.

mod config;
mod refusal;
mod wal;

pub use config::Config;
pub use refusal::{OpenError, Receipt, Refusal};
