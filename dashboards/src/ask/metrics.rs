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

/// The same over a range, in bins of at least a second. A sample that we derive from an event stands
/// at the whole second after it, so the range is rounded up likewise: what came in just now counts.
pub(crate) async fn growth(
    console: &Console,
    selectors: Vec<String>,
    range: TimeRange,
    bins: usize,
) -> Result<Vec<Vec<f64>>, QueryError> {
    let (start, bin) = whole_bins(range, bins);
    trends(console, selectors, start, bin, bins).await
}

/// From where, and how wide, so many bins hold all whole seconds that end what is in the range.
fn whole_bins(range: TimeRange, bins: usize) -> (Timestamp, Duration) {
    let second = Duration::from_secs(1);
    let up = |at: Timestamp| {
        let floor = at.floor(second);
        if floor == at { at } else { floor + second }
    };
    let (start, end) = (up(range.start), up(range.end));
    let millis = end.since(start).as_millis().div_ceil(bins.max(1) as u128);
    let bin = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
    (start, bin.max(second))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_of_a_range_hold_the_second_that_ends_it() {
        let at = |nanos| Timestamp::from_nanos(nanos);
        let range = |start, end| TimeRange {
            start: at(start),
            end: at(end),
        };
        let day = 86_400_000_000_000;
        let (start, bin) = whole_bins(range(400_000_000, day + 400_000_000), 40);
        assert_eq!((start, bin), (at(1_000_000_000), Duration::from_mins(36)));
        // Ends that are whole already stay.
        let (start, bin) = whole_bins(range(0, day), 1);
        assert_eq!((start, bin), (at(0), Duration::from_hours(24)));
        // Whatever the fraction, the last bin reaches the second after the end.
        let (start, bin) = whole_bins(range(1_900_000_000, 100_000_000_001), 7);
        assert!(start + bin * 7 >= at(101_000_000_000));
        assert_eq!(whole_bins(range(0, 5), 40).1, Duration::from_secs(1));
    }
}
