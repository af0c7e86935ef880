//! `/api/v1/traces`.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use watchfire_schemas::{Span, TraceId};

use super::{LIMIT, MOST, Problem};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::{Console, ask};

/// Spans that match, newest first, gathered by trace.
pub(super) async fn search(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let limit = params.limit(LIMIT, MOST)?;
    let (query, cursor) = (params.text("q"), params.get("cursor"));
    let page = ask::spans(&console, &query, asked.range, limit, cursor).await?;
    Ok(Json(json!({
        "traces": by_trace(page.spans.iter().map(|(_, span)| span)),
        "total_spans": page.total,
        "total_is_exact": page.total_is_exact,
        "next": page.next,
        "partial": page.partial,
        "took_ms": page.took.as_secs_f64() * 1e3,
    })))
}

/// In the order in which the traces come first.
fn by_trace<'a>(spans: impl Iterator<Item = &'a Span>) -> Vec<Value> {
    let mut traces: Vec<(TraceId, Vec<&Span>)> = Vec::new();
    for span in spans {
        match traces.iter_mut().find(|(id, _)| *id == span.trace_id) {
            Some((_, spans)) => spans.push(span),
            None => traces.push((span.trace_id, vec![span])),
        }
    }
    let traces = traces.iter();
    traces
        .map(|(id, spans)| json!({ "trace_id": id, "spans": spans }))
        .collect()
}

pub(super) async fn one(
    State(console): State<Console>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let trace_id: TraceId = id
        .parse()
        .map_err(|_| BadParam::new("trace_id", "expected 32 hexadecimal digits, not all zeros"))?;
    let trace = console.events.trace(trace_id, ask::DEADLINE).await?;
    if trace.spans.is_empty() && !trace.partial {
        return Err(Problem::not_found(&format!("trace {trace_id}")));
    }
    Ok(Json(json!({
        "trace_id": trace_id,
        "spans": trace.spans,
        "total_spans": trace.total,
        "partial": trace.partial,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn spans_are_gathered_by_trace() {
        let spans = samples::trace();
        let traces = by_trace(spans.iter());
        assert_eq!(traces.len(), 1);
        assert_eq!(traces[0]["spans"].as_array().unwrap().len(), spans.len());
    }
}
