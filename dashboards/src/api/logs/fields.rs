use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use watchfire_logsearch::ValueSearch;
use watchfire_schemas::TimeRange;

use super::super::Problem;
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::Params;
use crate::range::Asked;

/// `GET /api/v1/logs/fields?q=&start=&end=`: the fields that the records of a query have. With
/// `field=` its most frequent values.
pub(super) async fn answer(
    State(logs): State<Events>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let range = Asked::from_params(&params, logs.clock.now(), "24h")?.range;
    match params.get("field") {
        Some(field) => values(&logs, &params, field, range).await,
        None => list(&logs, &params, range).await,
    }
}

async fn list(logs: &Events, params: &Params, range: TimeRange) -> Result<Json<Value>, Problem> {
    let limit = params.limit(1_000, 1_000)?;
    let list = logs.events.log_fields(params.text("q"), range, DEADLINE);
    let mut list = list.await?;
    list.fields.truncate(limit);
    Ok(Json(json!({
        "fields": list.fields,
        "records": list.records,
        "sampled": list.sampled,
        "partial": list.partial,
    })))
}

async fn values(
    logs: &Events,
    params: &Params,
    field: &str,
    range: TimeRange,
) -> Result<Json<Value>, Problem> {
    let search = ValueSearch {
        query: params.text("q"),
        range,
        field: field.to_owned(),
        limit: params.limit(10, 1_000)?,
        deadline: DEADLINE,
    };
    let found = logs.events.field_values(search).await?;
    Ok(Json(json!({
        "field": field,
        "values": found.values,
        "count_error": found.error,
        "partial": found.partial,
        "hints": found.hints,
    })))
}
