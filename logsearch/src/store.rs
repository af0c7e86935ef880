use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use watchfire_schemas::{BatchSeq, Clock, LogRecord, RecordId, Span, TimeRange, TraceId};

use crate::{
    FieldValue, FoundLog, HistogramBar, LogPage, LogSearch, QueryError, SpanPage, SpanSearch,
};

/// What the store may use and keep.
#[derive(Debug, Clone)]
pub struct Config {
    pub log_retention: Duration,
    pub span_retention: Duration,
    /// The tail is sealed into a split when it holds this many bytes or its oldest record is this old.
    pub seal_bytes: usize,
    pub seal_age: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let days = |n: u64| Duration::from_secs(n * 86_400);
        Self {
            log_retention: days(14),
            span_retention: days(7),
            seal_bytes: 64 << 20,
            seal_age: Duration::from_secs(120),
        }
    }
}

/// What a batch of the write-ahead log holds for this store.
#[derive(Debug, Clone)]
pub enum Entry {
    Logs(Vec<LogRecord>),
    /// Lines that broke their contract, as records of what could be read of them.
    Quarantine(Vec<LogRecord>),
    Spans(Vec<Span>),
}

/// The numbers of one dataset, for `/status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatasetStats {
    pub splits: usize,
    pub split_records: u64,
    pub split_bytes: u64,
    pub tail_records: u64,
    pub tail_bytes: u64,
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

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("the tail holds its budget of {budget} bytes")]
    Full { budget: usize },
}

/// Logs, quarantined lines and spans.
#[derive(Debug)]
pub struct EventStore {}

impl EventStore {
    /// Opens or makes the store in `dir`.
    pub fn open(
        dir: &Path,
        config: Config,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let _ = (dir, config, clock, registry);
        unimplemented!()
    }

    /// The last batch of which every record is in a published split: replay starts after it.
    pub fn checkpoint(&self) -> BatchSeq {
        unimplemented!()
    }

    /// Puts a batch into the tail; it is searchable when this returns. Batches come in order, each
    /// once; one at or before the checkpoint is passed over (replay).
    pub fn append(&self, batch: BatchSeq, entry: Entry) {
        let _ = (batch, entry);
        unimplemented!()
    }

    /// Tells that all batches up to this one have been appended or hold nothing for this store.
    pub fn advance(&self, batch: BatchSeq) {
        let _ = batch;
        unimplemented!()
    }

    /// Bytes in the tails that are not yet in a split: what back-pressure is measured by.
    pub fn unsealed_bytes(&self) -> usize {
        unimplemented!()
    }

    pub async fn search_logs(self: &Arc<Self>, search: LogSearch) -> Result<LogPage, QueryError> {
        let _ = search;
        unimplemented!()
    }

    pub async fn search_quarantine(
        self: &Arc<Self>,
        search: LogSearch,
    ) -> Result<LogPage, QueryError> {
        let _ = search;
        unimplemented!()
    }

    /// One record by its id.
    pub async fn log(self: &Arc<Self>, id: RecordId) -> Result<Option<FoundLog>, QueryError> {
        let _ = id;
        unimplemented!()
    }

    /// Counts by severity over the whole range, in steps aligned to multiples of `step`; empty steps included.
    pub async fn log_histogram(
        self: &Arc<Self>,
        query: String,
        range: TimeRange,
        step: Duration,
    ) -> Result<Vec<HistogramBar>, QueryError> {
        let _ = (query, range, step);
        unimplemented!()
    }

    /// The most frequent values of a field among the records of a query.
    pub async fn top_values(
        self: &Arc<Self>,
        query: String,
        range: TimeRange,
        field: String,
        limit: usize,
    ) -> Result<Vec<FieldValue>, QueryError> {
        let _ = (query, range, field, limit);
        unimplemented!()
    }

    pub async fn search_spans(
        self: &Arc<Self>,
        search: SpanSearch,
    ) -> Result<SpanPage, QueryError> {
        let _ = search;
        unimplemented!()
    }

    /// All spans of a trace, by start; needs no time range.
    pub async fn trace(self: &Arc<Self>, id: TraceId) -> Result<Vec<Span>, QueryError> {
        let _ = id;
        unimplemented!()
    }

    /// Logs, quarantine, spans.
    pub fn stats(&self) -> [(&'static str, DatasetStats); 3] {
        unimplemented!()
    }

    /// Seals what is in the tails and waits until it is published. For a clean stop.
    pub async fn close(self: &Arc<Self>) {
        unimplemented!()
    }
}
