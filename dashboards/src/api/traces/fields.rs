use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use watchfire_logsearch::ValueSearch;

use super::super::Problem;
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::{BadParam, Params};
use crate::range::Asked;

/// `GET /api/v1/traces/fields?q=&start=&end=&limit=`: the fields that the spans of a query have.
pub(super) async fn list(
    State(traces): State<Events>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let range = Asked::from_params(&params, traces.clock.now(), "24h")?.range;
    let limit = params.limit(1_000, 1_000)?;
    let list = traces.events.span_fields(params.text("q"), range, DEADLINE);
    let mut list = list.await?;
    list.fields.truncate(limit);
    Ok(Json(json!({
        "fields": list.fields,
        "records": list.records,
        "sampled": list.sampled,
        "partial": list.partial,
    })))
}

/// `GET /api/v1/traces/values?field=&q=&start=&end=&limit=`: the most frequent values of a field.
pub(super) async fn values(
    State(traces): State<Events>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let Some(field) = params.get("field") else {
        return Err(BadParam::new("field", "expected the name of a field").into());
    };
    let search = ValueSearch {
        query: params.text("q"),
        range: Asked::from_params(&params, traces.clock.now(), "24h")?.range,
        field: field.to_owned(),
        limit: params.limit(10, 1_000)?,
        deadline: DEADLINE,
    };
    let found = traces.events.span_values(search).await?;
    Ok(Json(json!({
        "field": field,
        "values": found.values,
        "count_error": found.error,
        "partial": found.partial,
        "hints": found.hints,
    })))
}
