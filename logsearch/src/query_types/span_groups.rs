use std::time::Duration;

use watchfire_schemas::TimeRange;

/// A search for the figures of spans by the values of fields.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanGroupSearch {
    /// In the query language; of one with a pipe, what stands before it.
    pub query: String,
    /// When the spans began.
    pub range: TimeRange,
    /// The fields, four at most, as a query names them; of none, all spans are one group.
    pub by: Vec<String>,
    /// How many groups at most, those of the most spans; 10,000 if it is more.
    pub limit: usize,
    /// How long it may take; what is counted until then is the answer.
    pub deadline: Duration,
}

/// An answer to [`SpanGroupSearch`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanGroups {
    /// Most spans first, of equal ones by their values. A span with several values in a field
    /// counts for each.
    pub groups: Vec<SpanGroup>,
    /// How many spans the query means.
    pub total: u64,
    /// How many of them have the status of an error.
    pub errors: u64,
    /// How many belong to groups that are left out.
    pub others: u64,
    /// Whether the deadline cut the answer short; the newest spans are looked at first.
    pub partial: bool,
    /// How long it took.
    pub took: Duration,
    /// "did you mean", where a field is unknown.
    pub hints: Vec<String>,
}

/// The figures of the spans that share their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanGroup {
    /// One for each field that was asked for; empty where the spans have none.
    pub values: Vec<String>,
    /// How many.
    pub spans: u64,
    /// How many of them have the status of an error.
    pub errors: u64,
    /// The duration that half of them do not exceed. Percentiles are of the nearest rank, and within
    /// 0.4 % of the duration at that rank.
    pub p50: Duration,
    /// See [`Self::p50`].
    pub p95: Duration,
    /// See [`Self::p50`].
    pub p99: Duration,
    /// The longest, exactly.
    pub max: Duration,
    /// All durations together, exactly.
    pub total: Duration,
}
