//! Event store for logs and spans: query language, tail, splits, search.
//!
//! Three datasets (logs, quarantined lines, spans) live on one engine. A record is first in the
//! *tail*, in memory, where queries scan it at once; a thread of the store seals the tail into
//! immutable *splits* on disk. The write-ahead log, which is not ours, makes up for a tail that is
//! lost: after a crash it hands over again what came after [`EventStore::checkpoint`].
//!
//! The format of splits is our own, and none of its types shows here.

#![warn(missing_docs)]

mod background;
mod context;
mod counts;
mod duration_cells;
mod engine;
mod field_list;
mod fields;
mod filter;
mod gate;
mod groups;
mod histogram;
mod kept;
mod live;
mod log_cells;
mod log_counter;
mod logs;
mod merger;
mod metrics;
mod neighbours;
mod patterns;
mod plan;
mod queries;
mod query;
mod query_types;
mod row;
mod row_values;
mod scalar;
mod scope;
mod sealer;
mod search;
mod shown;
mod space;
mod span_cells;
mod span_columns;
mod span_comparison;
mod span_groups;
mod span_queries;
mod span_scatter;
mod spans;
mod split;
mod spread;
mod store;
mod table;
mod tally;
mod tokens;
mod top_values;
mod trace;
mod trace_outline;
mod turns;
mod watch;

pub use live::LogTail;
pub use log_counter::LogCounter;
pub use patterns::{
    NoPatternId, PatternChange, PatternId, PatternList, PatternMiner, PatternSearch, PatternSummary,
};
pub use plan::{plan_query, plan_span_query};
pub use query::has_pipe;
pub use query_types::{
    AnsweredBy, ClauseCount, ClausePlan, ContextBy, ContextSearch, Explain, FieldKind, FieldList,
    FieldSummary, FieldValue, FieldValues, FoundLog, Histogram, HistogramBar, LogContext, LogPage,
    LogSearch, LogTable, LogTableSearch, PrunedBy, QueryError, QueryPlan, ScatterCell,
    SpanComparison, SpanComparisonSearch, SpanDifference, SpanGroup, SpanGroupSearch, SpanGroups,
    SpanOutlier, SpanOutline, SpanPage, SpanScatter, SpanScatterSearch, SpanSearch, SplitPlan,
    TailEvent, TraceOutline, TraceSpans, ValueSearch,
};
pub use space::Evicted;
pub use store::{AppendError, Config, DatasetStats, Entry, EventStore, OpenError};
