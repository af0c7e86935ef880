use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};
use watchfire_schemas::Timestamp;

use super::StoredGroup;
use crate::incident::store::{from_json, from_word, time, to_json, word};
use crate::{ExceptionGroup, GroupStatus};

fn stored(row: &SqliteRow) -> Result<StoredGroup, sqlx::Error> {
    let releases: String = row.try_get("releases")?;
    let last_trace: Option<String> = row.try_get("last_trace")?;
    Ok(StoredGroup {
        group: ExceptionGroup {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            message: row.try_get("message")?,
            culprit: row.try_get("culprit")?,
            service: row.try_get("service")?,
            status: from_word(row.try_get("status")?)?,
            assignee: row.try_get("assignee")?,
            first_seen: time(row, "first_seen")?.unwrap_or_default(),
            last_seen: time(row, "last_seen")?.unwrap_or_default(),
            releases: from_json(&releases)?,
            regressed_at: time(row, "regressed_at")?,
            last_trace: last_trace.and_then(|id| id.parse().ok()),
        },
        resolved_at: time(row, "resolved_at")?,
    })
}

pub(crate) async fn by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<StoredGroup>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM exception_groups WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(stored).transpose()
}

/// Those of the ids that are known.
pub(crate) async fn by_ids(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = &str>,
) -> Result<BTreeMap<String, StoredGroup>, sqlx::Error> {
    let mut found = BTreeMap::new();
    for id in ids {
        if let Some(group) = by_id(&mut *connection, id).await? {
            found.insert(group.group.id.clone(), group);
        }
    }
    Ok(found)
}

/// Last seen first.
pub(crate) async fn list(
    pool: &SqlitePool,
    service: Option<&str>,
    status: Option<GroupStatus>,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<ExceptionGroup>, sqlx::Error> {
    let status = status.map(|status| word(&status)).transpose()?;
    let rows = sqlx::query(
        "SELECT * FROM exception_groups WHERE ($1 IS NULL OR service = $1) \
         AND ($2 IS NULL OR status = $2) AND last_seen >= $3 \
         ORDER BY last_seen DESC, id LIMIT $4",
    )
    .bind(service)
    .bind(status)
    .bind(since.nanos())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok(stored(row)?.group)).collect()
}

pub(crate) async fn save(
    tx: &mut SqliteConnection,
    stored: &StoredGroup,
) -> Result<(), sqlx::Error> {
    let group = &stored.group;
    sqlx::query(
        "INSERT INTO exception_groups (id, kind, message, culprit, service, status, assignee, \
         first_seen, last_seen, releases, resolved_at, regressed_at, last_trace) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (id) DO UPDATE SET message = excluded.message, status = excluded.status, \
         assignee = excluded.assignee, first_seen = excluded.first_seen, \
         last_seen = excluded.last_seen, releases = excluded.releases, \
         resolved_at = excluded.resolved_at, regressed_at = excluded.regressed_at, \
         last_trace = excluded.last_trace",
    )
    .bind(&group.id)
    .bind(&group.kind)
    .bind(&group.message)
    .bind(&group.culprit)
    .bind(&group.service)
    .bind(word(&group.status)?)
    .bind(&group.assignee)
    .bind(group.first_seen.nanos())
    .bind(group.last_seen.nanos())
    .bind(to_json(&group.releases)?)
    .bind(stored.resolved_at.map(Timestamp::nanos))
    .bind(group.regressed_at.map(Timestamp::nanos))
    .bind(group.last_trace.map(|id| id.to_string()))
    .execute(tx)
    .await?;
    Ok(())
}
