//! Whom a failure concerns: attributes that are far more frequent among what fails than in the usual
//! traffic of the hour before. A share alone says nothing: all requests of a region fail, because
//! all requests are of that region.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use watchfire_alerts::Incident;
use watchfire_logsearch::{FoundLog, QueryError};
use watchfire_schemas::{Attributes, RecordId, Span, SpanKind};

use super::{baseline, of_services};
use crate::{Console, ask};

const USUAL_SPANS: usize = 500;
const USUAL_LOGS: usize = 300;
const SHOWN: usize = 8;
/// Fewer carriers than this prove nothing.
const LEAST: u64 = 5;
const LEAST_LIFT: f64 = 1.5;
/// Twice the log-likelihood ratio that chance exceeds once in ten thousand.
const BEYOND_CHANCE: f64 = 15.1;
/// A key with more different values than this part of its records names single things, not a group.
const IDENTITY: f64 = 0.5;
const LONGEST_VALUE: usize = 120;
/// What a failure itself writes, or where in the code it was written.
const OUTCOMES: [&str; 6] = [
    "http.response.status_code",
    "http.status_code",
    "rpc.grpc.status_code",
    "http.response.body.size",
    "http.response_content_length",
    "event_name",
];
const OUTCOME_FAMILIES: [&str; 8] = [
    "error",
    "exception.",
    "otel.",
    "thread.",
    "code.",
    "log.",
    "telemetry.",
    "trace_",
];

fn is_outcome(key: &str) -> bool {
    OUTCOMES.contains(&key)
        || OUTCOME_FAMILIES
            .iter()
            .any(|family| key.starts_with(family))
}

/// An attribute whose carriers fail more than their share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Overrepresented {
    pub(crate) key: String,
    pub(crate) value: String,
    /// `spans` or `logs`.
    pub(crate) of: String,
    /// Of `failing` that were read, so many carry it.
    pub(crate) carriers: u64,
    pub(crate) failing: u64,
    /// Of `usual` that were read of the hour before.
    pub(crate) carriers_before: u64,
    pub(crate) usual: u64,
    /// How many times its usual share.
    pub(crate) lift: f64,
}

/// Traffic of the hour before the onset.
#[derive(Debug, Clone, Default)]
pub(super) struct Usual {
    spans: Vec<(RecordId, Span)>,
    logs: Vec<FoundLog>,
}

pub(super) async fn usual(console: &Console, incident: &Incident) -> Result<Usual, QueryError> {
    let services = of_services(incident);
    let before = baseline(incident);
    let served = format!("{services} kind:server");
    let (spans, logs) = tokio::try_join!(
        ask::spans(console, served.trim(), before, USUAL_SPANS, None),
        ask::logs(console, &services, before, USUAL_LOGS, None),
    )?;
    Ok(Usual {
        spans: spans.spans,
        logs: logs.records,
    })
}

/// What is over-represented, the most telling first. Spans are asked first: an attribute that they
/// show is not shown of logs again.
pub(super) fn blast_radius(
    failed: &[(RecordId, Span)],
    read: &[FoundLog],
    usual: &Usual,
) -> Vec<Overrepresented> {
    let served = |spans: &[(RecordId, Span)]| -> Vec<Pairs> {
        let served = spans
            .iter()
            .filter(|(_, span)| span.kind == SpanKind::Server);
        served.map(|(_, span)| of_span(span)).collect()
    };
    let logged = |logs: &[FoundLog]| -> Vec<Pairs> { logs.iter().map(of_log).collect() };
    let mut found = overrepresented("spans", &served(failed), &served(&usual.spans));
    for one in overrepresented("logs", &logged(read), &logged(&usual.logs)) {
        let known = |other: &Overrepresented| other.key == one.key && other.value == one.value;
        if !found.iter().any(known) {
            found.push(one);
        }
    }
    found.truncate(SHOWN);
    found
}

type Pairs = BTreeMap<String, String>;

fn of_span(span: &Span) -> Pairs {
    let mut pairs = of_attributes(&span.resource);
    pairs.extend(of_attributes(&span.attributes));
    pairs.insert("operation".to_owned(), span.name.clone());
    pairs.insert("service.name".to_owned(), span.service.clone());
    pairs
}

fn of_log(found: &FoundLog) -> Pairs {
    let mut pairs = of_attributes(&found.record.attributes);
    pairs.insert("service.name".to_owned(), found.record.service.clone());
    pairs
}

fn of_attributes(attributes: &Attributes) -> Pairs {
    let known = attributes.iter().filter_map(|(key, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(is) => is.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let fits = !text.is_empty() && text.chars().count() <= LONGEST_VALUE;
        (fits && !is_outcome(key)).then(|| (key.clone(), text))
    });
    known.collect()
}

