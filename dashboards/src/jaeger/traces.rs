//! Traces in the form of Jaeger 1: those that a search finds, and one by its id.

use std::collections::HashSet;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use http::{StatusCode, header};
use serde_json::Value;
use tokio::time::Instant;
use watchfire_logsearch::{QueryError, TraceOutline, TraceSpans};
use watchfire_schemas::{RecordId, TraceId};

use super::answer::{Failure, is_pretty, number, or_null, remark, text, trace_id, truth};
use super::asked::SearchAsked;
use super::found::find;
use super::shape::TraceText;
use crate::params::Params;
use crate::{Console, ask};

/// Spans of all traces of one search; traces beyond are left out and told.
const MOST_SPANS: usize = 100_000;

/// How long the traces of one search are read.
const PATIENCE: Duration = Duration::from_secs(20);

/// Traces read at a time.
const TRACES_AT_ONCE: usize = 4;

/// Spans of one trace read at a time.
const SPANS_AT_ONCE: usize = 1_000;

/// The traces of the newest spans that match, or those of the ids that are given.
pub(super) async fn search(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Failure> {
    truth(&params, "raw")?;
    let given = params.all("traceID");
    let mut remarks = Vec::new();
    let ids = if given.is_empty() {
        let found = find(&console, &SearchAsked::read(&params, console.clock.now())?).await?;
        if found.is_cut {
            let message = "older spans were not looked at: narrow the search or its time";
            remarks.push(remark(message, None));
        }
        found.ids
    } else {
        let ids = given.iter().map(|id| trace_id(id));
        ids.collect::<Result<Vec<_>, _>>()?
    };
    let is_pretty = is_pretty(&params);
    let mut traces = stream::iter(ids.iter().copied())
        .map(|id| read(&console, id))
        .buffered(TRACES_AT_ONCE);
    let (mut shown, mut spans, began) = (Vec::new(), 0, Instant::now());
    while let Some(read) = traces.next().await {
        let (id, trace) = read?;
        spans += trace.spans.len();
        if trace.spans.is_empty() {
            remarks.push(remark("trace not found", Some(id)));
            continue;
        }
        let is_enough = spans > MOST_SPANS || began.elapsed() > PATIENCE;
        if is_enough && !shown.is_empty() {
            let left = ids.len() - shown.len();
            let (most, patience) = (MOST_SPANS, PATIENCE.as_secs());
            let message = format!(
                "{left} traces are left out: an answer holds {most} spans and takes {patience} s"
            );
            remarks.push(remark(&message, None));
            break;
        }
        shown.push(whole(id, &trace, is_pretty));
    }
    let body = format!(
        "{{\"data\":[{}],\"total\":{},\"limit\":0,\"offset\":0,\"errors\":{}}}",
        shown.join(","),
        shown.len(),
        text(&or_null(&remarks), is_pretty)
    );
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn read(console: &Console, id: TraceId) -> Result<(TraceId, TraceSpans), QueryError> {
    Ok((id, console.events.trace(id, ask::DEADLINE).await?))
}

fn whole(id: TraceId, trace: &TraceSpans, is_pretty: bool) -> String {
    let known = trace.spans.iter().map(|span| span.span_id).collect();
    let mut text = TraceText::new(id, known, is_pretty);
    for span in &trace.spans {
        text.add(span);
    }
    text.end(&warnings(trace.spans.len(), trace.total, trace.partial))
}

/// What is to be said of a trace that is not all there.
fn warnings(shown: usize, total: u64, is_partial: bool) -> Vec<Value> {
    let mut warnings = Vec::new();
    if total > shown as u64 {
        warnings.push(format!("these are the first {shown} of {total} spans").into());
    }
    if is_partial {
        warnings.push("the search for spans ran out of time: some are missing".into());
    }
    warnings
}

/// A trace, written as it is read: of one with many spans a part is in memory at a time.
struct Reading {
    console: Console,
    id: TraceId,
    /// Those not read yet, the last first.
    left: Vec<RecordId>,
    /// Of the part that is read next, which the first time is there before anything is answered.
    part: Option<String>,
    /// None after the end.
    text: Option<TraceText>,
    shown: usize,
    total: u64,
    is_partial: bool,
}

pub(super) async fn one(
    State(console): State<Console>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Failure> {
    let id = trace_id(&id)?;
    truth(&params, "raw")?;
    for name in ["start", "end"] {
        // Only a hint where to look; a trace is found without.
        number(&params, name, "microseconds")?;
    }
    let outline = console.events.trace_outline(id, ask::DEADLINE).await?;
    if outline.spans.is_empty() {
        return Err(Failure::new(StatusCode::NOT_FOUND, "trace not found"));
    }
    let mut reading = Reading::new(console, id, &outline, is_pretty(&params));
    reading.part = Some(reading.next().await?);
    let body = Body::from_stream(stream::try_unfold(reading, step));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn step(mut reading: Reading) -> Result<Option<(String, Reading)>, QueryError> {
    if let Some(part) = reading.part.take() {
        return Ok(Some((part, reading)));
    }
    if reading.text.is_none() {
        return Ok(None);
    }
    let part = reading.next().await?;
    Ok(Some((part, reading)))
}

impl Reading {
    fn new(console: Console, id: TraceId, outline: &TraceOutline, is_pretty: bool) -> Self {
        let known: HashSet<_> = outline.spans.iter().map(|span| span.span_id).collect();
        let mut text = TraceText::new(id, known, is_pretty);
        text.begin_with("{\"data\":[");
        Self {
            console,
            id,
            left: outline.spans.iter().rev().map(|span| span.id).collect(),
            part: None,
            text: Some(text),
            shown: 0,
            total: outline.total,
            is_partial: outline.partial,
        }
    }

    /// The text of the next spans, and after the last of them the end.
    async fn next(&mut self) -> Result<String, QueryError> {
        let at = self.left.len().saturating_sub(SPANS_AT_ONCE);
        let ids: Vec<RecordId> = self.left.drain(at..).rev().collect();
        let events = &self.console.events;
        let spans = events.trace_spans(self.id, ids, ask::DEADLINE).await?;
        self.shown += spans.len();
        let Some(mut text) = self.text.take() else {
            return Ok(String::new());
        };
        for (_, span) in &spans {
            text.add(span);
        }
        if self.left.is_empty() {
            let warnings = warnings(self.shown, self.total, self.is_partial);
            let rest = "],\"total\":1,\"limit\":0,\"offset\":0,\"errors\":null}";
            return Ok(text.end(&warnings) + rest);
        }
        let part = text.take();
        self.text = Some(text);
        Ok(part)
    }
}
