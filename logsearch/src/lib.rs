//! Event store for logs and spans: query language, tail, splits, search.

mod query_types;
mod store;

pub use query_types::{
    Explain, FieldValue, FoundLog, HistogramBar, LogPage, LogSearch, QueryError, SpanPage,
    SpanSearch,
};
pub use store::{AppendError, Config, DatasetStats, Entry, EventStore, OpenError};
