//! What the page asks for: all queries at once, each under the deadline of a page.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use watchfire_alerts::Incident;
use watchfire_schemas::{ChangeEvent, MetricMetadata, TimeRange};
use watchfire_tsdb::{ExemplarSeries, QueryAnswer, QueryError, QueryValue, RangeSeries, selectors};

use super::browser::{Metric, gathered};
use super::heat;
use super::state::{ExploreUrl, Face, QueryRow};
use crate::Console;
use crate::ask;
use crate::shell::Shell;

/// One query and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) letter: &'static str,
    pub(crate) expr: String,
    pub(crate) value: Result<Value, QueryError>,
    /// The same at an earlier time, moved to this one.
    pub(crate) ghost: Vec<RangeSeries>,
    pub(crate) took: Duration,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Lines(QueryAnswer<Vec<RangeSeries>>),
    Now(QueryAnswer<QueryValue>),
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) answers: Vec<Answered>,
    pub(crate) exemplars: Vec<ExemplarSeries>,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) changes: Vec<ChangeEvent>,
    pub(crate) metrics: Vec<Metric>,
    /// What was said of metrics: their units are looked up here.
    pub(crate) said: Vec<MetricMetadata>,
}

pub(super) async fn ask(console: &Console, shell: &mut Shell, url: &ExploreUrl) -> Found {
    let asked: Vec<&QueryRow> = url.rows.iter().filter(|row| row.is_asked()).collect();
    let asked = match url.face {
        Face::Heat => &asked[..asked.len().min(1)],
        Face::Metrics => &[],
        Face::Graph | Face::Table => &asked[..],
    };
    let answers = join_all(asked.iter().map(|row| answer(console, row, url)));
    let has_axis = matches!(url.face, Face::Graph | Face::Heat) && !asked.is_empty();
    let happened = async {
        if !(has_axis && url.has_marks) {
            return (Ok(Vec::new()), Ok(Vec::new()));
        }
        tokio::join!(
            console.alerts.incidents(url.asked.range, false, 200),
            console.alerts.changes(url.asked.range, None),
        )
    };
    let exemplars = async {
        if !(has_axis && url.has_exemplars) {
            return Vec::new();
        }
        join_all(
            asked
                .iter()
                .map(|row| exemplars(console, row, url.asked.range)),
        )
        .await
        .concat()
    };
    let metrics = async {
        let said = ask::metadata(console).await;
        if url.face != Face::Metrics {
            return (Vec::new(), said);
        }
        let counts = ask::series_counts(console, "__name__").await;
        (gathered(&counts, said), Vec::new())
    };
    let (answers, (incidents, changes), exemplars, (metrics, said)) =
        tokio::join!(answers, happened, exemplars, metrics);
    let (mut incidents, mut changes) = (
        shell.take("incidents", incidents),
        shell.take("changes", changes),
    );
    incidents.sort_by_key(|incident| std::cmp::Reverse(incident.onset.at));
    changes.sort_by_key(|change| std::cmp::Reverse(change.at));
    Found {
        answers,
        exemplars,
        incidents,
        changes,
        metrics,
        said,
    }
}

async fn answer(console: &Console, row: &QueryRow, url: &ExploreUrl) -> Answered {
    let began = Instant::now();
    let (range, step) = (url.asked.range, url.step());
    let expr = match url.face {
        Face::Heat => heat::expression(&row.expr, step),
        _ => row.expr.clone(),
    };
    let shift = url
        .against
        .shift(url.asked.length())
        .filter(|_| url.face == Face::Graph);
    let ghost = async {
        let shift = shift?;
        let earlier = TimeRange {
            start: range.start - shift,
            end: range.end - shift,
        };
        let series = ask::range(console, expr.clone(), earlier, step)
            .await
            .ok()?;
        // Steps are counted from the start of the range, which both must agree on.
        let by = range.start.floor(step).millis() - earlier.start.floor(step).millis();
        Some(moved(series.value, by))
    };
    let value = async {
        match url.face {
            Face::Table | Face::Metrics => ask::instant(console, expr.clone(), range.end)
                .await
                .map(Value::Now),
            Face::Graph | Face::Heat => ask::range(console, expr.clone(), range, step)
                .await
                .map(Value::Lines),
        }
    };
    let (value, ghost) = tokio::join!(value, ghost);
    Answered {
        letter: row.letter,
        expr: expr.clone(),
        value,
        ghost: ghost.unwrap_or_default(),
        took: began.elapsed(),
    }
}

/// Later by so many milliseconds.
fn moved(mut series: Vec<RangeSeries>, by: i64) -> Vec<RangeSeries> {
    for sample in series.iter_mut().flat_map(|series| &mut series.samples) {
        sample.t += by;
    }
    series
}

/// Of all series that an expression reads.
async fn exemplars(console: &Console, row: &QueryRow, range: TimeRange) -> Vec<ExemplarSeries> {
    let (tsdb, expr) = (Arc::clone(&console.tsdb), row.expr.clone());
    let read = spawn_blocking(move || {
        let selectors = selectors(&expr).unwrap_or_default();
        selectors
            .iter()
            .flat_map(|selector| tsdb.exemplars(selector, range))
            .collect()
    });
    read.await.unwrap_or_default()
}
