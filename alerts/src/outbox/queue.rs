//! The rows of one destination that wait, and how their state changes.

use sqlx::{Row, SqliteConnection, SqlitePool};
use watchfire_schemas::Timestamp;

use crate::notify::{FailureReason, Taken};

use super::row::{QueuedRow, maybe_time_of};

/// How a row stands after an attempt, or after its deadline.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    Delivered(Taken),
    /// To be sent again.
    Again {
        not_before: Timestamp,
        asked_until: Option<Timestamp>,
        http_status: Option<u16>,
        reason: FailureReason,
        error: String,
    },
    Dead {
        http_status: Option<u16>,
        reason: FailureReason,
        error: String,
    },
}

/// What waits for a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub depth: i64,
    /// When the oldest was to be sent.
    pub oldest_due: Option<Timestamp>,
}

/// The first waiting row of each dedup key, the soonest first.
pub(super) async fn heads(
    pool: &SqlitePool,
    destination: &str,
    limit: i64,
) -> Result<Vec<QueuedRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT o.id, o.incident_id, o.dedup_key, o.seq, o.action, o.body, o.queued_at, o.due_at,
                o.not_before, o.deadline, o.attempts, o.source,
                (SELECT p.destination FROM outbox p WHERE p.id = o.stands_for) AS instead_of,
                (SELECT t.receipt FROM outbox t
                  WHERE t.destination = o.destination AND t.dedup_key = o.dedup_key
                    AND t.receipt IS NOT NULL AND t.seq < o.seq
                  ORDER BY t.seq DESC LIMIT 1) AS thread_receipt,
                (SELECT json_group_array(i.incident) FROM outbox_incidents i
                  WHERE i.message = o.id) AS incidents,
                (SELECT t.key_id FROM outbox t
                  WHERE t.destination = o.destination AND t.dedup_key = o.dedup_key
                    AND t.action = 'trigger' AND t.attempts > 0
                  ORDER BY t.seq DESC LIMIT 1) AS thread_key
         FROM outbox o
         WHERE o.id IN (SELECT h.id FROM outbox h
                         WHERE h.destination = ? AND h.state = 'queued'
                           AND NOT EXISTS (SELECT 1 FROM outbox p
                                            WHERE p.destination = h.destination
                                              AND p.dedup_key = h.dedup_key
                                              AND p.state = 'queued' AND p.seq < h.seq)
                         ORDER BY h.not_before, h.id LIMIT ?)
         ORDER BY o.not_before, o.id",
    )
    .bind(destination)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Counts an attempt before it is made. False if the row no longer waits: then nothing is sent.
pub(super) async fn claim(
    pool: &SqlitePool,
    id: i64,
    key_id: Option<&str>,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let claimed = sqlx::query(
        "UPDATE outbox SET attempts = attempts + 1, last_attempt_at = ?,
                           key_id = coalesce(?, key_id)
         WHERE id = ? AND state = 'queued'",
    )
    .bind(now.nanos())
    .bind(key_id)
    .bind(id)
    .execute(pool)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

pub(super) async fn mark(
    tx: &mut SqliteConnection,
    id: i64,
    mark: &Mark,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let query = match mark {
        Mark::Delivered(taken) => sqlx::query(
            "UPDATE outbox SET state = 'delivered', delivered_at = ?, http_status = ?,
                               receipt = ?, reason = NULL, error = NULL
             WHERE id = ?",
        )
        .bind(now.nanos())
        .bind(taken.status)
        .bind(&taken.receipt)
        .bind(id),
        Mark::Again {
            not_before,
            asked_until,
            http_status,
            reason,
            error,
        } => sqlx::query(
            "UPDATE outbox SET not_before = ?, asked_until = ?, http_status = ?, reason = ?,
                               error = ?
             WHERE id = ?",
        )
        .bind(not_before.nanos())
        .bind(asked_until.map(Timestamp::nanos))
        .bind(http_status)
        .bind(reason.as_str())
        .bind(error)
        .bind(id),
        Mark::Dead {
            http_status,
            reason,
            error,
        } => sqlx::query(
            "UPDATE outbox SET state = 'dead', http_status = coalesce(?, http_status),
                               reason = ?, error = ?
             WHERE id = ?",
        )
        .bind(http_status)
        .bind(reason.as_str())
        .bind(error)
        .bind(id),
    };
    query.execute(tx).await.map(drop)
}

pub(super) async fn standing(
    pool: &SqlitePool,
    destination: &str,
) -> Result<Standing, sqlx::Error> {
    let row = sqlx::query(
        "SELECT count(*) AS depth, min(due_at) AS oldest_due FROM outbox
         WHERE destination = ? AND state = 'queued'",
    )
    .bind(destination)
    .fetch_one(pool)
    .await?;
    Ok(Standing {
        depth: row.try_get("depth")?,
        oldest_due: maybe_time_of(&row, "oldest_due")?,
    })
}

/// Until when the destination asked to be left alone, as was known when we stopped.
pub(super) async fn asked_until(
    pool: &SqlitePool,
    destination: &str,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT max(asked_until) AS asked_until FROM outbox
         WHERE destination = ? AND state = 'queued'",
    )
    .bind(destination)
    .fetch_one(pool)
    .await?;
    maybe_time_of(&row, "asked_until")
}

