//! `/schemas`: what records are held to, who breaks it, and the lines that did.

mod chosen;
mod sample;

use askama::Template;
use axum::extract::State;
use serde_json::Value;
use watchfire_logsearch::{LogPage, QueryError};
use watchfire_schemas::{LOG_RECORD_V1, ReplayReport, ReplayState, SchemaDefinition};

use super::{Fault, Page, render};
use crate::api::quarantine::narrowed;
use crate::ask::violations::{self, Violations};
use crate::charts::{Svg, sparkline};
use crate::contracts::SchemaEntry;
use crate::figures;
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, ask};
use chosen::Chosen;
use sample::SampleRow;

/// Schemas on the page.
const SHOWN: usize = 200;
/// Bins of a trend.
const BINS: usize = 40;
const BASE: &str = "log_record.v1";

/// A key of the contract.
#[derive(Debug)]
pub(crate) struct KeyRow {
    pub(crate) name: String,
    pub(crate) is_required: bool,
    pub(crate) kind: String,
    pub(crate) description: String,
}

/// One version of a schema.
#[derive(Debug)]
pub(crate) struct SchemaRow {
    /// Empty where the row above has the same name.
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) href: String,
    /// Which records it is for.
    pub(crate) scope: String,
    pub(crate) policy: &'static str,
    pub(crate) is_active: bool,
    pub(crate) is_chosen: bool,
    pub(crate) count: String,
    pub(crate) trend: Svg,
}

/// A filter of the list of lines, and the link that takes it away.
#[derive(Debug)]
pub(crate) struct Pill {
    pub(crate) text: String,
    pub(crate) without: String,
}

#[derive(Debug, Template)]
#[template(path = "schemas.html")]
pub(crate) struct Schemas {
    pub(crate) shell: Shell,
    pub(crate) rows: Vec<SchemaRow>,
    pub(crate) hidden: usize,
    pub(crate) chosen: Option<Chosen>,
    /// What came of the last replay.
    pub(crate) replay: Option<String>,
    pub(crate) pills: Vec<Pill>,
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) source: &'static str,
    pub(crate) total: String,
    pub(crate) quarantined: Vec<SampleRow>,
    pub(crate) next: Option<String>,
}

/// What the page is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) schemas: Vec<SchemaEntry>,
    /// Of the contract of a log line and of each schema: bins of violations.
    pub(crate) trends: Vec<Vec<f64>>,
    /// The id that was asked for, and who broke it.
    pub(crate) chosen: Option<(String, Violations)>,
    pub(crate) quarantine: Option<LogPage>,
    pub(crate) replay: Option<ReplayReport>,
    /// The names and values of the filters.
    pub(crate) filters: Vec<(&'static str, String)>,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "24h")?;
    let filters = filters(&params);
    let kept: Vec<(&str, &str)> = filters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut shell = Shell::ranged(&house, "/schemas", "Schemas", &asked, &kept);
    let schemas = console.contracts.schemas();
    let ids: Vec<String> = std::iter::once(BASE.to_owned())
        .chain(schemas.iter().take(SHOWN).map(|one| one.definition.id()))
        .collect();
    let trends = violations::trends(&console, &ids, &asked, BINS).await;
    let query = narrowed(&params);
    let quarantine = ask::quarantine(&console, &query, asked.range, 50, params.get("cursor")).await;
    let quarantine = quarantine.map_err(|error| match error {
        QueryError::Cursor => Fault::from(BadParam::new("cursor", "is not one that a page gave")),
        other => Fault::Events(other),
    })?;
    let chosen = chosen_of(&console, &schemas, params.get("schema"), &asked).await;
    let replay = params.get("replay").and_then(|id| id.parse().ok());
    let replays = console.contracts.replays();
    let found = Found {
        trends: shell.take("violations over time", trends),
        chosen: shell.take("violations", chosen),
        quarantine: Some(quarantine),
        replay: replays.into_iter().find(|report| Some(report.id) == replay),
        schemas,
        filters,
    };
    render(&view(shell, &asked, &found))
}

fn filters(params: &Params) -> Vec<(&'static str, String)> {
    ["schema", "path", "service", "reason", "q"]
        .into_iter()
        .filter_map(|name| Some((name, params.get(name)?.to_owned())))
        .collect()
}

async fn chosen_of(
    console: &Console,
    schemas: &[SchemaEntry],
    id: Option<&str>,
    asked: &Asked,
) -> Result<Option<(String, Violations)>, QueryError> {
    let Some(id) = id else { return Ok(None) };
    let entry = schemas.iter().find(|entry| entry.definition.id() == id);
    let policy = entry.map(|entry| entry.definition.policy);
    let found = violations::of(console, id, policy, asked).await?;
    Ok(Some((id.to_owned(), found)))
}

