//! `/api/v1/changes`: deploys, flags, configuration.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_schemas::{Attributes, ChangeEvent, ChangeKind};

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

/// A deploy as clients of Airbrake tell it.
#[derive(Debug, Deserialize)]
pub(super) struct AirbrakeDeploy {
    version: Option<String>,
    revision: Option<String>,
    environment: Option<String>,
    username: Option<String>,
    email: Option<String>,
    repository: Option<String>,
}

/// The key names the service, as it does for Airbrake's notices.
pub(super) async fn airbrake_deploy(
    State(console): State<Console>,
    Path(project): Path<String>,
    params: Params,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<ChangeEvent>), Problem> {
    let told: AirbrakeDeploy = serde_json::from_slice(&body).map_err(Problem::body)?;
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let bearer = header(AUTHORIZATION.as_str()).and_then(|said| said.strip_prefix("Bearer "));
    let key = params.get("key").or(bearer).or(header("x-airbrake-token"));
    let service = key.map_or_else(|| format!("project-{project}"), str::to_owned);
    required("key", &service, 256)?;
    let version = told.version.or_else(|| told.revision.clone());
    let mut attributes = Attributes::new();
    for (name, value) in [
        ("deployment.environment.name", told.environment),
        ("vcs.ref.head.revision", told.revision),
    ] {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), value.into());
        }
    }
    let change = ChangeEvent {
        id: String::new(),
        at: console.clock.now(),
        kind: ChangeKind::Deploy,
        summary: version.as_deref().map_or_else(
            || "deployed".to_owned(),
            |version| format!("deployed {version}"),
        ),
        service,
        version,
        author: told.username.or(told.email),
        link: told.repository,
        attributes,
    };
    let recorded = console.alerts.record_change(change).await?;
    Ok((StatusCode::CREATED, Json(recorded)))
}
