//! Changes that may have brought the failure about: candidates with their evidence, never a verdict.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use watchfire_alerts::Incident;
use watchfire_schemas::{ChangeEvent, TimeRange};

use super::{CANDIDATE_BEFORE, Neighbour, baseline};
use crate::query_text::term;
use crate::{Console, ask};

/// Changes whose versions are compared.
const COMPARED: usize = 3;
const SHOWN: usize = 8;

/// Answers of one version since the onset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionRate {
    pub(crate) version: String,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
}

impl VersionRate {
    pub(crate) fn share(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failed as f64 / self.requests as f64)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Candidate {
    pub(crate) change: ChangeEvent,
    /// `same service`, `calls content`; empty if no calls connect it.
    pub(crate) relation: String,
    /// Negative if it came after the onset's estimate, within its interval.
    pub(crate) seconds_before: f64,
    /// Its version since the onset, and what else answered then or, if nothing did, before.
    pub(crate) on: Option<VersionRate>,
    pub(crate) off: Option<VersionRate>,
    /// Whether `off` is of the hour before the onset, not of the same time.
    pub(crate) off_is_before: bool,
}

impl Candidate {
    /// Whether the versions tell against it: its own fails several times as often.
    pub(crate) fn is_supported(&self) -> bool {
        let share = |rate: &Option<VersionRate>| rate.as_ref().and_then(VersionRate::share);
        match (share(&self.on), share(&self.off)) {
            (Some(on), Some(off)) => {
                let failed = self.on.as_ref().map_or(0, |on| on.failed);
                failed >= 5 && on >= 0.01 && on > 3.0 * off
            }
            _ => false,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("{0}")]
    Store(#[from] watchfire_alerts::StoreError),
    #[error("{0}")]
    Events(#[from] watchfire_logsearch::QueryError),
}

/// Of the same service first, then of what it calls or is called by, then the nearest in time.
pub(super) async fn candidates(
    console: &Console,
    incident: &Incident,
    trouble: TimeRange,
    neighbours: &[Neighbour],
) -> Result<Vec<Candidate>, AskError> {
    let onset = &incident.onset;
    let around = TimeRange {
        start: onset.earliest.min(onset.at) - CANDIDATE_BEFORE,
        end: onset.latest.max(onset.at) + std::time::Duration::from_secs(1),
    };
    let changes = console.alerts.changes(around, None).await?;
    let mut found: Vec<(u8, Candidate)> = changes
        .into_iter()
        .map(|change| {
            let (rank, relation) = relation(incident, neighbours, &change.service);
            let candidate = Candidate {
                seconds_before: onset.at.seconds_since(change.at),
                relation,
                on: None,
                off: None,
                off_is_before: false,
                change,
            };
            (rank, candidate)
        })
        .collect();
    found.sort_by(|(a, x), (b, y)| {
        let near = x.seconds_before.abs().total_cmp(&y.seconds_before.abs());
        a.cmp(b).then(near)
    });
    found.truncate(SHOWN);
    let compared = found
        .iter()
        .take(COMPARED)
        .map(|(_, candidate)| versions(console, incident, &candidate.change, trouble));
    let compared = join_all(compared).await;
    for ((_, candidate), rates) in found.iter_mut().zip(compared) {
        if let Some((on, off, is_before)) = rates? {
            (candidate.on, candidate.off) = (Some(on), Some(off));
            candidate.off_is_before = is_before;
        }
    }
    let mut found: Vec<Candidate> = found.into_iter().map(|(_, one)| one).collect();
    // What the versions tell for outweighs a few seconds.
    found.sort_by_key(|one| !one.is_supported());
    Ok(found)
}

fn relation(incident: &Incident, neighbours: &[Neighbour], service: &str) -> (u8, String) {
    if incident.services.iter().any(|own| own == service) {
        return (0, "same service".to_owned());
    }
    match neighbours.iter().find(|one| one.service == service) {
        Some(neighbour) => (1, neighbour.relation.clone()),
        None => (2, String::new()),
    }
}

/// Answers of the changed service by its new version and by others, since the onset; where no other
/// answered then, by others in the hour before.
async fn versions(
    console: &Console,
    incident: &Incident,
    change: &ChangeEvent,
    trouble: TimeRange,
) -> Result<Option<(VersionRate, VersionRate, bool)>, AskError> {
    let Some(version) = change.version.as_deref().filter(|v| !v.is_empty()) else {
        return Ok(None);
    };
    let served = format!("{} kind:server", term("service.name", &change.service));
    let own = term("service.version", version);
    let new = format!("{served} {own}");
    let old = format!("{served} -{own}");
    let (on, off) = tokio::try_join!(
        rate(console, version, &new, trouble),
        rate(console, "other versions", &old, trouble)
    )?;
    if off.requests > 0 {
        return Ok(Some((on, off, false)));
    }
    let before = rate(console, "other versions", &old, baseline(incident)).await?;
    Ok(Some((on, before, true)))
}

async fn rate(
    console: &Console,
    version: &str,
    query: &str,
    range: TimeRange,
) -> Result<VersionRate, watchfire_logsearch::QueryError> {
    let failing = format!("{query} status:error");
    let (all, failed) = tokio::try_join!(
        ask::spans(console, query, range, 1, None),
        ask::spans(console, &failing, range, 1, None),
    )?;
    Ok(VersionRate {
        version: version.to_owned(),
        requests: all.total,
        failed: failed.total,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(on: (u64, u64), off: (u64, u64), expected: bool) {
        let rate = |(requests, failed)| {
            Some(VersionRate {
                version: "2".to_owned(),
                requests,
                failed,
            })
        };
        let candidate = Candidate {
            change: ChangeEvent {
                id: String::new(),
                at: watchfire_schemas::Timestamp::from_secs(1),
                kind: watchfire_schemas::ChangeKind::Deploy,
                service: "content".to_owned(),
                summary: String::new(),
                version: None,
                author: None,
                link: None,
                attributes: watchfire_schemas::Attributes::new(),
            },
            relation: String::new(),
            seconds_before: 10.0,
            on: rate(on),
            off: rate(off),
            off_is_before: false,
        };
        assert_eq!(candidate.is_supported(), expected, "{on:?} {off:?}");
    }

    #[test]
    fn a_version_that_fails_several_times_as_often_supports_its_candidate() {
        check((100, 30), (1_000, 5), true);
        check((100, 30), (1_000, 250), false);
        check((100, 3), (1_000, 0), false);
        check((0, 0), (1_000, 0), false);
        check((10_000, 50), (1_000, 0), false);
    }
}
