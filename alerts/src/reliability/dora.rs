//! DORA's four keys, from change events and incidents.
//!
//! - **Deployment frequency**: change events of kind `deploy`, by week.
//! - **Change lead time**: from commit to deploy, for those deploys that carry the attribute
//!   `committed_at` (a time, or a list of times).
//! - **Change failure rate**: the share of deploys that are the suspected change of an incident that
//!   pages, or that are marked failed (attribute `failed: true`, or `status` `failed` or
//!   `rolled_back`).
//! - **Failed deployment recovery time**: from a deploy to the recovery of the incident that it made;
//!   the median, as DORA has it since 2023.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use watchfire_schemas::{ChangeEvent, ChangeKind, TimeRange, Timestamp};

use super::case::Case;
use super::lead_time::lead_times;
use super::statistics::wilson_interval;
use super::summary::{Readings, ResponseSummary};
use crate::response_times::Reading;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dora {
    pub all: DoraKeys,
    /// The most deploys first.
    pub services: Vec<DoraKeys>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DoraKeys {
    /// None for all services.
    pub service: Option<String>,
    pub deployments: usize,
    pub deployments_per_week: f64,
    /// Of commits; `n` counts commits.
    pub change_lead_time: ResponseSummary,
    /// Deploys that say when what they bring was committed.
    pub deployments_with_commits: usize,
    pub change_failure_rate: Share,
    pub failed_deployment_recovery_time: ResponseSummary,
}

/// A share and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    pub hits: usize,
    pub n: usize,
    pub share: Option<f64>,
    /// 95 %, Wilson's.
    pub interval: Option<(f64, f64)>,
}

/// The keys of all deploys of a range, and of each service's.
pub(crate) fn dora(
    changes: &[ChangeEvent],
    cases: &[&Case],
    range: TimeRange,
    now: Timestamp,
) -> Dora {
    let mut made_by: HashMap<&str, Vec<&Case>> = HashMap::new();
    for case in cases.iter().filter(|case| case.counts()) {
        if let Some(deploy) = &case.blamed_deploy {
            made_by.entry(deploy).or_default().push(case);
        }
    }
    let deploys: Vec<&ChangeEvent> = changes
        .iter()
        .filter(|change| change.kind == ChangeKind::Deploy && range.contains(change.at))
        .collect();
    let mut by_service: BTreeMap<&str, Vec<&ChangeEvent>> = BTreeMap::new();
    for deploy in &deploys {
        by_service.entry(&deploy.service).or_default().push(deploy);
    }
    let weeks = range.end.min(now).seconds_since(range.start).max(1.0) / 604_800.0;
    let keys = |service, deploys: &[&ChangeEvent]| keys(service, deploys, &made_by, weeks, now);
    let mut services: Vec<DoraKeys> = by_service
        .into_iter()
        .map(|(service, deploys)| keys(Some(service.to_owned()), &deploys))
        .collect();
    services.sort_by_key(|keys| std::cmp::Reverse(keys.deployments));
    Dora {
        all: keys(None, &deploys),
        services,
    }
}

fn keys(
    service: Option<String>,
    deploys: &[&ChangeEvent],
    made_by: &HashMap<&str, Vec<&Case>>,
    weeks: f64,
    now: Timestamp,
) -> DoraKeys {
    let leads: Vec<Vec<f64>> = deploys.iter().map(|deploy| lead_times(deploy)).collect();
    let with_commits = leads.iter().filter(|leads| !leads.is_empty()).count();
    let made = |deploy: &ChangeEvent| made_by.get(deploy.id.as_str());
    let failed = deploys
        .iter()
        .filter(|deploy| is_marked_failed(deploy) || made(deploy).is_some())
        .count();
    let recoveries = deploys
        .iter()
        .filter_map(|deploy| Some(recovery(deploy, made(deploy)?, now)));
    let recoveries: Readings = recoveries.collect();
    let of_commits: Readings = leads.into_iter().flatten().map(Reading::Over).collect();
    DoraKeys {
        service,
        deployments: deploys.len(),
        deployments_per_week: deploys.len() as f64 / weeks,
        change_lead_time: of_commits.summary(),
        deployments_with_commits: with_commits,
        change_failure_rate: Share {
            hits: failed,
            n: deploys.len(),
            share: (!deploys.is_empty()).then(|| failed as f64 / deploys.len() as f64),
            interval: wilson_interval(failed, deploys.len()),
        },
        failed_deployment_recovery_time: recoveries.summary(),
    }
}

