//! Incidents and their timelines in the database.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};
use watchfire_schemas::{TimeRange, Timestamp};

use super::{IncidentBody, IncidentFilter, IncidentRecord};
use crate::{TimelineEntry, TimelineKind};

const COLUMNS: &str = "id, status, severity, detected_at, notified_at, acknowledged_at, \
                       acknowledged_by, recovered_at, resolved_at, merged_into, body";

/// A word of an enum as JSON writes it, for a column.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String, sqlx::Error> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(_) => Err(sqlx::Error::Encode("not a word".into())),
        Err(error) => Err(sqlx::Error::Encode(error.into())),
    }
}

/// The enum that a column's word names.
pub(crate) fn from_word<T: DeserializeOwned>(word: String) -> Result<T, sqlx::Error> {
    serde_json::from_value(serde_json::Value::String(word))
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(crate) fn from_json<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(crate) fn time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    let nanos: Option<i64> = row.try_get(column)?;
    Ok(nanos.map(Timestamp::from_nanos))
}

pub(crate) fn record(row: &SqliteRow) -> Result<IncidentRecord, sqlx::Error> {
    let body: String = row.try_get("body")?;
    let detected_at: i64 = row.try_get("detected_at")?;
    Ok(IncidentRecord {
        id: row.try_get("id")?,
        status: from_word(row.try_get("status")?)?,
        severity: from_word(row.try_get("severity")?)?,
        detected_at: Timestamp::from_nanos(detected_at),
        notified_at: time(row, "notified_at")?,
        acknowledged_at: time(row, "acknowledged_at")?,
        acknowledged_by: row.try_get("acknowledged_by")?,
        recovered_at: time(row, "recovered_at")?,
        resolved_at: time(row, "resolved_at")?,
        merged_into: row.try_get("merged_into")?,
        body: from_json::<IncidentBody>(&body)?,
    })
}

fn select(rest: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM incidents {rest}"))
}

/// All that are not resolved, oldest first.
pub(crate) async fn open(pool: &SqlitePool) -> Result<Vec<IncidentRecord>, sqlx::Error> {
    let rows = sqlx::query(select(
        "WHERE status <> 'resolved' ORDER BY detected_at, id",
    ))
    .fetch_all(pool)
    .await?;
    rows.iter().map(record).collect()
}

/// Those that were over at that time or later, resolved since or not; newest first.
pub(crate) async fn recovered_since(
    pool: &SqlitePool,
    since: Timestamp,
) -> Result<Vec<IncidentRecord>, sqlx::Error> {
    let rows = sqlx::query(select(
        "WHERE recovered_at >= $1 ORDER BY recovered_at DESC, id",
    ))
    .bind(since.nanos())
    .fetch_all(pool)
    .await?;
    rows.iter().map(record).collect()
}

/// One by its id; within a transaction that writes it, so that nobody writes in between.
pub(crate) async fn by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<IncidentRecord>, sqlx::Error> {
    let row = sqlx::query(select("WHERE id = $1"))
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(record).transpose()
}

/// Those that overlap the range, newest first.
pub(crate) async fn overlapping(
    pool: &SqlitePool,
    range: TimeRange,
    open_only: bool,
    limit: usize,
) -> Result<Vec<IncidentRecord>, sqlx::Error> {
    let rows = sqlx::query(select(
        "WHERE merged_into IS NULL AND onset_at < $1 AND (resolved_at IS NULL OR resolved_at >= $2) \
         AND (status <> 'resolved' OR $3 = 0) ORDER BY detected_at DESC, id DESC LIMIT $4",
    ))
    .bind(range.end.nanos())
    .bind(range.start.nanos())
    .bind(i64::from(open_only))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await?;
    rows.iter().map(record).collect()
}

