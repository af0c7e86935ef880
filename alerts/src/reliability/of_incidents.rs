//! The same judgements over incidents that somebody has at hand, as the console shows them.

use watchfire_schemas::{ChangeEvent, ChangeKind, TimeRange, Timestamp};

use super::case::Case;
use super::compare::{PeriodComparison, compare};
use super::dora::{Dora, dora};
use super::question::{Grouping, Scope};
use super::report::{Reliability, reliability};
use crate::Incident;
use crate::incident::store::word;
use crate::response_times::Moments;

impl Reliability {
    pub fn of(incidents: &[Incident], scope: &Scope, by: Option<Grouping>, now: Timestamp) -> Self {
        let cases = cases(incidents);
        reliability(&held(&cases, scope), scope, by, now)
    }
}

impl PeriodComparison {
    pub fn of(incidents: &[Incident], before: &Scope, after: &Scope, now: Timestamp) -> Self {
        let cases = cases(incidents);
        let (b, a) = (held(&cases, before), held(&cases, after));
        compare((&b, before.range), (&a, after.range), now)
    }
}

impl Dora {
    pub fn of(
        changes: &[ChangeEvent],
        incidents: &[Incident],
        range: TimeRange,
        now: Timestamp,
    ) -> Self {
        let cases = cases(incidents);
        let cases: Vec<&Case> = cases.iter().collect();
        dora(changes, &cases, range, now)
    }
}

/// Earliest onset first.
fn cases(incidents: &[Incident]) -> Vec<Case> {
    let counted = incidents.iter().filter(|one| one.merged_into.is_none());
    let mut cases: Vec<Case> = counted.map(case).collect();
    cases.sort_by_key(|case| case.moments.onset);
    cases
}

fn held<'c>(cases: &'c [Case], scope: &Scope) -> Vec<&'c Case> {
    cases.iter().filter(|case| scope.holds(case)).collect()
}

/// What is shown of an incident has its phases instead of what they were made of.
fn case(incident: &Incident) -> Case {
    let phase = |name: &str| incident.phases.iter().find(|phase| phase.name == name);
    let mut teams: Vec<String> = Vec::new();
    for team in incident
        .alerts
        .iter()
        .filter_map(|alert| alert.labels.get("team"))
    {
        if !teams.iter().any(|known| known == team) {
            teams.push(team.to_owned());
        }
    }
    let suspect = incident.changes.iter().find(|change| {
        change.kind == ChangeKind::Deploy
            && change.at <= incident.onset.latest
            && incident.services.contains(&change.service)
    });
    Case {
        id: incident.id.clone(),
        title: incident.title.clone(),
        severity: incident.severity,
        status: incident.status,
        services: incident.services.clone(),
        teams,
        cause: incident
            .cause
            .as_ref()
            .and_then(|cause| word(&cause.kind).ok()),
        is_merged: incident.merged_into.is_some(),
        earliest: incident.onset.earliest,
        latest: incident.onset.latest,
        source: incident.onset.source,
        method: incident.onset.method,
        moments: Moments {
            onset: incident.onset.at,
            first_true: phase("evaluation").map(|phase| phase.to),
            interval_seconds: phase("evaluation").map_or(0.0, |phase| phase.seconds),
            detected: incident.detected_at,
            page_due: phase("grouping").map(|phase| phase.to),
            notified: incident.notified_at,
            acknowledged: incident.acknowledged_at,
            recovered: incident.recovered_at,
            resolved: incident.resolved_at,
        },
        is_found_by_human: incident.alerts.is_empty(),
        blamed_deploy: suspect.map(|deploy| deploy.id.clone()),
    }
}
