use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use watchfire_schemas::Timestamp;

use super::{StoredGroup, Triage};
use crate::incident::store::{from_json, from_word, time, to_json, word};
use crate::{ExceptionGroup, GroupStatus};

/// What the column `body` holds.
#[derive(Serialize, Deserialize)]
struct Body {
    #[serde(flatten)]
    triage: Triage,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    users: BTreeSet<u64>,
}

fn stored(row: &SqliteRow) -> Result<StoredGroup, sqlx::Error> {
    let releases: String = row.try_get("releases")?;
    let last_trace: Option<String> = row.try_get("last_trace")?;
    let body: String = row.try_get("body")?;
    let Body { triage, users } = from_json(&body)?;
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
            triage,
        },
        resolved_at: time(row, "resolved_at")?,
        merged_into: row.try_get("merged_into")?,
        users,
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

/// Rows that were not merged into others, the one seen last first.
pub(super) async fn heads(
    connection: &mut SqliteConnection,
    service: Option<&str>,
    status: Option<GroupStatus>,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<StoredGroup>, sqlx::Error> {
    let status = status.map(|status| word(&status)).transpose()?;
    let rows = sqlx::query(
        "SELECT * FROM exception_groups WHERE merged_into IS NULL \
         AND ($1 IS NULL OR service = $1) AND ($2 IS NULL OR status = $2) AND last_seen >= $3 \
         ORDER BY last_seen DESC, id LIMIT $4",
    )
    .bind(service)
    .bind(status)
    .bind(since.nanos())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    rows.iter().map(stored).collect()
}

/// All rows that were merged into others.
pub(super) async fn merged(
    connection: &mut SqliteConnection,
) -> Result<Vec<StoredGroup>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM exception_groups WHERE merged_into IS NOT NULL")
        .fetch_all(connection)
        .await?;
    rows.iter().map(stored).collect()
}

/// Those that wait for something to end their status.
pub(super) async fn waiting(
    connection: &mut SqliteConnection,
) -> Result<Vec<StoredGroup>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT * FROM exception_groups WHERE merged_into IS NULL \
         AND status IN ('ignored', 'archived')",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(stored).collect()
}

/// The fingerprint that a hash is known from.
pub(super) async fn by_hash(
    connection: &mut SqliteConnection,
    hash: &str,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT fingerprint FROM exception_hashes WHERE hash = $1")
        .bind(hash)
        .fetch_optional(connection)
        .await
}

/// Whoever has a hash first keeps it.
pub(super) async fn keep_hash(
    tx: &mut SqliteConnection,
    hash: &str,
    fingerprint: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR IGNORE INTO exception_hashes (hash, fingerprint) VALUES ($1, $2)")
        .bind(hash)
        .bind(fingerprint)
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets groups that were last seen before a time and that nobody ever touched.
pub(super) async fn forget_before(
    tx: &mut SqliteConnection,
    before: Timestamp,
) -> Result<u64, sqlx::Error> {
    let gone = "SELECT id FROM exception_groups WHERE last_seen < $1 AND status = 'open' \
         AND assignee IS NULL AND merged_into IS NULL \
         AND id NOT IN (SELECT merged_into FROM exception_groups WHERE merged_into IS NOT NULL) \
         AND id NOT IN (SELECT fingerprint FROM exception_log WHERE who IS NOT NULL)";
    for table in ["exception_hashes", "exception_releases", "exception_log"] {
        let statement = format!("DELETE FROM {table} WHERE fingerprint IN ({gone})");
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(before.nanos())
            .execute(&mut *tx)
            .await?;
    }
    let statement = format!("DELETE FROM exception_groups WHERE id IN ({gone})");
    let done = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(before.nanos())
        .execute(tx)
        .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn save(
    tx: &mut SqliteConnection,
    stored: &StoredGroup,
) -> Result<(), sqlx::Error> {
    let group = &stored.group;
    let body = Body {
        // Who belongs to it is said by those who do.
        triage: Triage {
            members: Vec::new(),
            ..group.triage.clone()
        },
        users: stored.users.clone(),
    };
    sqlx::query(
        "INSERT INTO exception_groups (id, kind, message, culprit, service, status, assignee, \
         first_seen, last_seen, releases, resolved_at, regressed_at, last_trace, body, merged_into) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (id) DO UPDATE SET message = excluded.message, status = excluded.status, \
         assignee = excluded.assignee, first_seen = excluded.first_seen, \
         last_seen = excluded.last_seen, releases = excluded.releases, \
         resolved_at = excluded.resolved_at, regressed_at = excluded.regressed_at, \
         last_trace = excluded.last_trace, body = excluded.body, \
         merged_into = excluded.merged_into",
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
    .bind(to_json(&body)?)
    .bind(&stored.merged_into)
    .execute(tx)
    .await?;
    Ok(())
}
