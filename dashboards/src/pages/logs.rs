//! `/logs`: search, and what was found over the whole range.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use watchfire_logsearch::{FieldValue, FoundLog, HistogramBar, LogPage, QueryError};
use watchfire_schemas::{RecordId, SeverityRange, TimeRange};

use super::log_view::{LogContext, LogView, log_view};
use super::{Fault, Page, render};
use crate::ask;
use crate::charts::{Stack, Svg, TimePlot};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, figures, query_text};

/// Records on a page.
const PAGE: usize = 50;
/// Fields whose most frequent values stand beside the records.
const FACETS: [&str; 4] = ["service.name", "severity", "exception.type", "http.route"];

/// A clause of the query, to be taken away or turned round.
#[derive(Debug, Clone)]
pub(crate) struct Pill {
    pub(crate) text: String,
    pub(crate) without: String,
    pub(crate) inverted: String,
    pub(crate) is_negative: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Facet {
    pub(crate) field: &'static str,
    /// (value, count, link)
    pub(crate) values: Vec<(String, String, String)>,
}

#[derive(Debug, Template)]
#[template(path = "logs.html")]
pub(crate) struct LogsPage {
    pub(crate) shell: Shell,
    pub(crate) query: String,
    pub(crate) range: Vec<(&'static str, String)>,
    pub(crate) pills: Vec<Pill>,
    /// The query up to the error, from it on, and what is wrong.
    pub(crate) error: Option<(String, String, String)>,
    pub(crate) hints: Vec<String>,
    pub(crate) summary: String,
    pub(crate) is_partial: bool,
    pub(crate) histogram: Option<Svg>,
    pub(crate) legend: Vec<(&'static str, String, String)>,
    pub(crate) logs: Vec<LogView>,
    pub(crate) facets: Vec<Facet>,
    pub(crate) next: Option<String>,
    pub(crate) first: Option<String>,
    pub(crate) is_single: bool,
}

/// What the page asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) page: Option<LogPage>,
    pub(crate) bars: Vec<HistogramBar>,
    pub(crate) facets: Vec<(&'static str, Vec<FieldValue>)>,
    pub(crate) step: Duration,
    pub(crate) error: Option<(usize, String)>,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    if let Some(id) = params.get("id") {
        return single(&console, &house, id).await;
    }
    let asked = Asked::from_params(&params, house.now, "1h")?;
    let query = params.text("q");
    let cursor = params.get("cursor");
    let mut shell = Shell::ranged(&house, "/logs", "Logs", &asked, &[("q", &query)]);
    let step = asked.step(90);
    let (page, bars) = tokio::join!(
        ask::logs(&console, &query, asked.range, PAGE, cursor),
        console
            .events
            .log_histogram(query.clone(), asked.range, step),
    );
    let mut found = Found {
        step,
        ..Found::default()
    };
    match page {
        Ok(page) => {
            found.page = Some(page);
            found.bars = shell.take("the histogram", bars);
            found.facets = facets(&console, &query, asked.range).await;
        }
        Err(QueryError::Parse { column, reason }) => found.error = Some((column, reason)),
        Err(QueryError::Cursor) => {
            return Err(BadParam::new("cursor", "is not one that a page gave").into());
        }
        Err(error) => return Err(Fault::Events(error)),
    }
    render(&view(shell, query, &asked, cursor.is_some(), &found))
}

async fn facets(
    console: &Console,
    query: &str,
    range: TimeRange,
) -> Vec<(&'static str, Vec<FieldValue>)> {
    let top = |field: &'static str| async move {
        let values = console
            .events
            .top_values(query.to_owned(), range, field.to_owned(), 8)
            .await;
        (field, values.unwrap_or_default())
    };
    futures_util::future::join_all(FACETS.map(top)).await
}

async fn single(console: &Console, house: &House, id: &str) -> Page {
    let record_id: RecordId = id
        .parse()
        .map_err(|_| BadParam::new("id", "expected a record's id such as 1a2b-3"))?;
    let found = console.events.log(record_id).await.map_err(Fault::Events)?;
    let found = found.ok_or_else(|| Fault::NotFound(format!("log record {id}")))?;
    render(&single_view(
        Shell::new(house, "/logs", "Log record"),
        &found,
    ))
}

/// One record by itself.
pub(crate) fn single_view(shell: Shell, found: &FoundLog) -> LogsPage {
    let asked = super::log_view::around(found.record.timestamp, Duration::from_mins(15));
    let context = LogContext {
        query: "",
        asked: &asked,
        path: "/logs",
        is_alone: true,
    };
    let logs = vec![log_view(found, &context)];
    LogsPage {
        logs,
        is_single: true,
        ..view(shell, String::new(), &asked, false, &Found::default())
    }
}

pub(crate) fn view(
    shell: Shell,
    query: String,
    asked: &Asked,
    is_later_page: bool,
    found: &Found,
) -> LogsPage {
    let context = LogContext {
        query: &query,
        asked,
        path: "/logs",
        is_alone: false,
    };
    let page = found.page.as_ref();
    let again = |q: &str| asked.link("/logs", &[("q", q)]);
    let range = asked
        .parameters()
        .into_iter()
        .filter(|(_, value)| !value.is_empty());
    LogsPage {
        shell,
        range: range.collect(),
        pills: pills(&query, &again),
        error: found.error.as_ref().map(|(column, reason)| {
            let (head, _) = figures::cut(&query, column.saturating_sub(1));
            let tail = query[head.len()..].to_owned();
            (head.to_owned(), tail, format!("column {column}: {reason}"))
        }),
        hints: page.map(|page| page.hints.clone()).unwrap_or_default(),
        summary: page.map(summary).unwrap_or_default(),
        is_partial: page.is_some_and(|page| page.partial),
        histogram: page.map(|_| histogram(found, &query, asked.range)),
        legend: legend(found, &query, &again),
        logs: page.map_or_else(Vec::new, |page| {
            page.records
                .iter()
                .map(|found| log_view(found, &context))
                .collect()
        }),
        facets: facet_views(found, &query, &again),
        next: page
            .and_then(|page| page.next.as_ref())
            .map(|cursor| asked.link("/logs", &[("q", &query), ("cursor", cursor)])),
        first: is_later_page.then(|| again(&query)),
        is_single: false,
        query,
    }
}

fn summary(page: &LogPage) -> String {
    let about = if page.total_is_exact { "" } else { "at least " };
    let noun = if page.total == 1 { "record" } else { "records" };
    let took = figures::duration(page.took.as_secs_f64());
    let scanned = figures::count(page.explain.rows_scanned);
    let splits =
        page.explain.splits_total - page.explain.splits_pruned.min(page.explain.splits_total);
    format!(
        "{about}{} {noun} in {took} ({scanned} rows read, {splits} of {} splits, {} in the tail)",
        figures::count(page.total),
        page.explain.splits_total,
        figures::count(page.explain.tail_records),
    )
}

fn pills(query: &str, again: &impl Fn(&str) -> String) -> Vec<Pill> {
    let clauses = query_text::clauses(query).unwrap_or_default();
    let pill = |index: usize| Pill {
        text: clauses[index].clone(),
        without: again(&query_text::without(&clauses, index)),
        inverted: again(&query_text::inverted(&clauses, index)),
        is_negative: clauses[index].starts_with('-'),
    };
    (0..clauses.len()).map(pill).collect()
}

/// The classes of severities, in the order of [`SeverityRange::ALL`].
const CLASSES: [&str; 6] = [
    "sev-trace",
    "sev-debug",
    "sev-info",
    "sev-warn",
    "sev-error",
    "sev-fatal",
];

fn histogram(found: &Found, query: &str, range: TimeRange) -> Svg {
    let sum = |bar: &HistogramBar| bar.counts.iter().sum::<u64>();
    let most = found.bars.iter().map(sum).max().unwrap_or(0);
    let mut plot = TimePlot::new(range, 96, most as f64, "");
    let stack = |bar: &HistogramBar| {
        let end = bar.start + found.step;
        // Worst at the bottom: there a few errors are seen under many lines of chatter.
        let parts = (0..6).rev().map(|at| {
            (
                CLASSES[at],
                SeverityRange::ALL[at].as_str(),
                bar.counts[at] as f64,
            )
        });
        Stack {
            start: bar.start,
            end,
            parts: parts.collect(),
            href: Some(
                Asked::absolute(TimeRange {
                    start: bar.start,
                    end,
                })
                .link("/logs", &[("q", query)]),
            ),
        }
    };
    plot.stacks(&found.bars.iter().map(stack).collect::<Vec<_>>());
    plot.finish("Records over the whole range, by severity")
}

fn legend(
    found: &Found,
    query: &str,
    again: &impl Fn(&str) -> String,
) -> Vec<(&'static str, String, String)> {
    let total = |at: usize| found.bars.iter().map(|bar| bar.counts[at]).sum::<u64>();
    (0..6)
        .rev()
        .filter(|at| total(*at) > 0)
        .map(|at| {
            let name = SeverityRange::ALL[at].as_str();
            let narrowed = query_text::with(query, &query_text::term("severity", name));
            (name, figures::count(total(at)), again(&narrowed))
        })
        .collect()
}

fn facet_views(found: &Found, query: &str, again: &impl Fn(&str) -> String) -> Vec<Facet> {
    let facet = |(field, values): &(&'static str, Vec<FieldValue>)| Facet {
        field,
        values: values
            .iter()
            .map(|value| {
                let narrowed = query_text::with(query, &query_text::term(field, &value.value));
                let (text, _) = figures::cut(&value.value, 80);
                (
                    text.to_owned(),
                    figures::count(value.count),
                    again(&narrowed),
                )
            })
            .collect(),
    };
    let facets = found.facets.iter().filter(|(_, values)| !values.is_empty());
    facets.map(facet).collect()
}

/// A link to the log records of a query, for other pages.
pub(crate) fn href(query: &str, asked: &Asked) -> String {
    asked.link("/logs", &[("q", query)])
}
