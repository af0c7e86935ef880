//! `/traces`: search for spans, one row a trace.

use askama::Template;
use axum::extract::State;
use watchfire_logsearch::{QueryError, SpanPage};
use watchfire_schemas::{Span, Timestamp};

use super::{Fault, Page, render};
use crate::ask;
use crate::charts::{Svg, bar};
use crate::figures::{self, When};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, query_text, url};

/// Spans read for a page; rows are fewer where several are of one trace.
const PAGE: usize = 100;

#[derive(Debug, Clone)]
pub(crate) struct SpanRow {
    pub(crate) href: String,
    pub(crate) at: When,
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) duration: String,
    pub(crate) bar: Svg,
    pub(crate) is_error: bool,
    pub(crate) error: String,
}

#[derive(Debug, Template)]
#[template(path = "traces.html")]
pub(crate) struct TracesPage {
    pub(crate) shell: Shell,
    pub(crate) query: String,
    pub(crate) range: Vec<(&'static str, String)>,
    pub(crate) error: Option<String>,
    pub(crate) summary: String,
    pub(crate) shortcuts: Vec<(&'static str, String)>,
    pub(crate) traces: Vec<SpanRow>,
    pub(crate) next: Option<String>,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "1h")?;
    let query = params.text("q");
    let shell = Shell::ranged(&house, "/traces", "Traces", &asked, &[("q", &query)]);
    match ask::spans(&console, &query, asked.range, PAGE, params.get("cursor")).await {
        Ok(page) => render(&view(shell, house.now, query, &asked, Ok(&page))),
        Err(QueryError::Parse { column, reason }) => {
            let error = format!("column {column}: {reason}");
            render(&view(shell, house.now, query, &asked, Err(error)))
        }
        Err(QueryError::Cursor) => {
            Err(BadParam::new("cursor", "is not one that a page gave").into())
        }
        Err(error) => Err(Fault::Events(error)),
    }
}

pub(crate) fn view(
    shell: Shell,
    now: Timestamp,
    query: String,
    asked: &Asked,
    answer: Result<&SpanPage, String>,
) -> TracesPage {
    let page = answer.as_ref().ok();
    let spans: Vec<&Span> = page.map_or_else(Vec::new, |page| {
        page.spans.iter().map(|(_, span)| span).collect()
    });
    let longest = spans
        .iter()
        .map(|span| span.duration().as_secs_f64())
        .fold(0.0, f64::max);
    // Of each trace the span that found it: the longest that matches.
    let mut shown: Vec<&Span> = Vec::new();
    for span in spans {
        match shown
            .iter_mut()
            .find(|other| other.trace_id == span.trace_id)
        {
            Some(other) if other.duration() < span.duration() => *other = span,
            Some(_) => {}
            None => shown.push(span),
        }
    }
    let narrowed =
        |clause: &str| asked.link("/traces", &[("q", &query_text::with(&query, clause))]);
    TracesPage {
        shell,
        range: asked
            .parameters()
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        summary: page.map_or_else(String::new, |page| {
            format!(
                "{}{} spans of {} traces shown, in {}{}",
                if page.total_is_exact { "" } else { "at least " },
                figures::count(page.total),
                shown.len(),
                figures::duration(page.took.as_secs_f64()),
                if page.partial {
                    "; partial: the deadline cut it short"
                } else {
                    ""
                }
            )
        }),
        shortcuts: vec![
            ("failed", narrowed("status:error")),
            ("entry points", narrowed("kind:server")),
        ],
        traces: shown
            .iter()
            .map(|span| span_row(span, longest, now))
            .collect(),
        next: page
            .and_then(|page| page.next.as_ref())
            .map(|cursor| asked.link("/traces", &[("q", &query), ("cursor", cursor)])),
        error: answer.err(),
        query,
    }
}

/// A span as the row of its trace; `longest` seconds fill the bar.
pub(crate) fn span_row(span: &Span, longest: f64, now: Timestamp) -> SpanRow {
    let seconds = span.duration().as_secs_f64();
    let share = seconds / longest.max(1e-9) * 100.0;
    let error = match &span.status {
        watchfire_schemas::SpanStatus::Error { message } => message.clone(),
        _ => String::new(),
    };
    SpanRow {
        href: url::link(
            &format!("/traces/{}", span.trace_id),
            &[("span", &span.span_id.to_string())],
        ),
        at: When::clock(span.start, now),
        service: span.service.clone(),
        name: span.name.clone(),
        kind: span.kind.as_str(),
        duration: figures::duration(seconds),
        bar: bar(0.0, share, if span.is_error() { "bad" } else { "ok" }),
        is_error: span.is_error(),
        error: super::log_view::one_line(&error),
    }
}