/// Until the last of the incidents that it made was over.
fn recovery(deploy: &ChangeEvent, made: &[&Case], now: Timestamp) -> Reading {
    let passed = |to: Timestamp| to.seconds_since(deploy.at).max(0.0);
    let ends: Option<Vec<Timestamp>> = made.iter().map(|case| case.moments.recovered).collect();
    if let Some(last) = ends.and_then(|ends| ends.into_iter().max()) {
        return Reading::Over(passed(last));
    }
    let closed: Option<Vec<Timestamp>> = made
        .iter()
        .map(|case| case.moments.recovered.or(case.moments.resolved))
        .collect();
    match closed.and_then(|closed| closed.into_iter().max()) {
        Some(last) => Reading::Unreached(passed(last)),
        None => Reading::Running(passed(now)),
    }
}

fn is_marked_failed(deploy: &ChangeEvent) -> bool {
    let attribute = |name: &str| deploy.attributes.get(name);
    let failed = attribute("failed").and_then(serde_json::Value::as_bool);
    let status = attribute("status").and_then(serde_json::Value::as_str);
    failed == Some(true) || matches!(status, Some("failed" | "rolled_back"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use watchfire_schemas::Attributes;

    use super::super::case::tests::case;
    use super::*;

    fn deploy(id: &str, service: &str, at: i64, attributes: serde_json::Value) -> ChangeEvent {
        let serde_json::Value::Object(attributes) = attributes else {
            unreachable!("an object is written down");
        };
        ChangeEvent {
            id: id.to_owned(),
            at: Timestamp::from_secs(at),
            kind: ChangeKind::Deploy,
            service: service.to_owned(),
            summary: "v2".to_owned(),
            version: None,
            author: None,
            link: None,
            attributes: Attributes::from_iter(attributes),
        }
    }

    #[test]
    fn the_four_keys() {
        let day = 86_400;
        let at = |secs: i64| Timestamp::from_secs(secs).to_string();
        let flag = ChangeEvent {
            kind: ChangeKind::Flag,
            ..deploy("f", "content", 3 * day, json!({}))
        };
        let changes = [
            deploy(
                "d1",
                "content",
                day - 60,
                json!({"committed_at": at(day - 60 - 3_600)}),
            ),
            deploy(
                "d2",
                "content",
                2 * day,
                json!({"committed_at": [at(2 * day - 60), "soon", at(3 * day)]}),
            ),
            deploy("d3", "gateway", 4 * day, json!({"status": "rolled_back"})),
            deploy("d4", "gateway", 5 * day, json!({"failed": false})),
            deploy("old", "gateway", -day, json!({})),
            flag,
        ];
        let mut made = case(1, 30.0, Some(540.0));
        made.blamed_deploy = Some("d1".to_owned());
        let mut warning = case(2, 30.0, Some(540.0));
        warning.blamed_deploy = Some("d2".to_owned());
        warning.severity = watchfire_schemas::AlertSeverity::Warning;
        let cases = [made, warning];
        let cases: Vec<&Case> = cases.iter().collect();
        let range = TimeRange {
            start: Timestamp::from_secs(0),
            end: Timestamp::from_secs(14 * day),
        };
        let told = dora(&changes, &cases, range, Timestamp::from_secs(20 * day));
        assert_eq!(
            (told.all.deployments, told.all.deployments_per_week),
            (4, 2.0)
        );
        assert_eq!(
            (
                told.all.change_lead_time.n,
                told.all.deployments_with_commits
            ),
            (2, 2)
        );
        assert_eq!(told.all.change_lead_time.median, Some(1_830.0));
        let rate = told.all.change_failure_rate;
        assert_eq!((rate.hits, rate.n, rate.share), (2, 4, Some(0.5)));
        let recovery = told.all.failed_deployment_recovery_time;
        assert_eq!((recovery.n, recovery.median), (1, Some(600.0)));
        let names: Vec<_> = told
            .services
            .iter()
            .map(|keys| keys.service.as_deref())
            .collect();
        assert_eq!(names, [Some("content"), Some("gateway")]);
        let none = dora(&[], &[], range, range.end);
        assert_eq!(none.all.change_failure_rate.share, None);
    }
}
