//! Receivers, decoding, validation, enrichment, write-ahead log, back-pressure.

mod collector;

pub use collector::{Collector, Config, IngestStatus, OpenError, Receipt, Refusal, SourceStatus};
