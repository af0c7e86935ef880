//! What is asked and what is answered, as plain data.

use std::time::Duration;

use watchfire_schemas::{LogRecord, RecordId, SeverityRange, Span, TimeRange, Timestamp};

/// A search for log records (or quarantined lines), newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSearch {
    /// In the query language; empty for everything.
    pub query: String,
    pub range: TimeRange,
    pub limit: usize,
    /// As given by the page before.
    pub cursor: Option<String>,
    pub deadline: Duration,
}

/// A record and its place in the write-ahead log.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundLog {
    pub id: RecordId,
    pub record: LogRecord,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    pub records: Vec<FoundLog>,
    /// How many records the query has in its range.
    pub total: u64,
    pub total_is_exact: bool,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// Whether the deadline or a cancellation cut the answer short.
    pub partial: bool,
    pub took: Duration,
    pub explain: Explain,
    /// "did you mean", where a field is unknown.
    pub hints: Vec<String>,
}

/// How a query was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explain {
    pub splits_total: usize,
    pub splits_pruned: usize,
    pub rows_scanned: u64,
    pub tail_records: u64,
}

/// A search for spans, newest first. The query language is the same.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanSearch {
    pub query: String,
    pub range: TimeRange,
    pub limit: usize,
    pub cursor: Option<String>,
    pub deadline: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SpanPage {
    pub spans: Vec<(RecordId, Span)>,
    pub total: u64,
    pub total_is_exact: bool,
    pub next: Option<String>,
    pub partial: bool,
    pub took: Duration,
}

/// Counts of one step of time, by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistogramBar {
    pub start: Timestamp,
    /// In the order of [`SeverityRange::ALL`].
    pub counts: [u64; SeverityRange::ALL.len()],
}

/// A value of a field and how many records carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue {
    pub value: String,
    pub count: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The query does not parse; `column` counts characters from 1.
    #[error("column {column}: {reason}")]
    Parse { column: usize, reason: String },
    #[error("the cursor is not one that a page gave")]
    Cursor,
    #[error("the store could not be read")]
    Store(#[source] std::io::Error),
}
