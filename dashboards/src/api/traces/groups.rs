use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use watchfire_logsearch::{SpanGroup, SpanGroupSearch};

use super::super::{LIMIT, MOST, Problem};
use super::millis;
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::Params;
use crate::range::Asked;

/// What spans are grouped by if nothing is said: operations.
const OPERATION: [&str; 2] = ["service", "name"];

/// `GET /api/v1/traces/groups?q=&start=&end=&by=&limit=`: figures of spans by the values of fields.
pub(super) async fn answer(
    State(traces): State<Events>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let mut by = params.list("by");
    if by.is_empty() {
        by = OPERATION.map(str::to_owned).to_vec();
    }
    let search = SpanGroupSearch {
        query: params.text("q"),
        range: Asked::from_params(&params, traces.clock.now(), "24h")?.range,
        by: by.clone(),
        limit: params.limit(LIMIT, MOST)?,
        deadline: DEADLINE,
    };
    let found = traces.events.span_groups(search).await?;
    let groups = found.groups.into_iter().map(|group| told(&by, group));
    Ok(Json(json!({
        "groups": groups.collect::<Vec<Value>>(),
        "next": null,
        "by": by,
        "total_spans": found.total,
        "errors": found.errors,
        "other_spans": found.others,
        "partial": found.partial,
        "took_ms": millis(found.took),
        "hints": found.hints,
    })))
}

fn told(by: &[String], group: SpanGroup) -> Value {
    let values: Map<String, Value> = by
        .iter()
        .cloned()
        .zip(group.values.into_iter().map(Value::from))
        .collect();
    json!({
        "values": values,
        "spans": group.spans,
        "errors": group.errors,
        "p50_ms": millis(group.p50),
        "p95_ms": millis(group.p95),
        "p99_ms": millis(group.p99),
        "max_ms": millis(group.max),
        "total_ms": millis(group.total),
    })
}
