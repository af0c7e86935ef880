//! Silences in the database.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};
use watchfire_schemas::Timestamp;

use super::{KeptSilence, SilenceMatcher};
use crate::incident::store::{from_json, to_json};
use crate::routing::matcher::{MatchOp, Matcher, Matchers};

/// How long a silence is remembered that is over.
pub(crate) const RETENTION: Duration = Duration::from_hours(120);

pub(crate) async fn load(pool: &SqlitePool) -> Result<Vec<KeptSilence>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, matchers, starts_at, ends_at, updated_at, created_by, comment, annotations \
         FROM silences ORDER BY id",
    )
    .fetch_all(pool)
    .await?;
    rows.iter().map(silence).collect()
}

fn silence(row: &SqliteRow) -> Result<KeptSilence, sqlx::Error> {
    let time = |column| Ok::<_, sqlx::Error>(Timestamp::from_nanos(row.try_get(column)?));
    let matchers: Vec<SilenceMatcher> = from_json(row.try_get("matchers")?)?;
    let matchers = matchers.iter().map(|matcher| {
        let op = MatchOp::new(matcher.is_regex, matcher.is_equal);
        Matcher::new(&matcher.name, op, &matcher.value)
            .map_err(|reason| sqlx::Error::Decode(reason.into()))
    });
    Ok(KeptSilence {
        id: row.try_get("id")?,
        matchers: Matchers::in_order_given(matchers.collect::<Result<_, _>>()?),
        starts_at: time("starts_at")?,
        ends_at: time("ends_at")?,
        updated_at: time("updated_at")?,
        created_by: row.try_get("created_by")?,
        comment: row.try_get("comment")?,
        annotations: from_json(row.try_get("annotations")?)?,
    })
}

/// Writes a silence, new or known.
pub(crate) async fn save(
    tx: &mut SqliteConnection,
    silence: &KeptSilence,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO silences (id, matchers, starts_at, ends_at, updated_at, created_by, comment, \
         annotations) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (id) DO UPDATE SET matchers = excluded.matchers, \
         starts_at = excluded.starts_at, ends_at = excluded.ends_at, \
         updated_at = excluded.updated_at, created_by = excluded.created_by, \
         comment = excluded.comment, annotations = excluded.annotations",
    )
    .bind(&silence.id)
    .bind(to_json(&silence.shown(silence.updated_at).matchers)?)
    .bind(silence.starts_at.nanos())
    .bind(silence.ends_at.nanos())
    .bind(silence.updated_at.nanos())
    .bind(&silence.created_by)
    .bind(&silence.comment)
    .bind(to_json(&silence.annotations)?)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets those that have been over for long.
pub(crate) async fn forget_old(
    tx: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM silences WHERE ends_at < $1")
        .bind((now - RETENTION).nanos())
        .execute(tx)
        .await?;
    Ok(())
}
