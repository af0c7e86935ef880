//! `/traces/{trace_id}`: the waterfall, with the logs of each span under it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use serde_json::Value;
use watchfire_logsearch::LogPage;
use watchfire_schemas::{Span, SpanId, SpanStatus, TimeRange, Timestamp, TraceId};

use super::log_view::{LogContext, LogView, log_view};
use super::{Fault, Page, render};
use crate::Console;
use crate::ask;
use crate::charts::{Svg, bar};
use crate::figures::{self, When};
use crate::params::{BadParam, Params};
use crate::query_text;
use crate::range::Asked;
use crate::shell::{House, Shell};

/// Spans on a page; a trace of more is cut and says so.
const MOST: usize = 1000;
const DEEPEST: usize = 12;

#[derive(Debug)]
pub(crate) struct EventView {
    pub(crate) offset: String,
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) stacktrace: String,
}

#[derive(Debug)]
pub(crate) struct WaterfallRow {
    pub(crate) id: String,
    /// `depth-3`: indentation by class, since inline style is forbidden.
    pub(crate) depth: String,
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) duration: String,
    pub(crate) offset: String,
    pub(crate) bar: Svg,
    pub(crate) is_error: bool,
    pub(crate) status: String,
    pub(crate) is_orphan: bool,
    pub(crate) is_open: bool,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) events: Vec<EventView>,
    pub(crate) logs: Vec<LogView>,
}

#[derive(Debug, Template)]
#[template(path = "trace.html")]
pub(crate) struct Trace {
    pub(crate) shell: Shell,
    pub(crate) id: String,
    pub(crate) started: When,
    pub(crate) duration: String,
    pub(crate) summary: String,
    pub(crate) errors: usize,
    pub(crate) orphans: usize,
    pub(crate) is_cut: bool,
    pub(crate) rows: Vec<WaterfallRow>,
    pub(crate) logs: Vec<LogView>,
    pub(crate) logs_href: String,
}

pub(crate) async fn page(
    State(console): State<Console>,
    Path(id): Path<String>,
    params: Params,
) -> Page {
    let trace_id: TraceId = id
        .parse()
        .map_err(|_| BadParam::new("trace_id", "expected 32 hexadecimal digits"))?;
    let house = House::ask(&console).await;
    let spans = console
        .events
        .trace(trace_id, ask::DEADLINE)
        .await
        .map_err(Fault::Events)?
        .spans;
    let mut shell = Shell::new(&house, "/traces/", format!("Trace {trace_id}"));
    let asked = range_of(&spans, house.now);
    let logs = ask::logs(
        &console,
        &format!("trace_id:{trace_id}"),
        asked.range,
        200,
        None,
    )
    .await;
    let logs = shell.take("logs", logs.map(Some));
    let has_logs = logs.as_ref().is_some_and(|page| !page.records.is_empty());
    if spans.is_empty() && !has_logs {
        return Err(Fault::NotFound(format!("trace {trace_id}")));
    }
    let selected = params.get("span").and_then(|id| id.parse().ok());
    render(&view(
        shell,
        trace_id,
        spans,
        logs.as_ref(),
        selected,
        &asked,
    ))
}

/// Where the logs of a trace can be: around its spans, or anywhere lately if it has none.
fn range_of(spans: &[Span], now: Timestamp) -> Asked {
    let slack = Duration::from_mins(1);
    let start = spans.iter().map(|span| span.start).min();
    let end = spans.iter().map(|span| span.end).max();
    Asked::absolute(TimeRange {
        start: start.unwrap_or(now - Duration::from_hours(14 * 24)) - slack,
        end: end.unwrap_or(now) + slack,
    })
}

pub(crate) fn view(
    shell: Shell,
    trace_id: TraceId,
    mut spans: Vec<Span>,
    logs: Option<&LogPage>,
    selected: Option<SpanId>,
    asked: &Asked,
) -> Trace {
    let is_cut = spans.len() > MOST;
    spans.truncate(MOST);
    let start = spans
        .iter()
        .map(|span| span.start)
        .min()
        .unwrap_or(asked.range.start);
    let end = spans.iter().map(|span| span.end).max().unwrap_or(start);
    let length = end.seconds_since(start);
    let query = format!("trace_id:{trace_id}");
    let context = LogContext::new(&query, asked);
    let mut by_span: HashMap<Option<SpanId>, Vec<LogView>> = HashMap::new();
    let known: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    let mut records: Vec<_> = logs.map_or_else(Vec::new, |page| page.records.iter().collect());
    records.sort_by_key(|found| (found.record.timestamp, found.id));
    for found in records {
        let span = found.record.span_id.filter(|span| known.contains(span));
        by_span
            .entry(span)
            .or_default()
            .push(log_view(found, &context));
    }
    let services: HashSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
    let summary = format!("{} spans, {} services", spans.len(), services.len());
    let errors = spans.iter().filter(|span| span.is_error()).count();
    let rows: Vec<WaterfallRow> = in_tree_order(&spans)
        .into_iter()
        .map(|(span, depth, is_orphan)| {
            let mut row = waterfall_row(span, depth, start, length);
            row.is_orphan = is_orphan;
            row.is_open = selected == Some(span.span_id);
            row.logs = by_span.remove(&Some(span.span_id)).unwrap_or_default();
            row
        })
        .collect();
    Trace {
        shell,
        id: trace_id.to_string(),
        started: When::millis(start),
        duration: figures::duration(length),
        summary,
        errors,
        orphans: rows.iter().filter(|row| row.is_orphan).count(),
        is_cut,
        rows,
        logs: by_span.remove(&None).unwrap_or_default(),
        logs_href: super::logs::href(&query_text::term("trace_id", &trace_id.to_string()), asked),
    }
}

