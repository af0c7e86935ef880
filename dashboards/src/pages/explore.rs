//! `/explore`: a PromQL expression, now and over the range.

use askama::Template;
use axum::extract::State;
use watchfire_schemas::Timestamp;
use watchfire_tsdb::{QueryError, QueryValue, RangeSeries};

use super::{Page, render};
use crate::charts::{Svg, TimePlot};
use crate::params::Params;
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, ask, figures};

/// Lines in the chart: one for each colour.
const LINES: usize = 8;
/// Rows in the table.
const ROWS: usize = 200;

/// Expressions to begin with.
const EXAMPLES: [(&str, &str); 5] = [
    (
        "requests by service",
        "sum by (service)(rate(traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\"}[5m]))",
    ),
    (
        "share of failed requests",
        "sum by (service)(rate(traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\",status=\"STATUS_CODE_ERROR\"}[5m])) / sum by (service)(rate(traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\"}[5m]))",
    ),
    (
        "p99 by service",
        "histogram_quantile(0.99, sum by (service, le)(rate(traces_span_metrics_duration_seconds_bucket{kind=\"SPAN_KIND_SERVER\"}[5m])))",
    ),
    (
        "log records by severity",
        "sum by (severity)(rate(log_records_total[5m]))",
    ),
    (
        "exceptions by type",
        "sum by (service, type)(increase(exceptions_total[10m]))",
    ),
];

#[derive(Debug)]
pub(crate) struct SeriesRow {
    /// `series-3`, for the colour of its line; empty beyond the chart.
    pub(crate) class: String,
    pub(crate) labels: String,
    pub(crate) value: String,
}

#[derive(Debug, Template)]
#[template(path = "explore.html")]
pub(crate) struct Explore {
    pub(crate) shell: Shell,
    pub(crate) expr: String,
    pub(crate) range: Vec<(&'static str, String)>,
    pub(crate) error: Option<String>,
    pub(crate) chart: Option<Svg>,
    pub(crate) note: String,
    pub(crate) rows: Vec<SeriesRow>,
    pub(crate) examples: Vec<(&'static str, String)>,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "1h")?;
    let expr = params.text("expr");
    let shell = Shell::ranged(&house, "/explore", "Explore", &asked, &[("expr", &expr)]);
    if expr.is_empty() {
        return render(&view(shell, expr, &asked, None));
    }
    let (instant, range) = tokio::join!(
        ask::instant(&console, expr.clone(), asked.range.end),
        ask::range(&console, expr.clone(), asked.range, asked.step(240)),
    );
    // A string or a range vector has a value now but no line.
    let answer = instant.map(|instant| (instant.value, range.unwrap_or_default().value));
    render(&view(shell, expr, &asked, Some(answer)))
}

pub(crate) fn view(
    shell: Shell,
    expr: String,
    asked: &Asked,
    answer: Option<Result<(QueryValue, Vec<RangeSeries>), QueryError>>,
) -> Explore {
    let (error, found) = match answer {
        None => (None, None),
        Some(Err(error)) => (Some(error.to_string()), None),
        Some(Ok(found)) => (None, Some(found)),
    };
    let series = found
        .as_ref()
        .map_or(&[][..], |(_, series)| series.as_slice());
    let rows = found
        .as_ref()
        .map_or_else(Vec::new, |(value, _)| rows(value, series));
    let count = rows.len();
    let note = match (count, series.len()) {
        (_, lines) if lines > LINES => {
            format!("{count} values now; the first {LINES} of {lines} lines drawn")
        }
        (1, _) => "one value now".to_owned(),
        (count, _) => format!("{count} values now"),
    };
    Explore {
        shell,
        range: asked
            .parameters()
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        error,
        chart: (!series.is_empty()).then(|| chart(series, asked)),
        note: if found.is_some() { note } else { String::new() },
        rows: rows.into_iter().take(ROWS).collect(),
        examples: EXAMPLES
            .map(|(label, expr)| (label, asked.link("/explore", &[("expr", expr)])))
            .into(),
        expr,
    }
}

fn rows(value: &QueryValue, series: &[RangeSeries]) -> Vec<SeriesRow> {
    let row = |labels: String, value: String| SeriesRow {
        class: String::new(),
        labels,
        value,
    };
    match value {
        QueryValue::Scalar(sample) => vec![row("scalar".to_owned(), figures::short(sample.v))],
        QueryValue::String(_, text) => vec![row(
            "string".to_owned(),
            figures::cut(text, 1000).0.to_owned(),
        )],
        QueryValue::Vector(samples) => samples
            .iter()
            .map(|sample| {
                let line = series
                    .iter()
                    .take(LINES)
                    .position(|other| other.labels == sample.labels);
                SeriesRow {
                    class: line.map_or_else(String::new, |line| format!("series-{line}")),
                    ..row(sample.labels.to_string(), figures::short(sample.sample.v))
                }
            })
            .collect(),
        QueryValue::Matrix(series) => series
            .iter()
            .map(|series| {
                row(
                    series.labels.to_string(),
                    format!("{} samples", series.samples.len()),
                )
            })
            .collect(),
    }
}

fn chart(series: &[RangeSeries], asked: &Asked) -> Svg {
    let shown = &series[..series.len().min(LINES)];
    let most = shown
        .iter()
        .flat_map(|series| &series.samples)
        .map(|sample| sample.v)
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    let mut plot = TimePlot::new(asked.range, 240, most, "");
    for (at, series) in shown.iter().enumerate() {
        let points: Vec<(Timestamp, f64)> = series
            .samples
            .iter()
            .map(|sample| (Timestamp::from_millis(sample.t), sample.v))
            .collect();
        plot.line(
            &series.labels.to_string(),
            &format!("series-{at}"),
            &points,
            1.0,
        );
    }
    plot.finish("The expression over the range")
}
