use std::collections::HashSet;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use watchfire_schemas::{SpanId, TraceId};

use super::super::Problem;
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::BadParam;

/// `GET /api/v1/traces/{trace_id}`: its spans, earliest first; of more than 10,000 the earliest.
pub(super) async fn whole(
    State(traces): State<Events>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let trace_id = read(&id)?;
    let trace = traces.events.trace(trace_id, DEADLINE).await?;
    if trace.spans.is_empty() && !trace.partial {
        return Err(unknown(trace_id));
    }
    let twice = twice(trace.spans.iter().map(|span| span.span_id));
    Ok(Json(json!({
        "trace_id": trace_id,
        "spans": trace.spans,
        "total_spans": trace.total,
        "duplicate_span_ids": twice,
        "partial": trace.partial,
    })))
}

/// `GET /api/v1/traces/{trace_id}/outline`: what a picture of it takes; of more than 100,000 spans
/// the earliest.
pub(super) async fn outline(
    State(traces): State<Events>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let trace_id = read(&id)?;
    let outline = traces.events.trace_outline(trace_id, DEADLINE).await?;
    if outline.spans.is_empty() && !outline.partial {
        return Err(unknown(trace_id));
    }
    let spans = outline.spans.iter().map(|span| {
        json!({
            "id": span.id,
            "span_id": span.span_id,
            "parent_span_id": span.parent_span_id,
            "service": span.service,
            "name": span.name,
            "kind": span.kind,
            "start": span.start,
            "end": span.end,
            "error": span.is_error,
        })
    });
    let spans: Vec<Value> = spans.collect();
    let twice = twice(outline.spans.iter().map(|span| span.span_id));
    Ok(Json(json!({
        "trace_id": trace_id,
        "services": outline.services,
        "names": outline.names,
        "spans": spans,
        "total_spans": outline.total,
        "duplicate_span_ids": twice,
        "partial": outline.partial,
    })))
}

fn read(id: &str) -> Result<TraceId, BadParam> {
    let expected = "expected 32 hexadecimal digits, not all zeros";
    id.parse().map_err(|_| BadParam::new("trace_id", expected))
}

fn unknown(trace_id: TraceId) -> Problem {
    Problem::not_found(&format!("trace {trace_id}"))
}

/// Ids that more than one span has, each once.
fn twice(ids: impl Iterator<Item = SpanId>) -> Vec<SpanId> {
    let (mut seen, mut told) = (HashSet::new(), HashSet::new());
    ids.filter(|id| !seen.insert(*id) && told.insert(*id))
        .collect()
}
