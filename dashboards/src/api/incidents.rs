//! `/api/v1/incidents`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use watchfire_alerts::{Actor, Channel, Incident};

use super::incident_change::Change;
use super::{LIMIT, MOST, Problem, paged};
use crate::Console;
use crate::ask::MOST_LISTED;
use crate::params::{BadParam, Params};
use crate::range::Asked;

pub(super) async fn list(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "30d")?;
    let limit = params.limit(LIMIT, MOST)?;
    let open_only = match params.get("open") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(BadParam::new("open", "expected true or false").into()),
    };
    let found = console
        .alerts
        .incidents(asked.range, open_only, MOST_LISTED)
        .await?;
    let (page, next) = paged(found, |incident| &incident.id, params.get("cursor"), limit)?;
    Ok(Json(json!({ "incidents": page, "next": next })))
}

pub(super) async fn one(
    State(console): State<Console>,
    Path(id): Path<String>,
) -> Result<Json<Incident>, Problem> {
    let found = console.alerts.incident(&id).await?;
    let found = found.ok_or_else(|| Problem::not_found(&format!("incident {id}")))?;
    Ok(Json(found))
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Incident>, Problem> {
    let Change { who, acts } = Change::read(&body)?;
    let actor = Actor::new(who, Channel::Api);
    Ok(Json(console.alerts.act(&id, &actor, acts).await?))
}

#[cfg(test)]
mod tests {
    use crate::gallery::samples;

    #[test]
    fn an_incident_has_the_shape_of_the_contract() {
        for incident in samples::incidents() {
            let shape = serde_json::to_value(&incident).unwrap();
            super::super::schemas::tests::check("incident.v1", &shape);
        }
    }
}
