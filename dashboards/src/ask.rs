//! Questions to the stores. The only code of the console that waits.

mod edges;
mod many;
mod metrics;
mod own_metrics;
mod red;
mod standing;
pub(crate) mod violations;

use std::time::Duration;

use watchfire_logsearch::{LogPage, LogSearch, QueryError, SpanPage, SpanSearch};
use watchfire_schemas::TimeRange;

pub(crate) use edges::{Call, calls};
pub(crate) use many::many;
pub(crate) use metrics::{growth, instant, metadata, range, series_counts, trends};
pub(crate) use red::{ServiceRed, red, red_before, red_of};
pub(crate) use standing::{Compared, EdgeKey, Standing, Traffic, destinations, traffic};

use crate::Console;

/// How long a question of a page may take; what was found until then is shown and said to be partial.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// How many incidents and exception groups are read for a list.
pub(crate) const MOST_LISTED: usize = 1000;

/// Log records, newest first.
pub(crate) async fn logs(
    console: &Console,
    query: &str,
    range: TimeRange,
    limit: usize,
    cursor: Option<&str>,
) -> Result<LogPage, QueryError> {
    let search = LogSearch {
        query: query.to_owned(),
        range,
        limit,
        cursor: cursor.map(str::to_owned),
        deadline: DEADLINE,
    };
    console.events.search_logs(search).await
}

/// Spans, newest first.
pub(crate) async fn spans(
    console: &Console,
    query: &str,
    range: TimeRange,
    limit: usize,
    cursor: Option<&str>,
) -> Result<SpanPage, QueryError> {
    let search = SpanSearch {
        query: query.to_owned(),
        range,
        limit,
        cursor: cursor.map(str::to_owned),
        deadline: DEADLINE,
    };
    console.events.search_spans(search).await
}

/// Lines that broke their contract, newest first.
pub(crate) async fn quarantine(
    console: &Console,
    query: &str,
    range: TimeRange,
    limit: usize,
    cursor: Option<&str>,
) -> Result<LogPage, QueryError> {
    let search = LogSearch {
        query: query.to_owned(),
        range,
        limit,
        cursor: cursor.map(str::to_owned),
        deadline: DEADLINE,
    };
    console.events.search_quarantine(search).await
}
