//! What is asked and what is answered, as plain data.

mod context;
mod fields;
mod live;
mod logs;
mod plan;
mod spans;
mod table;

use std::time::Duration;

pub use context::{ContextBy, ContextSearch, LogContext};
pub use fields::{FieldKind, FieldList, FieldSummary, FieldValue, FieldValues, ValueSearch};
pub use live::TailEvent;
pub use logs::{FoundLog, HistogramBar, LogPage, LogSearch};
pub use plan::{AnsweredBy, ClauseCount, ClausePlan, Explain, PrunedBy, QueryPlan, SplitPlan};
pub use spans::{SpanPage, SpanSearch};
pub use table::{LogTable, LogTableSearch};

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
    /// Too many others are under way.
    #[error("the store is busy: {reason}")]
    Busy {
        /// What there are too many of.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// A file could not be read, or a question that takes no half answer ran out of time.
    #[error("the store could not be read")]
    Store(#[source] std::io::Error),
}
