//! Receivers, decoding, validation, enrichment, write-ahead log, back-pressure.
//!
//! A request is acknowledged only when its records are on disk and searchable, or it is refused
//! explicitly. Nothing is dropped without being counted under a reason of a closed set.

#![warn(missing_docs)]

mod admission;
mod airbrake;
mod apply;
mod budget;
mod collector;
mod config;
mod content;
mod contracts;
mod counter_rule;
mod dead_letters;
mod derive;
mod drop_reason;
mod enrich;
mod exception_backlog;
mod fingerprint;
mod hand_over;
mod host;
mod housekeeping;
mod intake;
mod lateness;
mod message_template;
mod meters;
mod otlp;
mod pipeline;
mod prepare;
mod probe;
mod quarantine_replay;
mod receive;
#[cfg(test)]
mod recording;
mod refusal;
mod scrape;
mod sentry;
mod shippers;
mod sink;
mod stack;
mod stack_text;
mod status;
mod wal;
mod written;

pub use collector::Collector;
pub use config::{Config, MetricNames, OtlpMetrics, TimeBounds};
pub use contracts::{ChangeError, Contracts, RefusedRecord, RefusedRecords};
pub use counter_rule::{CounterError, CounterRule};
pub use exception_backlog::Occurrences;
pub use fingerprint::{Fingerprint, GroupedBy, client_fingerprint, fingerprint, message_hash};
pub use hand_over::GatherMeters;
pub use host::HostReporter;
pub use probe::{ProbeConfig, ProbeEntry, Prober};
pub use quarantine_replay::{QuarantineReplay, StartError};
pub use refusal::{OpenError, Receipt, Refusal};
pub use scrape::{ScrapeBoard, ScrapeConfig, ScrapeFinding, Scraper};
pub use stack::StackFrame;
pub use status::{IngestStatus, SourceStatus};
