use std::time::Duration;

use async_trait::async_trait;
use watchfire_schemas::{HistogramSample, LabelSet, Sample, SeriesSamples, Timestamp};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct SignalSeries {
    pub labels: LabelSet,
    pub samples: Vec<Sample>,
    /// Where the value is a native histogram, it is here instead.
    pub histograms: Vec<HistogramSample>,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct SignalError(pub String);

/// What alerts asks of the telemetry. Implemented by the binary over the stores.
#[async_trait]
pub trait Signals: Send + Sync + std::fmt::Debug {
    /// A PromQL expression at one time. A scalar comes as one series without labels; each series
    /// has one sample or one histogram. No match is an empty list, never an error.
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

/// Why samples were not taken.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// Where what rules compute goes. Implemented by the binary over the way that all samples take.
#[async_trait]
pub trait SampleSink: Send + Sync + std::fmt::Debug {
    /// Returns once the samples are safe and a query at their time sees them. An error means that
    /// none or only some were taken; the same may be written again.
    async fn write(&self, series: Vec<SeriesSamples>) -> Result<(), SinkError>;
}
