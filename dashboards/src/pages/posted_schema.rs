//! What the forms of `/schemas` send: judge again, and another policy.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Redirect;
use serde::Deserialize;
use watchfire_schemas::{ReplayRequest, SchemaPolicy, TimeRange};

use super::Fault;
use crate::api::{quarantine, schemas};
use crate::params::{BadParam, read_time};
use crate::{Console, url};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReplayFields {
    schema: String,
    path: String,
    service: String,
    start: String,
    end: String,
    dry_run: String,
}

/// `POST /schemas/replay`: back to the page, which tells what came of it.
pub(crate) async fn replay(
    State(console): State<Console>,
    Form(fields): Form<ReplayFields>,
) -> Result<Redirect, Fault> {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let time = |name: &'static str, text: &str| {
        read_time(text).ok_or_else(|| BadParam::new(name, "expected a time"))
    };
    let request = ReplayRequest {
        schema: said(&fields.schema),
        service: said(&fields.service),
        path: said(&fields.path),
        range: TimeRange {
            start: time("start", &fields.start)?,
            end: time("end", &fields.end)?,
        },
        dry_run: !fields.dry_run.is_empty(),
    };
    let report = quarantine::started(&console, request).await?;
    let id = report.id.to_string();
    let back = url::link(
        "/schemas",
        &[
            ("schema", fields.schema.as_str()),
            ("replay", &id),
            ("start", &fields.start),
            ("end", &fields.end),
        ],
    );
    Ok(Redirect::to(&back))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChangeFields {
    policy: String,
    active: String,
}

/// `POST /schemas/{name}/{version}`: another policy, or judging no more.
pub(crate) async fn change(
    State(console): State<Console>,
    Path((name, version)): Path<(String, String)>,
    Form(fields): Form<ChangeFields>,
) -> Result<Redirect, Fault> {
    let policy = match fields.policy.as_str() {
        "" => None,
        "warn" => Some(SchemaPolicy::Warn),
        "quarantine" => Some(SchemaPolicy::Quarantine),
        "reject" => Some(SchemaPolicy::Reject),
        _ => return Err(BadParam::new("policy", "expected warn, quarantine or reject").into()),
    };
    let active = match fields.active.as_str() {
        "" => None,
        "true" => Some(true),
        "false" => Some(false),
        _ => return Err(BadParam::new("active", "expected true or false").into()),
    };
    let entry = schemas::changed(&console, &name, &version, (policy, active)).await?;
    let id = entry.definition.id();
    Ok(Redirect::to(&url::link("/schemas", &[("schema", &id)])))
}
