//! Deploys, flags and configuration: what changed, and when.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};
use uuid::Uuid;
use watchfire_schemas::{ChangeEvent, TimeRange};

use crate::exception_groups::releases::note_release;
use crate::incident::store::{from_json, to_json};

/// Keeps a change and gives it an id if it has none. The same id again replaces it.
pub(crate) async fn record(
    tx: &mut SqliteConnection,
    mut change: ChangeEvent,
) -> Result<ChangeEvent, sqlx::Error> {
    if change.id.is_empty() {
        change.id = Uuid::now_v7().to_string();
    }
    sqlx::query(
        "INSERT INTO changes (id, at, service, body) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (id) DO UPDATE SET at = excluded.at, service = excluded.service, \
         body = excluded.body",
    )
    .bind(&change.id)
    .bind(change.at.nanos())
    .bind(&change.service)
    .bind(to_json(&change)?)
    .execute(&mut *tx)
    .await?;
    if let Some(release) = &change.version {
        note_release(tx, &change.service, release, change.at).await?;
    }
    Ok(change)
}

/// Changes of the range, newest first.
pub(crate) async fn within(
    pool: &SqlitePool,
    range: TimeRange,
    service: Option<&str>,
) -> Result<Vec<ChangeEvent>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT body FROM changes WHERE at >= $1 AND at < $2 AND ($3 IS NULL OR service = $3) \
         ORDER BY at DESC, id DESC LIMIT 1000",
    )
    .bind(range.start.nanos())
    .bind(range.end.nanos())
    .bind(service)
    .fetch_all(pool)
    .await?;
    let change = |row: &SqliteRow| from_json(&row.try_get::<String, _>("body")?);
    rows.iter().map(change).collect()
}
