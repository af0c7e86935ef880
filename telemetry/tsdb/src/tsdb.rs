use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::registry::Registry;
use watchfire_schemas::{
    BatchSeq, Clock, Exemplar, LabelSet, Sample, SeriesSamples, TimeRange, Timestamp,
};

#[derive(Debug, Clone)]
pub struct Config {
    pub retention: Duration,
    pub max_series: usize,
    /// How old a sample may be, against the newest of its series, and still be taken.
    pub out_of_order_window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(90 * 86_400),
            max_series: 1_000_000,
            out_of_order_window: Duration::from_secs(1800),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct InstantSample {
    pub labels: LabelSet,
    pub sample: Sample,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RangeSeries {
    pub labels: LabelSet,
    pub samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum QueryValue {
    Scalar(Sample),
    String(Timestamp, String),
    Vector(Vec<InstantSample>),
    Matrix(Vec<RangeSeries>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarSeries {
    pub labels: LabelSet,
    pub exemplars: Vec<Exemplar>,
}

/// A parsed series selector such as `up{job="a"}`.
#[derive(Debug, Clone)]
pub struct Selector {}

impl Selector {
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let _ = text;
        unimplemented!()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("{0}")]
    BadData(String),
    #[error("{0}")]
    Execution(String),
    #[error("query timed out")]
    Timeout,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} cannot be opened")]
    Io {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} was written by format version {found}; this binary reads version {supported}")]
    Version {
        path: String,
        found: u32,
        supported: u32,
    },
    #[error("{path} is damaged: {reason}")]
    Damaged { path: String, reason: String },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TsdbStats {
    pub head_series: usize,
    pub head_samples: u64,
    pub blocks: usize,
    pub block_bytes: u64,
    pub refused_samples: u64,
}

#[derive(Debug)]
pub struct Tsdb {}

impl Tsdb {
    pub fn open(
        dir: &Path,
        config: Config,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let _ = (dir, config, clock, registry);
        unimplemented!()
    }

    /// The last batch that the snapshot on disk and the blocks hold: replay starts after it.
    pub fn checkpoint(&self) -> BatchSeq {
        unimplemented!()
    }

    /// Adds the samples of one batch. Batches come in order, each once; one at or before the
    /// checkpoint is passed over (replay).
    pub fn append(&self, batch: BatchSeq, series: &[SeriesSamples]) {
        let _ = (batch, series);
        unimplemented!()
    }

    /// Writes the head at the last appended batch, cuts blocks that are due, applies retention.
    /// Called from time to time by the owner of the write-ahead log; blocks.
    pub fn snapshot(&self) -> std::io::Result<()> {
        unimplemented!()
    }

    pub fn query(
        &self,
        expr: &str,
        at: Timestamp,
        deadline: Duration,
    ) -> Result<QueryValue, QueryError> {
        let _ = (expr, at, deadline);
        unimplemented!()
    }

    /// At `start`, `start + step`, … up to and including `end`.
    pub fn query_range(
        &self,
        expr: &str,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
        deadline: Duration,
    ) -> Result<Vec<RangeSeries>, QueryError> {
        let _ = (expr, start, end, step, deadline);
        unimplemented!()
    }

    /// By how much the counters that match grew in each bin `(start + i·bin, start + (i+1)·bin]`, summed
    /// over series, without extrapolation; resets are no decrease. What onset is estimated from.
    pub fn increments(
        &self,
        selector: &Selector,
        start: Timestamp,
        bin: Duration,
        bins: usize,
    ) -> Vec<f64> {
        let _ = (selector, start, bin, bins);
        unimplemented!()
    }

    pub fn exemplars(&self, selector: &Selector, range: TimeRange) -> Vec<ExemplarSeries> {
        let _ = (selector, range);
        unimplemented!()
    }

    /// Label sets of the series that match and have samples in the range.
    pub fn series(&self, selector: &Selector, range: TimeRange) -> Vec<LabelSet> {
        let _ = (selector, range);
        unimplemented!()
    }

    pub fn label_values(&self, name: &str) -> Vec<String> {
        let _ = name;
        unimplemented!()
    }

    pub fn stats(&self) -> TsdbStats {
        unimplemented!()
    }
}

/// `/prometheus/api/v1/{query,query_range,query_exemplars,series,labels,label/{n}/values,metadata,status/buildinfo}`.
pub fn http_router(tsdb: Arc<Tsdb>) -> Router {
    let _ = tsdb;
    unimplemented!()
}
