//! `/schemas`: the contract, and the lines that broke it.

use askama::Template;
use axum::extract::State;
use serde_json::Value;
use watchfire_logsearch::{FoundLog, LogPage};
use watchfire_schemas::LOG_RECORD_V1;

use super::{Fault, Page, render};
use crate::figures::{self, When};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, ask};

/// A key of the contract.
#[derive(Debug)]
pub(crate) struct KeyRow {
    pub(crate) name: String,
    pub(crate) is_required: bool,
    pub(crate) kind: String,
    pub(crate) description: String,
}

/// A line in quarantine and why it is there.
#[derive(Debug)]
pub(crate) struct QuarantinedRow {
    pub(crate) at: When,
    pub(crate) service: String,
    pub(crate) receiver: String,
    pub(crate) reason: String,
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) sample: String,
}

#[derive(Debug, Template)]
#[template(path = "schemas.html")]
pub(crate) struct Schemas {
    pub(crate) shell: Shell,
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) source: &'static str,
    pub(crate) total: String,
    pub(crate) quarantined: Vec<QuarantinedRow>,
    pub(crate) next: Option<String>,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "24h")?;
    let shell = Shell::ranged(&house, "/schemas", "Schemas", &asked, &[]);
    let query = params.text("q");
    let found = ask::quarantine(&console, &query, asked.range, 50, params.get("cursor")).await;
    let found = found.map_err(|error| match error {
        watchfire_logsearch::QueryError::Cursor => {
            Fault::from(BadParam::new("cursor", "is not one that a page gave"))
        }
        other => Fault::Events(other),
    })?;
    render(&view(shell, &asked, &found))
}

pub(crate) fn view(shell: Shell, asked: &Asked, found: &LogPage) -> Schemas {
    Schemas {
        shell,
        keys: keys(),
        source: LOG_RECORD_V1,
        total: figures::count(found.total),
        quarantined: found
            .records
            .iter()
            .map(|found| row(found, asked))
            .collect(),
        next: found
            .next
            .as_ref()
            .map(|cursor| asked.link("/schemas", &[("cursor", cursor)])),
    }
}

fn row(found: &FoundLog, asked: &Asked) -> QuarantinedRow {
    let record = &found.record;
    let text = |key: &str| {
        record
            .attributes
            .get(key)
            .map_or_else(String::new, |value| match value {
                Value::String(text) => figures::cut(text, 400).0.to_owned(),
                other => other.to_string(),
            })
    };
    QuarantinedRow {
        at: When::clock(record.timestamp, asked.range.end),
        service: record.service.clone(),
        receiver: text("quarantine.receiver"),
        reason: text("quarantine.reason"),
        path: text("quarantine.path"),
        message: text("quarantine.message"),
        sample: figures::cut(&record.message, 4000).0.to_owned(),
    }
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
