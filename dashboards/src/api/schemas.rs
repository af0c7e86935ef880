//! `/api/v1/schemas`: what records are held to, who breaks it, and registering more.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_schemas::{
    LOG_RECORD_V1, SchemaDefinition, SchemaPolicy, SchemaVersion, line_and_column, locate,
};

use super::{LIMIT, MOST, Problem, paged};
use crate::ask::violations::{self, Violations};
use crate::contracts::{ContractRefusal, SchemaEntry};
use crate::params::Params;
use crate::range::Asked;
use crate::{Console, url};

pub(super) async fn list(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let limit = params.limit(LIMIT, MOST)?;
    let base: Value = serde_json::from_str(LOG_RECORD_V1).map_err(Problem::body)?;
    let base = json!({ "id": "log_record.v1", "name": "log_record", "version": "1",
        "policy": "quarantine", "active": true, "source": "built in", "schema": base });
    let entries = console.contracts.schemas();
    let entries = entries
        .iter()
        .map(|entry| (entry.definition.id(), shown(entry)));
    let all = std::iter::once(("log_record.v1".to_owned(), base));
    let all = all.chain(entries).collect();
    let (page, next) = paged(all, |(id, _)| id, params.get("cursor"), limit)?;
    let (ids, mut page): (Vec<String>, Vec<Value>) = page.into_iter().unzip();
    let counts = violations::trends(&console, &ids, &asked, 1).await?;
    let minutes = asked.length().as_secs_f64().max(1.0) / 60.0;
    for (entry, bins) in page.iter_mut().zip(counts) {
        let count: f64 = bins.iter().sum();
        entry["violations"] = json!(count.round() as u64);
        entry["violations_per_minute"] = json!(count / minutes);
    }
    Ok(Json(json!({ "schemas": page, "next": next })))
}

/// All versions of a name, with who breaks them and where.
pub(super) async fn one(
    State(console): State<Console>,
    Path(name): Path<String>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let mut versions = Vec::new();
    if matches!(name.as_str(), "log_record" | "log_record.v1") {
        let found = violations::of(&console, "log_record.v1", None, &asked).await?;
        let entry = json!({ "id": "log_record.v1", "name": "log_record", "version": "1",
            "policy": "quarantine", "active": true, "source": "built in" });
        versions.push(with_violations(entry, &found));
    }
    for entry in console.contracts.schemas() {
        let id = entry.definition.id();
        if entry.definition.name == name || id == name {
            let policy = entry.definition.policy;
            let found = violations::of(&console, &id, Some(policy), &asked).await?;
            versions.push(with_violations(shown(&entry), &found));
        }
    }
    if versions.is_empty() {
        return Err(Problem::not_found(&format!("schema {name}")));
    }
    Ok(Json(json!({ "name": name, "versions": versions })))
}

/// Takes a schema. 201 for a new version, 200 for one that was there.
pub(super) async fn register(
    State(console): State<Console>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let text = std::str::from_utf8(&body).map_err(Problem::body)?;
    let mut definition: SchemaDefinition = serde_json::from_str(text).map_err(Problem::body)?;
    definition.registered_at = console.clock.now();
    let was_there = console.contracts.schemas().iter().any(|entry| {
        let other = &entry.definition;
        (&other.name, &other.version) == (&definition.name, &definition.version)
    });
    let entry = registered(&console, definition).await;
    let entry = entry.map_err(|refusal| placed(refusal, text))?;
    let status = if was_there {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(shown(&entry))))
}

/// What can be changed of a version that is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    policy: Option<SchemaPolicy>,
    active: Option<bool>,
}

