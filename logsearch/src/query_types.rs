//! What is asked and what is answered, as plain data.

use std::time::Duration;

use watchfire_schemas::{LogRecord, RecordId, SeverityRange, Span, TimeRange, Timestamp};

/// A search for log records (or quarantined lines), newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSearch {
    /// In the query language; empty for everything.
    pub query: String,
    /// When the records happened.
    pub range: TimeRange,
    /// How many records a page has at most; 10,000 if it is more.
    pub limit: usize,
    /// As given by the page before.
    pub cursor: Option<String>,
    /// How long the search may take; what is found until then is the answer.
    pub deadline: Duration,
}

/// A record and its place in the write-ahead log.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundLog {
    /// Its place; never changes.
    pub id: RecordId,
    /// The record as it was appended.
    pub record: LogRecord,
}

/// An answer to [`LogSearch`].
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// Newest first; of equal times, the last to arrive first.
    pub records: Vec<FoundLog>,
    /// How many records the query has in its range, whatever the cursor.
    pub total: u64,
    /// Whether there was time to count all of them; otherwise there are at least so many.
    pub total_is_exact: bool,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// Whether the deadline cut the answer short. What it holds is right as far as it goes: no
    /// newer record is missing from it.
    pub partial: bool,
    /// How long it took.
    pub took: Duration,
    /// How it was answered.
    pub explain: Explain,
    /// "did you mean", where a field is unknown or a value can mean nothing.
    pub hints: Vec<String>,
}

/// How a query was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explain {
    /// Splits that there are.
    pub splits_total: usize,
    /// Those that could be left out unread: by time, service or trace.
    pub splits_pruned: usize,
    /// Matching rows of splits that were visited, for the page and for the total.
    pub rows_scanned: u64,
    /// Records of the tail that were looked at.
    pub tail_records: u64,
}

/// A search for spans, newest first. The query language is the same.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanSearch {
    /// In the query language; empty for everything.
    pub query: String,
    /// When the spans began.
    pub range: TimeRange,
    /// How many spans a page has at most; 10,000 if it is more.
    pub limit: usize,
    /// As given by the page before.
    pub cursor: Option<String>,
    /// How long the search may take; what is found until then is the answer.
    pub deadline: Duration,
}

/// An answer to [`SpanSearch`].
#[derive(Debug, Clone, PartialEq)]
pub struct SpanPage {
    /// Newest first, by their start.
    pub spans: Vec<(RecordId, Span)>,
    /// How many spans the query has in its range, whatever the cursor.
    pub total: u64,
    /// Whether there was time to count all of them; otherwise there are at least so many.
    pub total_is_exact: bool,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// Whether the deadline cut the answer short.
    pub partial: bool,
    /// How long it took.
    pub took: Duration,
}

/// Counts of one step of time, by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistogramBar {
    /// A multiple of the step; the first bar may begin before the range does.
    pub start: Timestamp,
    /// In the order of [`SeverityRange::ALL`].
    pub counts: [u64; SeverityRange::ALL.len()],
}

/// A value of a field and how many records carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue {
    /// As a query writes it.
    pub value: String,
    /// How many records.
    pub count: u64,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The query does not parse.
    #[error("column {column}: {reason}")]
    Parse {
        /// Counts characters from 1.
        column: usize,
        /// What was expected, and what stands there.
        reason: String,
    },
    /// It was not made here, or for another store.
    #[error("the cursor is not one that a page gave")]
    Cursor,
    /// A file could not be read, or a question that takes no half answer ran out of time.
    #[error("the store could not be read")]
    Store(#[source] std::io::Error),
}
