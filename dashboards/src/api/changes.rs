//! `/api/v1/changes`: deploys, flags, configuration.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use watchfire_schemas::ChangeEvent;

use super::{LIMIT, MOST, Problem, paged};
use crate::Console;
use crate::pages::posted::required;
use crate::params::Params;
use crate::range::Asked;

pub(super) async fn list(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let limit = params.limit(LIMIT, MOST)?;
    let found = console
        .alerts
        .changes(asked.range, params.get("service"))
        .await?;
    let (page, next) = paged(found, |change| &change.id, params.get("cursor"), limit)?;
    Ok(Json(json!({ "changes": page, "next": next })))
}

/// Takes a change. Its id is ours to give; a time left out means now.
pub(super) async fn record(
    State(console): State<Console>,
    body: Bytes,
) -> Result<(StatusCode, Json<ChangeEvent>), Problem> {
    let mut given: Value = serde_json::from_slice(&body).map_err(Problem::body)?;
    if let Some(object) = given.as_object_mut() {
        object.remove("id");
        object
            .entry("at")
            .or_insert_with(|| console.clock.now().to_string().into());
    }
    let change: ChangeEvent = serde_json::from_value(given).map_err(Problem::body)?;
    required("service", &change.service, 256)?;
    required("summary", &change.summary, 2000)?;
    let recorded = console.alerts.record_change(change).await?;
    Ok((StatusCode::CREATED, Json(recorded)))
}
