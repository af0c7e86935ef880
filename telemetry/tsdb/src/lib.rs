//! Time series: chunks, index, PromQL, exposition.

mod tsdb;

pub use tsdb::{
    Config, ExemplarSeries, InstantSample, OpenError, QueryError, QueryValue, RangeSeries,
    Selector, Tsdb, TsdbStats, http_router,
};
