use std::time::Duration;

use serde::Serialize;
use watchfire_schemas::TimeRange;

/// A value of a field and how many records carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldValue {
    /// As a query writes it.
    pub value: String,
    /// How many records.
    pub count: u64,
}

/// A search for the most frequent values of a field among the records of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueSearch {
    /// In the query language; of one with a pipe, what stands before it.
    pub query: String,
    /// When the records happened.
    pub range: TimeRange,
    /// Any field, by its name or an alias; a leading `@` is ignored.
    pub field: String,
    /// How many values at most.
    pub limit: usize,
    /// How long it may take; what is counted until then is the answer.
    pub deadline: Duration,
}

/// An answer to [`ValueSearch`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldValues {
    /// Most frequent first.
    pub values: Vec<FieldValue>,
    /// By how much each count may be too small: above 0 only where there are more different values
    /// than are kept in memory.
    pub error: u64,
    /// Whether the deadline cut the answer short.
    pub partial: bool,
    /// Why there are no values, where that has a reason: free text, a field that no record has.
    pub hints: Vec<String>,
}

/// The fields that the records of a query have.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FieldList {
    /// Widest first, then by name.
    pub fields: Vec<FieldSummary>,
    /// How many records the query means.
    pub records: u64,
    /// Whether the records of fields are an estimate from a sample.
    pub sampled: bool,
    /// Whether the deadline cut the answer short.
    pub partial: bool,
}

/// One field among the records of a query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldSummary {
    /// As a query names it.
    pub name: String,
    /// What its values are.
    pub kind: FieldKind,
    /// How many records of the query have it.
    pub records: u64,
    /// Their share of the records of the query, from 0 to 1.
    pub coverage: f64,
}

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Compared as a whole. Also a field with values of several kinds.
    Keyword,
    /// Searched by its words.
    Text,
    /// Compared by order.
    Number,
    /// True or false.
    Bool,
    /// A moment.
    Time,
    /// Names one thing; compared as a whole.
    Id,
}