pub(crate) fn view(shell: Shell, asked: &Asked, found: &Found) -> Schemas {
    let page = found.quarantine.as_ref();
    let records = page.map_or(&[][..], |page| &page.records);
    let kept = |more: Option<&str>| {
        let mut kept: Vec<(&str, &str)> = found
            .filters
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        kept.extend(more.map(|cursor| ("cursor", cursor)));
        asked.link("/schemas", &kept)
    };
    Schemas {
        rows: rows(asked, found),
        hidden: found.schemas.len().saturating_sub(SHOWN),
        chosen: chosen::view(asked, found),
        replay: found.replay.as_ref().map(replay_told),
        pills: pills(asked, &found.filters),
        keys: keys(),
        source: LOG_RECORD_V1,
        total: figures::count(page.map_or(0, |page| page.total)),
        quarantined: records
            .iter()
            .map(|found| SampleRow::of_record(found, asked))
            .collect(),
        next: page
            .and_then(|page| page.next.as_deref())
            .map(|cursor| kept(Some(cursor))),
        shell,
    }
}

fn rows(asked: &Asked, found: &Found) -> Vec<SchemaRow> {
    let chosen = found.chosen.as_ref().map(|(id, _)| id.as_str());
    let mut trends = found.trends.iter();
    let mut row = |id: &str, (name, version): (&str, &str)| {
        let bins = trends.next().map_or(&[][..], Vec::as_slice);
        let count = bins.iter().sum::<f64>().round() as u64;
        SchemaRow {
            name: name.to_owned(),
            version: version.to_owned(),
            href: asked.link("/schemas", &[("schema", id)]),
            scope: "every log line".to_owned(),
            policy: "quarantine",
            is_active: true,
            is_chosen: chosen == Some(id),
            count: figures::count(count),
            trend: sparkline(bins, 1.0, &format!("{count} violations of {id}")),
        }
    };
    let mut rows = vec![row(BASE, ("log_record", "1"))];
    let mut before = "";
    for entry in found.schemas.iter().take(SHOWN) {
        let definition = &entry.definition;
        let name = if definition.name == before {
            ""
        } else {
            &definition.name
        };
        before = &definition.name;
        let shown = row(&definition.id(), (name, definition.version.as_str()));
        rows.push(SchemaRow {
            scope: scope(definition),
            policy: definition.policy.as_str(),
            is_active: definition.active,
            ..shown
        });
    }
    rows
}

/// Which records a schema is for, in words.
fn scope(definition: &SchemaDefinition) -> String {
    let whole = match (&definition.event_name, &definition.service) {
        (Some(event), Some(service)) => format!("event {event} of {service}"),
        (Some(event), None) => format!("event {event}"),
        (None, Some(service)) => format!("service {service}"),
        (None, None) => "referred to by others".to_owned(),
    };
    match &definition.at {
        Some(key) => format!("{whole}, its {key}"),
        None => whole,
    }
}

fn pills(asked: &Asked, filters: &[(&'static str, String)]) -> Vec<Pill> {
    let without = |gone: &str| {
        let kept: Vec<(&str, &str)> = filters
            .iter()
            .filter(|(name, _)| *name != gone)
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        asked.link("/schemas", &kept)
    };
    filters
        .iter()
        .map(|(name, value)| Pill {
            text: format!("{name}:{value}"),
            without: without(name),
        })
        .collect()
}

fn replay_told(report: &ReplayReport) -> String {
    let verb = match (report.state, report.dry_run) {
        (ReplayState::Running, _) => "is still running",
        (ReplayState::Failed, _) => "broke off",
        (ReplayState::Done, true) => "was tried",
        (ReplayState::Done, false) => "is done",
    };
    let passed = if report.dry_run {
        "would pass"
    } else {
        "became records"
    };
    let told = format!(
        "Replay {} {verb}: of {} lines judged, {} {passed}, {} still break a contract",
        report.id, report.examined, report.replayed, report.still_failing
    );
    let more = [
        (report.already_replayed, "were replayed before"),
        (report.cut, "are not whole and cannot be replayed"),
    ];
    let more = more.into_iter().filter(|(count, _)| *count > 0);
    let more = more.map(|(count, words)| format!("{count} {words}"));
    let error = report.error.iter().map(|error| format!("for {error}"));
    let parts: Vec<String> = std::iter::once(told).chain(more).chain(error).collect();
    format!("{}.", parts.join(", "))
}

/// The contract's keys, read from the schema itself: required ones first.
fn keys() -> Vec<KeyRow> {
    let schema: Value = serde_json::from_str(LOG_RECORD_V1).unwrap_or_default();
    let is_required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|other| other == name))
    };
    let properties = schema["properties"].as_object();
    let mut keys: Vec<KeyRow> = properties
        .into_iter()
        .flatten()
        .map(|(name, rule)| KeyRow {
            is_required: is_required(name),
            kind: kind(rule),
            description: rule["description"].as_str().unwrap_or_default().to_owned(),
            name: name.clone(),
        })
        .collect();
    keys.sort_by(|a, b| {
        b.is_required
            .cmp(&a.is_required)
            .then_with(|| a.name.cmp(&b.name))
    });
    keys
}

fn kind(rule: &Value) -> String {
    if let Some(choices) = rule["enum"].as_array() {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        return choices.join(" ");
    }
    let kind = rule["type"].as_str().unwrap_or("any");
    match rule["format"].as_str() {
        Some(format) => format!("{kind}, {format}"),
        None => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_is_told_from_its_own_file() {
        let keys = keys();
        let required: Vec<&str> = keys
            .iter()
            .filter(|key| key.is_required)
            .map(|key| key.name.as_str())
            .collect();
        assert_eq!(
            required,
            ["message", "service.name", "severity", "timestamp"]
        );
    }
}
