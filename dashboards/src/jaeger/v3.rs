//! Jaeger's API v3: OTLP in JSON, and summaries of traces, which newer pages of Jaeger search by.

mod asked;
mod otlp;
mod summary;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use http::{StatusCode, header};
use serde_json::{Value, json};
use watchfire_logsearch::QueryError;
use watchfire_schemas::{RecordId, TraceId};

use self::otlp::OtlpText;
use super::answer::{Failure, plain, trace_id, truth};
use super::found::find;
use super::names::{Operation, operations_of, service_names};
use crate::params::Params;
use crate::{Console, ask};

/// Spans of all traces of one answer.
const MOST_SPANS: usize = 50_000;

/// Spans read at a time.
const SPANS_AT_ONCE: usize = 1_000;

/// Outlines read at a time.
const OUTLINES_AT_ONCE: usize = 4;

/// Why there is no answer, as v3 tells it.
#[derive(Debug)]
pub(super) struct Refusal(Failure);

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Failure { status, message } = self.0;
        let body = json!({"error": {"httpCode": status.as_u16(), "message": message}});
        (status, Json(body)).into_response()
    }
}

pub(super) async fn services(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Refusal> {
    let names = service_names(&console).await?;
    Ok(plain(&params, &json!({"services": names})))
}

pub(super) async fn operations(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Refusal> {
    let service = params.text("service");
    let kind = params.get("spanKind").or(params.get("span_kind"));
    let found = operations_of(&console, &service, kind).await?;
    let shown: Vec<Value> = found.iter().map(Operation::shown).collect();
    Ok(plain(&params, &json!({"operations": shown})))
}

/// What there is to say of each trace that a search finds, newest first.
pub(super) async fn summaries(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Refusal> {
    let found = find(&console, &asked::search(&params)?).await?;
    let mut outlines = stream::iter(found.ids)
        .map(|id| outline(&console, id))
        .buffered(OUTLINES_AT_ONCE);
    let mut shown: Vec<Value> = Vec::new();
    while let Some(outline) = outlines.next().await {
        shown.extend(outline?);
    }
    Ok(plain(&params, &json!({"summaries": shown})))
}

async fn outline(console: &Console, id: TraceId) -> Result<Option<Value>, QueryError> {
    let outline = console.events.trace_outline(id, ask::DEADLINE).await?;
    Ok(summary::summary(id, &outline))
}

pub(super) async fn traces(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Refusal> {
    let found = find(&console, &asked::search(&params)?).await?;
    written(&console, &found.ids).await
}

pub(super) async fn one(
    State(console): State<Console>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Refusal> {
    let id = trace_id(&id)?;
    for name in ["rawTraces", "raw_traces"] {
        truth(&params, name)?;
    }
    for names in [["startTime", "start_time"], ["endTime", "end_time"]] {
        // Only a hint where to look; a trace is found without.
        asked::time(&params, names)?;
    }
    written(&console, &[id]).await
}

async fn written(console: &Console, ids: &[TraceId]) -> Result<Response, Refusal> {
    let mut text = OtlpText::default();
    let mut spans = 0;
    for id in ids {
        let outline = console.events.trace_outline(*id, ask::DEADLINE).await?;
        if spans > 0 && spans + outline.spans.len() > MOST_SPANS {
            // Its form has no place to say so; the traces that are there are whole.
            break;
        }
        let all: Vec<RecordId> = outline.spans.iter().map(|span| span.id).collect();
        spans += all.len();
        for part in all.chunks(SPANS_AT_ONCE) {
            let events = &console.events;
            let read = events
                .trace_spans(*id, part.to_vec(), ask::DEADLINE)
                .await?;
            for (_, span) in &read {
                text.add(span);
            }
        }
    }
    if spans == 0 {
        return Err(Failure::new(StatusCode::NOT_FOUND, "No traces found").into());
    }
    let body = format!("{{\"result\":{}}}", text.end());
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}
