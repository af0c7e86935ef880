use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use crate::otlp::MetricNames;
use crate::{Contracts, CounterRule};

/// What the collector may use, and where it keeps its log.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the write-ahead log lives.
    pub dir: PathBuf,
    /// What may wait in memory, decoded or not yet in a split, before requests are refused.
    pub memory_budget: usize,
    /// What of it requests may take from their first byte until they are acknowledged. Who finds no
    /// room waits a moment, and is refused then.
    pub intake_budget: usize,
    /// The largest request body, decompressed.
    pub max_body: usize,
    /// Which times of records are believed.
    pub bounds: TimeBounds,
    /// How often the time series store writes its head, so that segments can be recycled.
    pub snapshot_interval: Duration,
    /// What records are held to besides the contract of a log line.
    pub contracts: Arc<Contracts>,
    /// Series that count the records of log queries.
    pub counters: Vec<CounterRule>,
    /// How OTLP's metrics become series.
    pub otlp_metrics: OtlpMetrics,
}

/// How OTLP's metrics become series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpMetrics {
    /// The attributes of a resource that each of its series gets as labels; all are on `target_info`.
    pub promote: Vec<String>,
    /// What becomes of names.
    pub names: MetricNames,
    /// Whether a series says by `otel_scope_name` and `otel_scope_version` which library made it.
    pub scope_labels: bool,
}

impl Default for OtlpMetrics {
    fn default() -> Self {
        Self {
            promote: Vec::new(),
            names: MetricNames::default(),
            scope_labels: true,
        }
    }
}

/// Which times of records are believed: one that says another goes where somebody sees it, and not
/// among those that are listed newest first. One may be as old as it likes: retention counts from
/// arrival.
#[derive(Debug, Clone, Copy)]
pub struct TimeBounds {
    /// How far ahead of our clock a time may be.
    pub max_ahead: Duration,
}
