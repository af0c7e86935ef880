//! `/api/v1/incidents`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_alerts::Incident;
use watchfire_schemas::Timestamp;

use super::{LIMIT, MOST, Problem, paged};
use crate::Console;
use crate::ask::MOST_LISTED;
use crate::pages::posted::required;
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

/// What a PATCH may say; at least one of the changes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    who: String,
    status: Option<NewStatus>,
    onset: Option<NewOnset>,
    note: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NewStatus {
    Acknowledged,
    Resolved,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOnset {
    at: Timestamp,
    reason: String,
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Incident>, Problem> {
    let change: Change = serde_json::from_slice(&body).map_err(Problem::body)?;
    let who = required("who", &change.who, 120)?;
    // All is checked before anything is done.
    let note = change
        .note
        .as_deref()
        .map(|text| required("note", text, 4000))
        .transpose()?;
    let onset = match &change.onset {
        None => None,
        Some(onset) => Some((onset.at, required("onset.reason", &onset.reason, 500)?)),
    };
    let mut changed = None;
    if let Some(text) = note {
        changed = Some(console.alerts.note(&id, who, text).await?);
    }
    if let Some((at, reason)) = onset {
        changed = Some(console.alerts.set_onset(&id, at, who, reason).await?);
    }
    match change.status {
        None => {}
        Some(NewStatus::Acknowledged) => {
            changed = Some(console.alerts.acknowledge(&id, who).await?);
        }
        Some(NewStatus::Resolved) => changed = Some(console.alerts.resolve(&id, who).await?),
    }
    changed
        .map(Json)
        .ok_or_else(|| Problem::body("expected at least one of status, onset and note"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn an_incident_has_the_shape_of_the_contract() {
        for incident in samples::incidents() {
            let shape = serde_json::to_value(&incident).unwrap();
            super::super::schemas::tests::check("incident.v1", &shape);
        }
    }

    #[test]
    fn a_change_is_read_strictly() {
        let read = |text: &str| serde_json::from_str::<Change>(text);
        assert!(read(r#"{"who":"a","status":"acknowledged"}"#).is_ok());
        assert!(read(r#"{"who":"a","status":"triggered"}"#).is_err());
        assert!(read(r#"{"who":"a","onset":{"at":"2026-11-22T05:00:00Z","reason":"x"}}"#).is_ok());
        assert!(read(r#"{"who":"a","onset":{"at":"soon","reason":"x"}}"#).is_err());
        assert!(read(r#"{"status":"resolved"}"#).is_err());
    }
}
