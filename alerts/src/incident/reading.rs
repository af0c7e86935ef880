//! What is asked of incidents: lists, what is like one of them, and what was kept of one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row;
use watchfire_schemas::{AlertSeverity, TimeRange, Timestamp};

use super::store::{from_json, to_json};
use super::{Cause, IncidentRecord, store};
use crate::response_times::response_times;
use crate::{Alerts, Incident, IncidentStatus, StoreError};

/// Earlier incidents that are held against one.
const MOST_COMPARED: usize = 100;
/// How long after its end an incident may still be looked at for what is kept of it.
const KEPT_WITHIN: std::time::Duration = std::time::Duration::from_hours(24);

/// Which incidents a list has, and where it goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentFilter {
    /// They overlap it.
    pub range: TimeRange,
    /// Any if empty.
    pub states: Vec<IncidentStatus>,
    /// Any if empty.
    pub severities: Vec<AlertSeverity>,
    pub service: Option<String>,
    /// A part of the title, or of the id.
    pub text: Option<String>,
    /// Those that are not resolved come first; otherwise the newest.
    pub open_first: bool,
    /// The id of the last one of the page before.
    pub after: Option<String>,
    pub limit: usize,
}

impl IncidentFilter {
    /// The newest of a range.
    pub fn of(range: TimeRange, limit: usize) -> Self {
        Self {
            range,
            states: Vec::new(),
            severities: Vec::new(),
            service: None,
            text: None,
            open_first: false,
            after: None,
            limit,
        }
    }
}

/// An earlier incident that is like another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilarIncident {
    pub id: String,
    pub title: String,
    pub severity: AlertSeverity,
    pub status: IncidentStatus,
    pub onset_at: Timestamp,
    /// What they have in common, the weightiest first.
    pub shared: Vec<String>,
    /// From 0 to 1.
    pub score: f64,
    pub ttr_seconds: Option<f64>,
    /// How it ended: the cause that a human told, or that it ended by itself.
    pub cause: Option<Cause>,
    pub resolved_at: Option<Timestamp>,
    /// Who had it.
    pub acknowledged_by: Option<String>,
}

impl Alerts {
    /// Incidents by a filter, with their timelines. Those that were merged into another are left
    /// out.
    pub async fn find_incidents(
        &self,
        filter: &IncidentFilter,
    ) -> Result<Vec<Incident>, StoreError> {
        let records = store::filtered(&self.pool, filter).await?;
        Ok(self.shown(records).await?)
    }

    pub(crate) async fn shown(
        &self,
        records: Vec<IncidentRecord>,
    ) -> Result<Vec<Incident>, sqlx::Error> {
        let mut told = store::timelines(&self.pool, &records).await?;
        let shown = records.into_iter().map(|record| {
            let timeline = told.remove(&record.id).unwrap_or_default();
            record.shown(timeline)
        });
        Ok(shown.collect())
    }

    pub async fn open_incidents(&self) -> Result<u64, StoreError> {
        Ok(store::count_open(&self.pool).await?)
    }

    /// Earlier incidents that share exceptions, rules, services or words of the title with one; the
    /// likest first.
    pub async fn similar_incidents(
        &self,
        id: &str,
        limit: usize,
    ) -> Result<Vec<SimilarIncident>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let Some(incident) = store::by_id(&mut connection, id).await? else {
            return Ok(Vec::new());
        };
        drop(connection);
        let earlier = store::related(&self.pool, &incident, MOST_COMPARED).await?;
        let mut found: Vec<SimilarIncident> = earlier
            .iter()
            .filter_map(|other| similarity(&incident, other))
            .collect();
        found.sort_by(|a, b| {
            let newest = b.onset_at.cmp(&a.onset_at);
            b.score.total_cmp(&a.score).then(newest)
        });
        found.truncate(limit);
        Ok(found)
    }

    /// What the page of an incident showed when it ended, and when that was taken.
    pub async fn incident_facts(&self, id: &str) -> Result<Option<(Timestamp, Value)>, StoreError> {
        let row = sqlx::query("SELECT taken_at, body FROM incident_facts WHERE incident = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let taken_at = Timestamp::from_nanos(row.try_get("taken_at")?);
        let body: String = row.try_get("body")?;
        Ok(Some((taken_at, from_json(&body)?)))
    }

    /// Keeps it, unless the incident was opened again in the meantime.
    pub async fn keep_incident_facts(&self, id: &str, facts: &Value) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO incident_facts (incident, taken_at, body) \
             SELECT id, $2, $3 FROM incidents WHERE id = $1 AND status = 'resolved' \
             ON CONFLICT (incident) DO UPDATE SET taken_at = excluded.taken_at, body = excluded.body",
        )
        .bind(id)
        .bind(self.clock.now().nanos())
        .bind(to_json(facts)?)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Incidents that ended lately and of which nothing was kept since.
    pub async fn incidents_without_facts(&self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT incidents.id AS id FROM incidents \
             LEFT JOIN incident_facts ON incident_facts.incident = incidents.id \
             WHERE status = 'resolved' AND resolved_at >= $1 \
             AND (taken_at IS NULL OR taken_at < resolved_at) ORDER BY resolved_at LIMIT 20",
        )
        .bind((self.clock.now() - KEPT_WITHIN).nanos())
        .fetch_all(&self.pool)
        .await?;
        let ids: Result<Vec<String>, sqlx::Error> =
            rows.iter().map(|row| row.try_get("id")).collect();
        Ok(ids?)
    }
}