fn overrepresented(of: &str, failing: &[Pairs], usual: &[Pairs]) -> Vec<Overrepresented> {
    let (n, usual_n) = (failing.len() as u64, usual.len() as u64);
    if n < LEAST || usual_n < LEAST {
        return Vec::new();
    }
    let counted = |records: &[Pairs]| {
        let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
        for (key, value) in records.iter().flatten() {
            *counts.entry((key.clone(), value.clone())).or_insert(0) += 1;
        }
        counts
    };
    let (now, before) = (counted(failing), counted(usual));
    let identities = identities(failing);
    // A key that nobody had before cannot be compared: other code wrote it.
    let known: BTreeSet<&str> = usual
        .iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect();
    let mut found: Vec<(f64, Overrepresented)> = Vec::new();
    for ((key, value), carriers) in now {
        if identities.contains(&key) || !known.contains(key.as_str()) || carriers < LEAST {
            continue;
        }
        let carriers_before = before
            .get(&(key.clone(), value.clone()))
            .copied()
            .unwrap_or(0);
        let share = carriers as f64 / n as f64;
        let usual_share = (carriers_before as f64 + 0.5) / (usual_n as f64 + 1.0);
        let evidence = g(carriers, n, carriers_before, usual_n);
        if share / usual_share < LEAST_LIFT || evidence < BEYOND_CHANCE {
            continue;
        }
        let one = Overrepresented {
            key,
            value,
            of: of.to_owned(),
            carriers,
            failing: n,
            carriers_before,
            usual: usual_n,
            lift: share / usual_share,
        };
        found.push((evidence, one));
    }
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    without_synonyms(found.into_iter().map(|(_, one)| one))
}

/// Keys whose values differ from record to record.
fn identities(records: &[Pairs]) -> BTreeSet<String> {
    let mut values: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for (key, value) in records.iter().flatten() {
        let (carriers, known) = values.entry(key).or_default();
        *carriers += 1;
        known.insert(value);
    }
    let is_identity = |(carriers, known): &(u64, BTreeSet<&str>)| {
        *carriers > LEAST && known.len() as f64 > *carriers as f64 * IDENTITY
    };
    let found = values.iter().filter(|(_, counted)| is_identity(counted));
    found.map(|(key, _)| (*key).to_owned()).collect()
}

/// Attributes that always come together (a route, its template, the operation) are told once: the
/// first, which has the strongest evidence.
fn without_synonyms(found: impl Iterator<Item = Overrepresented>) -> Vec<Overrepresented> {
    let mut told: Vec<Overrepresented> = Vec::new();
    for one in found {
        let same = |other: &Overrepresented| {
            other.carriers == one.carriers && other.carriers_before == one.carriers_before
        };
        if !told.iter().any(same) {
            told.push(one);
        }
    }
    told
}

/// The G statistic of a table of two by two.
fn g(a: u64, n: u64, b: u64, m: u64) -> f64 {
    let (a, n, b, m) = (a as f64, n as f64, b as f64, m as f64);
    let share = (a + b) / (n + m);
    let part = |seen: f64, expected: f64| {
        if seen > 0.0 && expected > 0.0 {
            seen * (seen / expected).ln()
        } else {
            0.0
        }
    };
    2.0 * (part(a, n * share)
        + part(n - a, n * (1.0 - share))
        + part(b, m * share)
        + part(m - b, m * (1.0 - share)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(groups: &[(usize, &[(&str, &str)])]) -> Vec<Pairs> {
        let mut all = Vec::new();
        for (times, pairs) in groups {
            for at in 0..*times {
                let mut record: Pairs = pairs
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect();
                record.insert("request.id".to_owned(), format!("{at}-{times}"));
                all.push(record);
            }
        }
        all
    }

    fn check(failing: &[Pairs], usual: &[Pairs], expected: &[&str]) {
        let found = overrepresented("spans", failing, usual);
        let told: Vec<String> = found
            .iter()
            .map(|one| format!("{}={}", one.key, one.value))
            .collect();
        assert_eq!(told, expected, "{found:#?}");
    }

    #[test]
    fn what_fails_more_than_its_share_is_named() {
        let usual = records(&[
            (60, &[("route", "/a"), ("region", "eu"), ("version", "1")]),
            (240, &[("route", "/b"), ("region", "eu"), ("version", "1")]),
        ]);
        let failing = records(&[(50, &[("route", "/a"), ("region", "eu"), ("version", "2")])]);
        check(&failing, &usual, &["version=2", "route=/a"]);
    }

    #[test]
    fn few_carriers_and_their_usual_share_prove_nothing() {
        let usual = records(&[(100, &[("route", "/a")]), (100, &[("route", "/b")])]);
        check(&records(&[(4, &[("route", "/a")])]), &usual, &[]);
        let even = records(&[(30, &[("route", "/a")]), (30, &[("route", "/b")])]);
        check(&even, &usual, &[]);
        check(&even, &[], &[]);
    }

    #[test]
    fn what_always_comes_together_is_told_once() {
        let usual = records(&[
            (20, &[("route", "/a"), ("operation", "GET /a")]),
            (180, &[("route", "/b"), ("operation", "GET /b")]),
        ]);
        let failing = records(&[(40, &[("route", "/a"), ("operation", "GET /a")])]);
        check(&failing, &usual, &["operation=GET /a"]);
    }
}
