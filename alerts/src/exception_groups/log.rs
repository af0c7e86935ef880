//! What became of a group, by whom, and the series that rules ask for what is new or back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection, SqlitePool};
use watchfire_schemas::{LabelSet, MetricKind, Sample, SeriesSamples, Temporality, Timestamp};

use crate::incident::store::{from_word, time, word};

/// How many changes are counted in one go.
const MOST_AT_ONCE: i64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupEvent {
    /// It was seen for the first time.
    New,
    /// It came back after it was resolved.
    Regressed,
    /// It outgrew what it was ignored or archived for.
    Escalating,
    /// A time for which it was ignored ended.
    Unignored,
    Reopened,
    Resolved,
    Ignored,
    Archived,
    Assigned,
    Merged,
    Split,
    Note,
}

impl GroupEvent {
    /// As the series says it; none if it is not counted.
    const fn change(self) -> Option<&'static str> {
        match self {
            Self::New => Some("new"),
            Self::Regressed => Some("regressed"),
            Self::Escalating => Some("escalating"),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLogEntry {
    pub at: Timestamp,
    pub kind: GroupEvent,
    /// A person; nobody where the telemetry said it.
    pub who: Option<String>,
    pub text: String,
}

impl GroupLogEntry {
    pub(super) fn new(at: Timestamp, kind: GroupEvent, text: impl Into<String>) -> Self {
        Self {
            at,
            kind,
            who: None,
            text: text.into(),
        }
    }
}

pub(super) async fn tell(
    tx: &mut SqliteConnection,
    fingerprint: &str,
    entry: &GroupLogEntry,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO exception_log (fingerprint, at, kind, who, text, told) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(fingerprint)
    .bind(entry.at.nanos())
    .bind(word(&entry.kind)?)
    .bind(&entry.who)
    .bind(&entry.text)
    .bind(i64::from(entry.kind.change().is_none()))
    .execute(tx)
    .await?;
    Ok(())
}

/// Newest first.
pub(super) async fn of(
    connection: &mut SqliteConnection,
    fingerprint: &str,
    limit: usize,
) -> Result<Vec<GroupLogEntry>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT * FROM exception_log WHERE fingerprint = $1 ORDER BY at DESC, id DESC LIMIT $2",
    )
    .bind(fingerprint)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    let entry = |row: &sqlx::sqlite::SqliteRow| {
        Ok(GroupLogEntry {
            at: time(row, "at")?.unwrap_or_default(),
            kind: from_word(row.try_get("kind")?)?,
            who: row.try_get("who")?,
            text: row.try_get("text")?,
        })
    };
    rows.iter().map(entry).collect()
}

/// What is not counted yet: the last id and the series.
pub(super) async fn untold(
    pool: &SqlitePool,
) -> Result<Option<(i64, Vec<SeriesSamples>)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT l.id AS id, l.at AS at, l.kind AS event, g.id AS fingerprint, g.kind AS kind, \
         g.service AS service FROM exception_log l JOIN exception_groups g ON g.id = l.fingerprint \
         WHERE l.told = 0 ORDER BY l.id LIMIT $1",
    )
    .bind(MOST_AT_ONCE)
    .fetch_all(pool)
    .await?;
    let mut last = None;
    let mut counts: BTreeMap<LabelSet, BTreeMap<i64, f64>> = BTreeMap::new();
    for row in &rows {
        last = Some(row.try_get("id")?);
        let event: GroupEvent = from_word(row.try_get("event")?)?;
        let Some(change) = event.change() else {
            continue;
        };
        let (service, kind): (String, String) = (row.try_get("service")?, row.try_get("kind")?);
        let group: String = row.try_get("fingerprint")?;
        let labels = [
            ("service", service.as_str()),
            ("type", kind.as_str()),
            ("group", group.as_str()),
            ("change", change),
        ];
        let labels = LabelSet::metric("exception_groups_changed_total", labels);
        let at = time(row, "at")?.unwrap_or_default();
        let second = (at.nanos() + 999_999_999).div_euclid(1_000_000_000) * 1_000;
        *counts
            .entry(labels)
            .or_default()
            .entry(second)
            .or_insert(0.0) += 1.0;
    }
    let series = counts.into_iter().map(|(labels, samples)| SeriesSamples {
        labels,
        kind: MetricKind::Counter,
        temporality: Temporality::Delta,
        samples: samples.into_iter().map(|(t, v)| Sample { t, v }).collect(),
        histograms: Vec::new(),
        exemplars: Vec::new(),
    });
    Ok(last.map(|last| (last, series.collect())))
}

pub(super) async fn told(pool: &SqlitePool, up_to: i64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE exception_log SET told = 1 WHERE told = 0 AND id <= $1")
        .bind(up_to)
        .execute(pool)
        .await?;
    Ok(())
}
