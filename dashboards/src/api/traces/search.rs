use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use watchfire_logsearch::{LogTableSearch, SpanSearch, has_pipe};
use watchfire_schemas::{Span, TimeRange, TraceId};

use super::super::{LIMIT, MOST, Problem};
use super::millis;
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::{BadParam, Params};
use crate::range::Asked;

/// How many rows a table has at most, and if nothing is said.
const MOST_ROWS: usize = 10_000;
const ROWS: usize = 1_000;

/// `GET /api/v1/traces?q=&start=&end=&limit=&cursor=`: spans that match, newest first, gathered by
/// trace, or the table that a pipe makes of them.
pub(super) async fn answer(
    State(traces): State<Events>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let range = Asked::from_params(&params, traces.clock.now(), "24h")?.range;
    let query = params.text("q");
    if has_pipe(&query) {
        return table(&traces, &params, query, range).await;
    }
    let search = SpanSearch {
        query,
        range,
        limit: params.limit(LIMIT, MOST)?,
        cursor: params.get("cursor").map(str::to_owned),
        deadline: DEADLINE,
    };
    let page = traces.events.search_spans(search).await?;
    Ok(Json(json!({
        "traces": by_trace(page.spans.iter().map(|(_, span)| span)),
        "total_spans": page.total,
        "total_is_exact": page.total_is_exact,
        "next": page.next,
        "partial": page.partial,
        "took_ms": millis(page.took),
        "hints": page.hints,
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

async fn table(
    traces: &Events,
    params: &Params,
    query: String,
    range: TimeRange,
) -> Result<Json<Value>, Problem> {
    if params.get("cursor").is_some() {
        let reason = "a table has no pages: leave the cursor out";
        return Err(BadParam::new("cursor", reason).into());
    }
    let search = LogTableSearch {
        query,
        range,
        limit: params.limit(ROWS, MOST_ROWS)?,
        deadline: DEADLINE,
    };
    let table = traces.events.span_table(search).await?;
    Ok(Json(json!({
        "traces": [],
        "table": {
            "columns": table.columns,
            "rows": table.rows,
            "count_error": table.error,
        },
        "total_spans": table.records,
        "total_is_exact": !table.partial,
        "next": null,
        "partial": table.partial,
        "took_ms": millis(table.took),
        "hints": table.hints,
    })))
}
