//! What is asked and what is answered, as plain data.

mod context;
mod fields;
mod live;
mod logs;
mod plan;
mod span_comparison;
mod span_groups;
mod span_scatter;
mod spans;
mod table;
mod trace_outline;

use std::time::Duration;

pub use context::{ContextBy, ContextSearch, LogContext};
pub use fields::{FieldKind, FieldList, FieldSummary, FieldValue, FieldValues, ValueSearch};
pub use live::TailEvent;
pub use logs::{FoundLog, HistogramBar, LogPage, LogSearch};
pub use plan::{AnsweredBy, ClauseCount, ClausePlan, Explain, PrunedBy, QueryPlan, SplitPlan};
pub use span_comparison::{SpanComparison, SpanComparisonSearch, SpanDifference};
pub use span_groups::{SpanGroup, SpanGroupSearch, SpanGroups};
pub(crate) use span_scatter::row_edge;
pub use span_scatter::{ScatterCell, SpanOutlier, SpanScatter, SpanScatterSearch};
pub use spans::{SpanPage, SpanSearch};
pub use table::{LogTable, LogTableSearch};
pub use trace_outline::{SpanOutline, TraceOutline};

use watchfire_schemas::Span;

/// Counts over time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// Every step of the range, empty ones included.
    pub bars: Vec<HistogramBar>,
    /// Whether the deadline cut the counting short; the newest records are counted first.
    pub partial: bool,
}

/// The spans of one trace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceSpans {
    /// By start, the earliest first. Of a trace of too many spans the earliest: they hold its root.
    pub spans: Vec<Span>,
    /// How many there are.
    pub total: u64,
    /// Whether the deadline cut the search short, so that some are missing.
    pub partial: bool,
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
    /// An answer would cost more than any query may.
    #[error("{reason}")]
    TooCostly {
        /// What to ask instead.
        reason: String,
    },
    /// Too many other queries are under way.
    #[error("the store is busy: {reason}")]
    Busy {
        /// How many.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// A question that takes no half answer ran out of time.
    #[error("the answer was not ready in time")]
    TimedOut,
    /// A file could not be read.
    #[error("the store could not be read")]
    Store(#[source] std::io::Error),
}