/// Weights of what two incidents can share. Exceptions say most: the same code failed.
const EXCEPTIONS: f64 = 0.45;
const RULES: f64 = 0.25;
const SERVICES: f64 = 0.15;
const WORDS: f64 = 0.15;
/// Below it they are not alike.
const ALIKE: f64 = 0.3;

fn similarity(incident: &IncidentRecord, other: &IncidentRecord) -> Option<SimilarIncident> {
    let (a, b) = (&incident.body, &other.body);
    let groups = |body: &super::IncidentBody| -> BTreeSet<String> {
        body.exceptions.iter().map(|e| e.group.clone()).collect()
    };
    let rules = |body: &super::IncidentBody| -> BTreeSet<String> {
        body.alerts
            .iter()
            .map(|own| own.alert.rule.clone())
            .collect()
    };
    let services = |body: &super::IncidentBody| -> BTreeSet<String> {
        body.services.iter().cloned().collect()
    };
    let parts = [
        (EXCEPTIONS, overlap(&groups(a), &groups(b))),
        (RULES, overlap(&rules(a), &rules(b))),
        (SERVICES, overlap(&services(a), &services(b))),
        (WORDS, overlap(&words(&a.title), &words(&b.title))),
    ];
    // What neither has says nothing about them.
    let weight: f64 = parts
        .iter()
        .filter(|(_, o)| o.is_some())
        .map(|(w, _)| w)
        .sum();
    let sum: f64 = parts
        .iter()
        .filter_map(|(w, o)| Some(w * o.as_ref()?.0))
        .sum();
    let score = if weight > 0.0 { sum / weight } else { 0.0 };
    if score < ALIKE {
        return None;
    }
    let shared = |at: usize, one: &str, many: &str| {
        let (_, common) = parts[at].1.as_ref()?;
        match common.as_slice() {
            [] => None,
            [only] if at != 0 => Some(format!("{one} {only}")),
            [_] => Some(format!("1 {one}")),
            all => Some(format!("{} {many}", all.len())),
        }
    };
    Some(SimilarIncident {
        id: other.id.clone(),
        title: b.title.clone(),
        severity: other.severity,
        status: other.status,
        onset_at: b.onset.at,
        shared: [
            shared(0, "exception", "exceptions"),
            shared(1, "rule", "rules"),
            shared(2, "service", "services"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        score,
        ttr_seconds: response_times(&other.moments()).ttr_seconds,
        cause: b.cause.clone(),
        resolved_at: other.resolved_at,
        acknowledged_by: other.acknowledged_by.clone(),
    })
}

/// The share of the smaller set that the greater one has too, and what that is. None if both are
/// empty.
fn overlap(a: &BTreeSet<String>, b: &BTreeSet<String>) -> Option<(f64, Vec<String>)> {
    let most = a.len().max(b.len());
    if most == 0 {
        return None;
    }
    let common: Vec<String> = a.intersection(b).cloned().collect();
    let least = a.len().min(b.len()).max(1);
    // Half by the smaller set, half by the greater: one rule of nine is not the same failure.
    let share = common.len() as f64 * (0.5 / least as f64 + 0.5 / most as f64);
    Some((share, common))
}

fn words(title: &str) -> BTreeSet<String> {
    let words = title.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
    words
        .filter(|word| word.len() > 2 && !word.bytes().all(|b| b.is_ascii_digit()))
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::record::tests::incident;

    #[test]
    fn incidents_of_the_same_rule_and_service_are_alike() {
        let now = incident("now", "content", "error", 9_000);
        let before = incident("before", "content", "error", 1_000);
        let found = similarity(&now, &before).unwrap();
        assert_eq!(found.shared, ["rule Failing", "service content"]);
        assert!(found.score > 0.9, "{found:?}");
        let mut other = incident("other", "gateway", "error", 1_000);
        "TrafficLoss".clone_into(&mut other.body.alerts[0].alert.rule);
        "requests no longer come".clone_into(&mut other.body.title);
        assert_eq!(similarity(&now, &other), None);
    }
}