/// Gives up what nobody will send any more. Gives how many there were.
pub(super) async fn expire_unconfigured(
    pool: &SqlitePool,
    configured: &[String],
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let names = serde_json::to_string(configured).expect("names are texts");
    let expired = sqlx::query(
        "UPDATE outbox SET state = 'dead', reason = ?,
                error = 'given up: the destination is no longer configured'
         WHERE state = 'queued' AND deadline <= ?
           AND destination NOT IN (SELECT value FROM json_each(?))",
    )
    .bind(FailureReason::Expired.as_str())
    .bind(now.nanos())
    .bind(names)
    .execute(pool)
    .await?;
    Ok(expired.rows_affected())
}

/// Forgets what is long over: what was delivered or dropped before one time, what died before
/// another. What a later message of the same dedup key may need is kept. Gives how many went.
pub(super) async fn prune(
    pool: &SqlitePool,
    delivered_before: Timestamp,
    dead_before: Timestamp,
) -> Result<u64, sqlx::Error> {
    let pruned = sqlx::query(
        "DELETE FROM outbox AS o
         WHERE ((state IN ('delivered', 'dropped') AND queued_at < ?)
                OR (state = 'dead' AND queued_at < ?))
           AND (action IN ('resolve', 'change')
                OR EXISTS (SELECT 1 FROM outbox l
                            WHERE l.destination = o.destination AND l.dedup_key = o.dedup_key
                              AND l.seq > o.seq AND l.action IN ('trigger', 'resolve')
                              AND l.state <> 'dropped'))",
    )
    .bind(delivered_before.nanos())
    .bind(dead_before.nanos())
    .execute(pool)
    .await?;
    Ok(pruned.rows_affected())
}

/// Whether there was a message of this dedup key.
pub(super) async fn is_known(
    tx: &mut SqliteConnection,
    destination: &str,
    dedup_key: &str,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE destination = ? AND dedup_key = ?) AS known",
    )
    .bind(destination)
    .bind(dedup_key)
    .fetch_one(tx)
    .await?;
    row.try_get("known")
}

/// Puts a dead message back. False if there is none of this id that is dead, or if a later message
/// of its dedup key has been delivered, after which it would be wrong.
pub(super) async fn revive(
    pool: &SqlitePool,
    id: i64,
    now: Timestamp,
    deadline: Timestamp,
) -> Result<bool, sqlx::Error> {
    let revived = sqlx::query(
        "UPDATE outbox AS o SET state = 'queued', due_at = ?, not_before = ?, deadline = ?
         WHERE id = ? AND state = 'dead'
           AND NOT EXISTS (SELECT 1 FROM outbox l
                            WHERE l.destination = o.destination AND l.dedup_key = o.dedup_key
                              AND l.seq > o.seq AND l.state = 'delivered')",
    )
    .bind(now.nanos())
    .bind(now.nanos())
    .bind(deadline.nanos())
    .bind(id)
    .execute(pool)
    .await?;
    Ok(revived.rows_affected() == 1)
}
