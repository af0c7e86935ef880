//! An incident written down: Markdown that a team can paste into its post-mortem, or JSON.

mod markdown;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;
use watchfire_alerts::{Delivery, Incident, SimilarIncident};
use watchfire_schemas::Timestamp;

use crate::api::Problem;
use crate::facts::Facts;
use crate::params::{BadParam, Params};
use crate::{Console, facts};

/// Everything that is known of an incident.
#[derive(Debug, Serialize)]
pub(crate) struct Export {
    pub(crate) incident: Incident,
    /// Frozen when the incident ended, or as the stores have it now.
    pub(crate) facts: Facts,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) similar: Vec<SimilarIncident>,
    pub(crate) exported_at: Timestamp,
}

impl Export {
    async fn of(console: &Console, incident: Incident) -> Result<Self, Problem> {
        let now = console.clock.now();
        let (facts, deliveries, similar) = tokio::join!(
            facts::of(console, &incident, now),
            console.alerts.deliveries(Some(&incident.id), 500),
            console.alerts.similar_incidents(&incident.id, 10),
        );
        Ok(Self {
            incident,
            facts,
            deliveries: deliveries?,
            similar: similar?,
            exported_at: now,
        })
    }
}

async fn known(console: &Console, id: &str) -> Result<Incident, Problem> {
    let found = console.alerts.incident(id).await?;
    found.ok_or_else(|| Problem::not_found(&format!("incident {id}")))
}

/// `GET /api/v1/incidents/{id}/export?format=md|json`.
pub(crate) async fn answer(
    State(console): State<Console>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let is_markdown = match params.get("format") {
        None | Some("md") => true,
        Some("json") => false,
        Some(_) => return Err(BadParam::new("format", "expected md or json").into()),
    };
    let incident = known(&console, &id).await?;
    let export = Export::of(&console, incident).await?;
    if !is_markdown {
        return Ok(Json(export).into_response());
    }
    let headers = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
    Ok((headers, markdown::written(&export)).into_response())
}

/// `GET /api/v1/incidents/{id}/facts`: what stands beside it.
pub(crate) async fn facts_answer(
    State(console): State<Console>,
    Path(id): Path<String>,
) -> Result<Json<Facts>, Problem> {
    let incident = known(&console, &id).await?;
    Ok(Json(
        facts::of(&console, &incident, console.clock.now()).await,
    ))
}
