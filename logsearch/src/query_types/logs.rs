use std::time::Duration;

use watchfire_schemas::{LogRecord, RecordId, SeverityRange, TimeRange, Timestamp};

use super::Explain;

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

/// Counts of one step of time, by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistogramBar {
    /// A multiple of the step; the first bar may begin before the range does.
    pub start: Timestamp,
    /// In the order of [`SeverityRange::ALL`].
    pub counts: [u64; SeverityRange::ALL.len()],
}
