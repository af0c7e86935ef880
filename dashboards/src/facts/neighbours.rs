//! Services beside an incident's own, and its own, each with the time at which it itself began to
//! fail: what began first is nearer to the cause.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use watchfire_alerts::Incident;
use watchfire_alerts::onset::{Direction, SeriesInput, estimate};
use watchfire_schemas::{TimeRange, Timestamp};
use watchfire_tsdb::QueryError;

use crate::{Console, ask};

const BIN: Duration = Duration::from_secs(10);
const LOOK_BACK: Duration = Duration::from_mins(65);
/// How long before the incident's onset a neighbour's failure still belongs to it.
const BEFORE: Duration = Duration::from_mins(10);
const MOST: usize = 12;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Neighbour {
    pub(crate) service: String,
    /// Whether it is one of the incident's own.
    pub(crate) is_own: bool,
    /// `calls content`, `called by gateway`; empty for one that no calls connect.
    pub(crate) relation: String,
    /// Of its answers since the incident's onset.
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// When its own answers began to fail: at, earliest, latest.
    pub(crate) onset: Option<(Timestamp, Timestamp, Timestamp)>,
}

impl Neighbour {
    /// Of the incident's own the one that none of the others calls; of several the busiest.
    pub(super) fn nearest_to_users(all: &[Self]) -> Option<&Self> {
        let own = || all.iter().filter(|one| one.is_own && one.requests > 0);
        let is_called = |one: &Self| {
            let mut callers = own().map(|other| format!("called by {}", other.service));
            let relations: Vec<&str> = one.relation.split(", ").collect();
            callers.any(|caller| relations.contains(&caller.as_str()))
        };
        let entries = own().filter(|one| !is_called(one));
        entries.max_by_key(|one| (one.failed > 0, one.requests))
    }
}

/// Those that began to fail first come first.
pub(super) async fn neighbours(
    console: &Console,
    incident: &Incident,
    end: Timestamp,
) -> Result<Vec<Neighbour>, QueryError> {
    let calls = ask::calls(
        console,
        "virtual_node!=\"client\"",
        end,
        Duration::from_hours(1),
    )
    .await?;
    let own = &incident.services;
    let mut relations: BTreeMap<String, Vec<String>> =
        own.iter().map(|name| (name.clone(), Vec::new())).collect();
    for call in calls.iter().filter(|call| call.kind.is_empty()) {
        let (client, server) = (&call.client, &call.server);
        if client == server {
            continue;
        }
        if own.contains(server) {
            let told = relations.entry(client.clone()).or_default();
            told.push(format!("calls {server}"));
        }
        if own.contains(client) {
            let told = relations.entry(server.clone()).or_default();
            told.push(format!("called by {client}"));
        }
    }
    let asked = relations.into_iter().take(MOST).map(|(service, relation)| {
        let is_own = own.contains(&service);
        neighbour(console, incident, service, relation, is_own, end)
    });
    let found: Result<Vec<Neighbour>, QueryError> = join_all(asked).await.into_iter().collect();
    let mut found = found?;
    found.sort_by_key(|one| {
        let began = one.onset.map_or(i64::MAX, |(at, _, _)| at.nanos());
        (began, !one.is_own, one.service.clone())
    });
    Ok(found)
}

async fn neighbour(
    console: &Console,
    incident: &Incident,
    service: String,
    mut relation: Vec<String>,
    is_own: bool,
    end: Timestamp,
) -> Result<Neighbour, QueryError> {
    let start = (incident.onset.earliest - LOOK_BACK).floor(BIN);
    let bins = (end.seconds_since(start) / BIN.as_secs_f64())
        .ceil()
        .max(1.0) as usize;
    let of = |more: &str| {
        format!(
            "traces_span_metrics_calls_total{{kind=\"SPAN_KIND_SERVER\",service={service:?}{more}}}"
        )
    };
    let selectors = vec![of(",status=\"STATUS_CODE_ERROR\""), of("")];
    let mut series = ask::trends(console, selectors, start, BIN, bins)
        .await?
        .into_iter();
    let (failed, requests) = (
        series.next().unwrap_or_default(),
        series.next().unwrap_or_default(),
    );
    let since = (incident.onset.at.seconds_since(start) / BIN.as_secs_f64()).max(0.0) as usize;
    let sum = |counts: &[f64]| counts.iter().skip(since).sum::<f64>().round() as u64;
    relation.sort();
    relation.dedup();
    Ok(Neighbour {
        is_own,
        relation: relation.join(", "),
        requests: sum(&requests),
        failed: sum(&failed),
        onset: began(incident, &service, start, &failed, &requests),
        service,
    })
}

/// When its failures began, by the code that dates incidents.
fn began(
    incident: &Incident,
    service: &str,
    start: Timestamp,
    failed: &[f64],
    requests: &[f64],
) -> Option<(Timestamp, Timestamp, Timestamp)> {
    // Before its first request nothing is known, least of all that it was quiet.
    let unknown = requests.iter().position(|count| *count > 0.0)?;
    let input = SeriesInput {
        id: service.to_owned(),
        start: start + BIN * unknown as u32,
        bin_seconds: BIN.as_secs_f64(),
        counts: failed[unknown..].to_vec(),
        traffic: Some(requests[unknown..].to_vec()),
        direction: Direction::Up,
    };
    // Of several changes the one that goes with the incident counts: what is older is cut away.
    let found = estimate(&input).ok()?.onset?;
    let range = TimeRange {
        start: incident.onset.earliest - BEFORE,
        end: Timestamp::MAX,
    };
    (range.start <= found.at).then_some((found.at, found.earliest, found.latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_counted_where_it_is_felt() {
        let one = |service: &str, relation: &str, is_own, requests| Neighbour {
            service: service.to_owned(),
            is_own,
            relation: relation.to_owned(),
            requests,
            failed: 5,
            onset: None,
        };
        let all = [
            one("content", "called by gateway, called by sync", true, 900),
            one("gateway", "called by web, calls content", true, 600),
            one("web", "calls gateway", false, 700),
        ];
        let felt = Neighbour::nearest_to_users(&all).map(|one| one.service.as_str());
        assert_eq!(felt, Some("gateway"));
        assert_eq!(Neighbour::nearest_to_users(&[]), None);
    }
}
