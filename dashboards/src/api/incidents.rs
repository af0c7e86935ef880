//! `/api/v1/incidents`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use watchfire_alerts::{Actor, Channel, Incident};

use super::incident_change::Change;
use super::{LIMIT, MOST, Problem};
use crate::Console;
use crate::pages::incidents::incident_filter;
use crate::params::Params;

pub(super) async fn list(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let limit = params.limit(LIMIT, MOST)?;
    let mut filter = incident_filter(&params, console.clock.now(), "30d")?;
    filter.after = params.get("cursor").map(str::to_owned);
    if let Some(cursor) = &filter.after
        && console.alerts.incident(cursor).await?.is_none()
    {
        return Err(Problem::cursor());
    }
    filter.limit = limit + 1;
    let mut page = console.alerts.find_incidents(&filter).await?;
    let is_more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| is_more).map(|last| last.id.clone());
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
