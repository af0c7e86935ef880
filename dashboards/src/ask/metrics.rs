//! Time series, asked on a thread that may block.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use watchfire_schemas::{MetricMetadata, TimeRange, Timestamp};
use watchfire_tsdb::{QueryAnswer, QueryError, QueryOptions, QueryValue, RangeSeries, Selector};

use super::DEADLINE;
use super::own_metrics::described;
use crate::Console;

/// An expression over a range, at whole multiples of the step.
pub(crate) async fn range(
    console: &Console,
    expr: impl Into<String>,
    asked: TimeRange,
    step: Duration,
) -> Result<QueryAnswer<Vec<RangeSeries>>, QueryError> {
    let start = asked.start.floor(step);
    let end = asked.end;
    steps(console, expr, TimeRange { start, end }, step).await
}

/// An expression at the start of a range and every step after it.
pub(crate) async fn steps(
    console: &Console,
    expr: impl Into<String>,
    TimeRange { start, end }: TimeRange,
    step: Duration,
) -> Result<QueryAnswer<Vec<RangeSeries>>, QueryError> {
    let (tsdb, expr) = (Arc::clone(&console.tsdb), expr.into());
    let options = QueryOptions::within(DEADLINE);
    let _stop = options.stop.on_drop();
    spawn_blocking(move || tsdb.query_range(&expr, start, end, step, &options))
        .await
        .unwrap_or_else(|stopped| Err(QueryError::Execution(stopped.to_string())))
}

/// An expression at one time.
pub(crate) async fn instant(
    console: &Console,
    expr: impl Into<String>,
    at: Timestamp,
) -> Result<QueryAnswer<QueryValue>, QueryError> {
    let (tsdb, expr) = (Arc::clone(&console.tsdb), expr.into());
    let options = QueryOptions::within(DEADLINE);
    let _stop = options.stop.on_drop();
    spawn_blocking(move || tsdb.query(&expr, at, &options))
        .await
        .unwrap_or_else(|stopped| Err(QueryError::Execution(stopped.to_string())))
}

/// By how much counters grew in each bin, for many selectors at once, in their order.
pub(crate) async fn trends(
    console: &Console,
    selectors: Vec<String>,
    start: Timestamp,
    bin: Duration,
    bins: usize,
) -> Result<Vec<Vec<f64>>, QueryError> {
    let tsdb = Arc::clone(&console.tsdb);
    spawn_blocking(move || {
        selectors
            .iter()
            .map(|selector| {
                Selector::parse(selector)
                    .map(|selector| tsdb.increments(&selector, start, bin, bins))
            })
            .collect()
    })
    .await
    .unwrap_or_else(|stopped| Err(QueryError::Execution(stopped.to_string())))
}

/// What was said of metrics, by the names of their families.
pub(crate) async fn metadata(console: &Console) -> Vec<MetricMetadata> {
    let tsdb = Arc::clone(&console.tsdb);
    let read = spawn_blocking(move || described(tsdb.metadata()));
    read.await.unwrap_or_default()
}

/// The values of a label, each with the number of series in memory that carry it.
pub(crate) async fn series_counts(console: &Console, label: &'static str) -> Vec<(String, usize)> {
    let tsdb = Arc::clone(&console.tsdb);
    let read = spawn_blocking(move || tsdb.series_counts(label));
    read.await.unwrap_or_default()
}
