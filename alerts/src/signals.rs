use std::time::Duration;

use async_trait::async_trait;
use watchfire_schemas::{LabelSet, Sample, Timestamp};

#[derive(Debug, Clone, PartialEq)]
pub struct SignalSeries {
    pub labels: LabelSet,
    pub samples: Vec<Sample>,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct SignalError(pub String);

/// What alerts asks of the telemetry. Implemented by the binary over the stores.
#[async_trait]
pub trait Signals: Send + Sync + std::fmt::Debug {
    /// A PromQL expression at one time. A scalar comes as one series without labels; each series
    /// has one sample. No match is an empty list, never an error.
    async fn instant(&self, expr: &str, at: Timestamp) -> Result<Vec<SignalSeries>, SignalError>;

    /// A PromQL expression at `start`, `start + step`, … up to and including `end`.
    async fn range(
        &self,
        expr: &str,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
    ) -> Result<Vec<SignalSeries>, SignalError>;

    /// By how much the counters that a selector matches grew in each of `bins` bins
    /// `(start + i·bin, start + (i+1)·bin]`, summed over series, without extrapolation.
    async fn increments(
        &self,
        selector: &str,
        start: Timestamp,
        bin: Duration,
        bins: usize,
    ) -> Result<Vec<f64>, SignalError>;
}