pub(super) async fn change(
    State(console): State<Console>,
    Path((name, version)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let change: Change = serde_json::from_slice(&body).map_err(Problem::body)?;
    let entry = changed(&console, &name, &version, (change.policy, change.active)).await?;
    Ok(Json(shown(&entry)))
}

pub(super) async fn remove(
    State(console): State<Console>,
    Path((name, version)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let contracts = Arc::clone(&console.contracts);
    blocking(move || contracts.remove(&name, &SchemaVersion::new(&version))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a version another policy, or another activity.
pub(crate) async fn changed(
    console: &Console,
    name: &str,
    version: &str,
    (policy, active): (Option<SchemaPolicy>, Option<bool>),
) -> Result<SchemaEntry, ContractRefusal> {
    let version = SchemaVersion::new(version);
    let schemas = console.contracts.schemas().into_iter();
    let mut definitions = schemas.map(|entry| entry.definition);
    let found = definitions.find(|one| one.name == name && one.version == version);
    let Some(mut definition) = found else {
        return Err(ContractRefusal::NotFound(format!("{name}.v{version}")));
    };
    definition.policy = policy.unwrap_or(definition.policy);
    definition.active = active.unwrap_or(definition.active);
    registered(console, definition).await
}

async fn registered(
    console: &Console,
    definition: SchemaDefinition,
) -> Result<SchemaEntry, ContractRefusal> {
    let contracts = Arc::clone(&console.contracts);
    blocking(move || contracts.register(definition)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ContractRefusal> + Send + 'static,
) -> Result<T, ContractRefusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|stopped| Err(ContractRefusal::Unavailable(stopped.to_string())))
}

fn shown(entry: &SchemaEntry) -> Value {
    let definition = &entry.definition;
    let mut shown = serde_json::to_value(definition).unwrap_or_default();
    shown["id"] = json!(definition.id());
    shown["source"] = json!(if entry.is_configured {
        "configuration"
    } else {
        "api"
    });
    shown
}

fn with_violations(mut entry: Value, found: &Violations) -> Value {
    let counts = |list: &[(String, u64)], key: &str| {
        let told = list
            .iter()
            .map(|(value, count)| json!({key: value, "count": count}));
        Value::Array(told.collect())
    };
    entry["violations"] = json!(found.total);
    entry["paths"] = counts(&found.paths, "path");
    entry["services"] = counts(&found.services, "service");
    let samples = found.samples.iter().map(|sample| {
        json!({ "id": sample.id, "timestamp": sample.at, "service": sample.service,
            "path": sample.path, "message": sample.message, "value": sample.value(),
            "line": sample.line })
    });
    entry["samples"] = Value::Array(samples.collect());
    let id = entry["id"].as_str().unwrap_or_default();
    entry["quarantine"] = json!(url::link("/api/v1/quarantine", &[("schema", id)]));
    entry
}

/// A refusal with line and column in the body that was sent, if it is about a place in the schema.
fn placed(refusal: ContractRefusal, body: &str) -> Problem {
    match refusal {
        ContractRefusal::Invalid {
            path: Some(path),
            reason,
        } => {
            let place = locate(body, &format!("/schema{path}"));
            let (line, column) = line_and_column(body, place.map_or(0, |range| range.start));
            Problem::unprocessable(format!("{line}:{column}: {reason}"))
        }
        other => other.into(),
    }
}

impl From<ContractRefusal> for Problem {
    fn from(refusal: ContractRefusal) -> Self {
        let told = refusal.to_string();
        match refusal {
            ContractRefusal::Invalid { .. } => Self::unprocessable(told),
            ContractRefusal::Conflict(_) => Self::conflict(told),
            ContractRefusal::NotFound(schema) => Self::not_found(&format!("schema {schema}")),
            ContractRefusal::Unavailable(_) => Self::unavailable(told),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::Value;
    use watchfire_schemas::Contract;

    /// Holds an answer against the JSON Schema of its shape.
    pub(in crate::api) fn check(name: &str, answer: &Value) {
        let schema = match name {
            "log_page.v1" => include_str!("../../../schemas/log_page.v1.schema.json"),
            "pattern_list.v1" => include_str!("../../../schemas/pattern_list.v1.schema.json"),
            "log_fields.v1" => include_str!("../../../schemas/log_fields.v1.schema.json"),
            "log_values.v1" => include_str!("../../../schemas/log_values.v1.schema.json"),
            "log_context.v1" => include_str!("../../../schemas/log_context.v1.schema.json"),
            "log_tail_event.v1" => include_str!("../../../schemas/log_tail_event.v1.schema.json"),
            "log_histogram.v1" => include_str!("../../../schemas/log_histogram.v1.schema.json"),
            "span_page.v1" => include_str!("../../../schemas/span_page.v1.schema.json"),
            "trace.v1" => include_str!("../../../schemas/trace.v1.schema.json"),
            "trace_outline.v1" => include_str!("../../../schemas/trace_outline.v1.schema.json"),
            "span_groups.v1" => include_str!("../../../schemas/span_groups.v1.schema.json"),
            "span_scatter.v1" => include_str!("../../../schemas/span_scatter.v1.schema.json"),
            "span_comparison.v1" => {
                include_str!("../../../schemas/span_comparison.v1.schema.json")
            }
            "exception_group.v1" => include_str!("../../../schemas/exception_group.v1.schema.json"),
            "incident.v1" => include_str!("../../../schemas/incident.v1.schema.json"),
            other => panic!("there is no schema {other}"),
        };
        let contract = Contract::compile(name, schema).unwrap();
        assert_eq!(contract.violations(answer), [], "{name}: {answer:#}");
        let empty = serde_json::json!({});
        assert!(
            !contract.is_kept_by(&empty),
            "{name} must ask for something"
        );
    }
}