/// Parents before children, siblings by start; a span whose parent is not there counts as a root
/// and as an orphan. Spans that are each other's ancestors come last, flat, rather than not at all.
fn in_tree_order(spans: &[Span]) -> Vec<(&Span, usize, bool)> {
    let known: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    let mut children: HashMap<Option<SpanId>, Vec<&Span>> = HashMap::new();
    for span in spans {
        let parent = span.parent_span_id.filter(|parent| known.contains(parent));
        children.entry(parent).or_default().push(span);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|span| (std::cmp::Reverse(span.start), span.span_id));
    }
    let mut ordered = Vec::with_capacity(spans.len());
    let mut stack: Vec<(&Span, usize)> = Vec::new();
    let roots = children.remove(&None).unwrap_or_default();
    stack.extend(roots.into_iter().map(|span| (span, 0)));
    while let Some((span, depth)) = stack.pop() {
        let is_orphan = depth == 0 && span.parent_span_id.is_some();
        ordered.push((span, depth, is_orphan));
        let below = children.remove(&Some(span.span_id)).unwrap_or_default();
        stack.extend(below.into_iter().map(|child| (child, depth + 1)));
    }
    let mut left: Vec<&Span> = children.into_values().flatten().collect();
    left.sort_by_key(|span| span.start);
    ordered.extend(left.into_iter().map(|span| (span, 0, true)));
    ordered
}

fn waterfall_row(span: &Span, depth: usize, start: Timestamp, length: f64) -> WaterfallRow {
    let percent = |seconds: f64| seconds / length.max(1e-9) * 100.0;
    let offset = span.start.seconds_since(start);
    let seconds = span.duration().as_secs_f64();
    let status = match &span.status {
        SpanStatus::Error { message } => message.clone(),
        SpanStatus::Ok | SpanStatus::Unset => String::new(),
    };
    let mut attributes = vec![("span_id".to_owned(), span.span_id.to_string())];
    attributes.extend(span.attributes.iter().map(shown));
    attributes.extend(span.resource.iter().map(shown));
    WaterfallRow {
        id: span.span_id.to_string(),
        depth: format!("depth-{}", depth.min(DEEPEST)),
        service: span.service.clone(),
        name: span.name.clone(),
        kind: span.kind.as_str(),
        duration: figures::duration(seconds),
        offset: figures::duration(offset),
        bar: bar(
            percent(offset),
            percent(seconds),
            if span.is_error() {
                "bad"
            } else {
                span.kind.as_str()
            },
        ),
        is_error: span.is_error(),
        status: figures::cut(&status, 1000).0.to_owned(),
        is_orphan: false,
        is_open: false,
        attributes,
        events: span
            .events
            .iter()
            .take(100)
            .map(|event| EventView {
                offset: figures::duration(event.timestamp.seconds_since(start)),
                name: event.name.clone(),
                attributes: event
                    .attributes
                    .iter()
                    .filter(|(key, _)| *key != "exception.stacktrace")
                    .map(shown)
                    .collect(),
                stacktrace: event
                    .attributes
                    .get("exception.stacktrace")
                    .and_then(Value::as_str)
                    .map(|text| figures::cut(text, 6000).0.to_owned())
                    .unwrap_or_default(),
            })
            .collect(),
        logs: Vec::new(),
    }
}

fn shown((key, value): (&String, &Value)) -> (String, String) {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (key.clone(), figures::cut(&text, 1000).0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn a_trace_with_holes_and_rings_still_shows_every_span() {
        let mut spans = samples::trace();
        let count = spans.len();
        // The second span's parent is unknown; the last two are each other's parents.
        spans[1].parent_span_id = Some("ffffffffffffffff".parse().unwrap());
        let (a, b) = (spans[count - 1].span_id, spans[count - 2].span_id);
        spans[count - 1].parent_span_id = Some(b);
        spans[count - 2].parent_span_id = Some(a);
        let ordered = in_tree_order(&spans);
        assert_eq!(ordered.len(), count);
        assert_eq!(
            ordered
                .iter()
                .filter(|(_, _, is_orphan)| *is_orphan)
                .count(),
            3
        );
    }
}
