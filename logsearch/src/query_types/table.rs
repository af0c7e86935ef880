use std::time::Duration;

use serde_json::Value;
use watchfire_schemas::TimeRange;

use super::Explain;

/// A query that ends in a pipe: `… | count by f, g`, `… | top 10 f`, `… | hist f by 100`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogTableSearch {
    /// In the query language, with a pipe.
    pub query: String,
    /// When the records happened.
    pub range: TimeRange,
    /// How many rows at most; 10,000 if it is more.
    pub limit: usize,
    /// How long it may take; what is counted until then is the answer.
    pub deadline: Duration,
}

/// An answer to [`LogTableSearch`].
#[derive(Debug, Clone, PartialEq)]
pub struct LogTable {
    /// The fields that were asked for, as the query names them, and `count` last.
    pub columns: Vec<String>,
    /// One value for each column; null for a record that has no value. `count by` and `top` put the
    /// most frequent first, `hist` the lowest.
    pub rows: Vec<Vec<Value>>,
    /// How many records the query means.
    pub records: u64,
    /// By how much each count may be too small: above 0 only where there are more different values
    /// than are kept in memory.
    pub error: u64,
    /// Whether the deadline cut the answer short.
    pub partial: bool,
    /// How long it took.
    pub took: Duration,
    /// How it was answered.
    pub explain: Explain,
    /// "did you mean", where a field is unknown, and why a table is empty or coarser than asked.
    pub hints: Vec<String>,
}