/// Those that a filter leaves, in its order.
pub(crate) async fn filtered(
    pool: &SqlitePool,
    filter: &IncidentFilter,
) -> Result<Vec<IncidentRecord>, sqlx::Error> {
    let words = |words: Result<Vec<String>, sqlx::Error>| to_json(&words?);
    let rows = sqlx::query(select(
        "WHERE merged_into IS NULL AND onset_at < $1 \
         AND (resolved_at IS NULL OR resolved_at >= $2) \
         AND ($3 = '[]' OR status IN (SELECT value FROM json_each($3))) \
         AND ($4 = '[]' OR severity IN (SELECT value FROM json_each($4))) \
         AND ($5 IS NULL OR id IN (SELECT incident FROM incident_services WHERE service = $5)) \
         AND ($6 IS NULL OR instr(lower(title), lower($6)) > 0 OR instr(id, $6) > 0) \
         AND ($7 IS NULL OR (CASE WHEN $8 THEN status = 'resolved' ELSE 0 END, -detected_at, id) \
           > (SELECT CASE WHEN $8 THEN status = 'resolved' ELSE 0 END, -detected_at, id \
              FROM incidents WHERE id = $7)) \
         ORDER BY CASE WHEN $8 THEN status = 'resolved' ELSE 0 END, -detected_at, id LIMIT $9",
    ))
    .bind(filter.range.end.nanos())
    .bind(filter.range.start.nanos())
    .bind(words(filter.states.iter().map(word).collect())?)
    .bind(words(filter.severities.iter().map(word).collect())?)
    .bind(&filter.service)
    .bind(&filter.text)
    .bind(&filter.after)
    .bind(i64::from(filter.open_first))
    .bind(i64::try_from(filter.limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await?;
    rows.iter().map(record).collect()
}

/// How many are open, without reading them.
pub(crate) async fn count_open(pool: &SqlitePool) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT count(*) AS n FROM incidents WHERE status <> 'resolved'")
        .fetch_one(pool)
        .await?;
    let count: i64 = row.try_get("n")?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Earlier ones of a service that these have too; the newest first. Without a service, any.
pub(crate) async fn related(
    pool: &SqlitePool,
    incident: &IncidentRecord,
    limit: usize,
) -> Result<Vec<IncidentRecord>, sqlx::Error> {
    let rows = sqlx::query(select(
        "WHERE id <> $1 AND merged_into IS NULL AND detected_at < $2 \
         AND ($3 = '[]' OR id IN (SELECT incident FROM incident_services \
              WHERE service IN (SELECT value FROM json_each($3)))) \
         ORDER BY detected_at DESC, id DESC LIMIT $4",
    ))
    .bind(&incident.id)
    .bind(incident.detected_at.nanos())
    .bind(to_json(&incident.body.services)?)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await?;
    rows.iter().map(record).collect()
}

/// Writes an incident, new or known.
pub(crate) async fn save(
    tx: &mut SqliteConnection,
    incident: &IncidentRecord,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO incidents (id, status, severity, onset_at, detected_at, notified_at, \
         acknowledged_at, acknowledged_by, recovered_at, resolved_at, body, title, merged_into) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, severity = excluded.severity, \
         onset_at = excluded.onset_at, detected_at = excluded.detected_at, \
         notified_at = excluded.notified_at, acknowledged_at = excluded.acknowledged_at, \
         acknowledged_by = excluded.acknowledged_by, recovered_at = excluded.recovered_at, \
         resolved_at = excluded.resolved_at, body = excluded.body, title = excluded.title, \
         merged_into = excluded.merged_into",
    )
    .bind(&incident.id)
    .bind(word(&incident.status)?)
    .bind(word(&incident.severity)?)
    .bind(incident.body.onset.at.nanos())
    .bind(incident.detected_at.nanos())
    .bind(incident.notified_at.map(Timestamp::nanos))
    .bind(incident.acknowledged_at.map(Timestamp::nanos))
    .bind(&incident.acknowledged_by)
    .bind(incident.recovered_at.map(Timestamp::nanos))
    .bind(incident.resolved_at.map(Timestamp::nanos))
    .bind(to_json(&incident.body)?)
    .bind(&incident.body.title)
    .bind(&incident.merged_into)
    .execute(&mut *tx)
    .await?;
    save_services(tx, incident).await
}

async fn save_services(
    tx: &mut SqliteConnection,
    incident: &IncidentRecord,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM incident_services WHERE incident = $1")
        .bind(&incident.id)
        .execute(&mut *tx)
        .await?;
    for service in &incident.body.services {
        sqlx::query("INSERT OR IGNORE INTO incident_services (incident, service) VALUES ($1, $2)")
            .bind(&incident.id)
            .bind(service)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Copies what was told of one incident to another.
pub(crate) async fn copy_timeline(
    tx: &mut SqliteConnection,
    from: &str,
    to: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO incident_timeline (incident, at, kind, text, actor) \
         SELECT $1, at, kind, text, actor FROM incident_timeline WHERE incident = $2 ORDER BY id",
    )
    .bind(to)
    .bind(from)
    .execute(tx)
    .await?;
    Ok(())
}

/// Adds to an incident's timeline.
pub(crate) async fn tell(
    tx: &mut SqliteConnection,
    incident: &str,
    entries: &[TimelineEntry],
) -> Result<(), sqlx::Error> {
    for entry in entries {
        sqlx::query(
            "INSERT INTO incident_timeline (incident, at, kind, text, actor) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(incident)
        .bind(entry.at.nanos())
        .bind(word(&entry.kind)?)
        .bind(&entry.text)
        .bind(&entry.actor)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// What was told, earliest first.
pub(crate) async fn timeline(
    pool: &SqlitePool,
    incident: &str,
) -> Result<Vec<TimelineEntry>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT at, kind, text, actor FROM incident_timeline WHERE incident = $1 ORDER BY at, id",
    )
    .bind(incident)
    .fetch_all(pool)
    .await?;
    rows.iter().map(timeline_entry).collect()
}

/// What was told of several incidents at once, earliest first.
pub(crate) async fn timelines(
    pool: &SqlitePool,
    incidents: &[IncidentRecord],
) -> Result<HashMap<String, Vec<TimelineEntry>>, sqlx::Error> {
    let ids: Vec<&str> = incidents.iter().map(|one| one.id.as_str()).collect();
    let rows = sqlx::query(
        "SELECT incident, at, kind, text, actor FROM incident_timeline \
         WHERE incident IN (SELECT value FROM json_each($1)) ORDER BY at, id",
    )
    .bind(to_json(&ids)?)
    .fetch_all(pool)
    .await?;
    let mut told: HashMap<String, Vec<TimelineEntry>> = HashMap::new();
    for row in &rows {
        let of_incident = told.entry(row.try_get("incident")?).or_default();
        of_incident.push(timeline_entry(row)?);
    }
    Ok(told)
}

fn timeline_entry(row: &SqliteRow) -> Result<TimelineEntry, sqlx::Error> {
    Ok(TimelineEntry {
        at: Timestamp::from_nanos(row.try_get("at")?),
        kind: from_word(row.try_get("kind")?)?,
        text: row.try_get("text")?,
        actor: row.try_get("actor")?,
    })
}

/// Sets when the first page was taken, if none was before.
pub(crate) async fn set_notified(
    tx: &mut SqliteConnection,
    incident: &str,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE incidents SET notified_at = $1 WHERE id = $2 AND notified_at IS NULL")
        .bind(at.nanos())
        .bind(incident)
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether the timeline has an entry of this kind and actor.
pub(crate) async fn has_told(
    tx: &mut SqliteConnection,
    incident: &str,
    kind: TimelineKind,
    actor: &str,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(
        "SELECT 1 FROM incident_timeline WHERE incident = $1 AND kind = $2 AND actor = $3 LIMIT 1",
    )
    .bind(incident)
    .bind(word(&kind)?)
    .bind(actor)
    .fetch_optional(tx)
    .await?;
    Ok(row.is_some())
}
