//! Time series: chunks, index, PromQL, exposition.
//!
//! Samples come in batches of the write-ahead log and are durable by it: the store writes a
//! snapshot of its head now and then, says up to which batch that goes, and is handed the rest
//! again at the next start.

mod answer;
mod delta_batch;
mod http;
mod increments;
mod matcher;
mod number;
mod promql;
mod query_options;
mod staleness;
mod storage;
mod tsdb;
mod write_batch;

pub use answer::{
    Annotations, ExemplarSeries, InstantSample, QueryAnswer, QueryError, QueryValue, RangeSeries,
};
pub use delta_batch::{Came, DeltaBatch, DeltaLabels, DeltaSeries};
pub use http::{ServerFacts, TargetBoard, http_router};
pub use matcher::Selector;
pub use query_options::{QueryOptions, QueryStop, StopOnDrop};
pub use tsdb::{
    Config, Listing, OpenError, Tsdb, TsdbCardinality, TsdbStats, check_expression, format_query,
    selectors,
};
pub use write_batch::{
    Fault, FaultReason, Objection, Place, WriteBatch, WriteError, WriteVersion, WrittenSeries,
};
