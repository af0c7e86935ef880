use std::time::Duration;

use watchfire_schemas::TimeRange;

/// A search for what the spans of a region have in common that others have not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanComparisonSearch {
    /// In the query language; of one with a pipe, what stands before it.
    pub query: String,
    /// When the spans began.
    pub range: TimeRange,
    /// Which of the query's spans are inside, in the query language as well, such as
    /// `duration:[200ms TO 5s] timestamp:[2026-11-22T10:00:00Z TO 2026-11-22T10:05:00Z]`.
    pub region: String,
    /// How many differences at most; 1,000 if it is more.
    pub limit: usize,
    /// How long it may take; what is counted until then is the answer.
    pub deadline: Duration,
}

/// An answer to [`SpanComparisonSearch`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanComparison {
    /// How many spans of the query are inside the region.
    pub inside: u64,
    /// How many are outside.
    pub outside: u64,
    /// Values that are more frequent inside than outside, the surest difference first.
    pub differences: Vec<SpanDifference>,
    /// Where not every span was looked at: how many were inside and outside.
    pub sampled: Option<(u64, u64)>,
    /// Whether the deadline cut the answer short; the newest spans are looked at first.
    pub partial: bool,
    /// "did you mean", where a field is unknown.
    pub hints: Vec<String>,
}

/// A value that is more frequent inside the region.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanDifference {
    /// As a query names it.
    pub field: String,
    /// As a query writes it.
    pub value: String,
    /// How many spans have it, of those inside that were looked at.
    pub inside: u64,
    /// The same outside.
    pub outside: u64,
    /// The share of spans that have it among those inside that were looked at, from 0 to 1.
    pub inside_share: f64,
    /// The same outside; 0 where there is none outside.
    pub outside_share: f64,
    /// By how much the shares differ at least, with 99 % confidence (Newcombe's interval, 1998): a
    /// large difference of many spans is near 1, one of a few spans or a small one near 0.
    pub score: f64,
}
