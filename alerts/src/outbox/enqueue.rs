//! Putting messages in, within the transaction of the change that they tell of.

use std::time::Duration;

use sqlx::{Row, SqliteConnection};
use watchfire_schemas::Timestamp;

use crate::notification::{EventAction, NewNotification};
use crate::notify::{Destination, Occasion, render};

use super::meters::DropReason;

/// What the rows of one (destination, dedup key) say so far.
struct Thread {
    next_seq: i64,
    /// Whether a trigger may have reached the destination.
    told: bool,
    /// Whether a trigger waits that nobody has tried to send.
    waiting: bool,
    /// When that one was to be sent.
    waiting_since: Option<Timestamp>,
}

/// Adds a message and drops those that it supersedes: whatever of its incident has not been
/// attempted. A resolve of something that was never told is dropped with it.
pub(super) async fn insert(
    tx: &mut SqliteConnection,
    destination: &Destination,
    row: &NewNotification,
    now: Timestamp,
    give_up_after: Duration,
) -> Result<Vec<DropReason>, sqlx::Error> {
    let mut dropped = Vec::new();
    if row.action == EventAction::Acknowledge && !destination.kind.takes_acknowledge() {
        return Ok(dropped);
    }
    let thread = thread(tx, row).await?;
    let superseded = match row.action {
        EventAction::Acknowledge => 0,
        EventAction::Trigger | EventAction::Resolve => drop_unsent(tx, row).await?,
    };
    dropped.extend((0..superseded).map(|_| DropReason::Superseded));
    let moot = match row.action {
        EventAction::Trigger => None,
        EventAction::Acknowledge if thread.told || thread.waiting => None,
        EventAction::Resolve if thread.told => None,
        EventAction::Resolve if thread.waiting => Some(DropReason::Superseded),
        EventAction::Acknowledge | EventAction::Resolve => Some(DropReason::NothingSent),
    };
    dropped.extend(moot);
    let due = match row.action {
        // A page that has become graver is not sent later for it.
        EventAction::Trigger => thread
            .waiting_since
            .map_or(row.not_before, |since| since.min(row.not_before)),
        _ => row.not_before,
    };
    let due = due.max(now);
    let occasion = Occasion::of(row.action, thread.told);
    sqlx::query(
        "INSERT INTO outbox (incident_id, destination, kind, dedup_key, seq, action, body, key_id,
                             state, queued_at, due_at, not_before, deadline, reason, error)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&row.incident_id)
    .bind(&row.destination)
    .bind(destination.kind.as_str())
    .bind(&row.dedup_key)
    .bind(thread.next_seq)
    .bind(row.action.as_str())
    .bind(render(destination.kind, row, occasion))
    .bind(
        destination
            .routing_key
            .as_ref()
            .map(crate::Secret::fingerprint),
    )
    .bind(if moot.is_some() { "dropped" } else { "queued" })
    .bind(now.nanos())
    .bind(due.nanos())
    .bind(due.nanos())
    .bind((due + give_up_after).nanos())
    .bind(moot.map(DropReason::as_str))
    .bind(moot.map(|_| "the destination was never told of what this would close"))
    .execute(tx)
    .await?;
    Ok(dropped)
}

async fn thread(tx: &mut SqliteConnection, row: &NewNotification) -> Result<Thread, sqlx::Error> {
    let found = sqlx::query(
        "SELECT coalesce(max(seq), 0) + 1 AS next_seq,
                coalesce(max(action = 'trigger' AND attempts > 0), 0) AS told,
                min(due_at) FILTER (WHERE action = 'trigger' AND state = 'queued'
                                      AND attempts = 0) AS waiting_since
         FROM outbox WHERE destination = ? AND dedup_key = ?",
    )
    .bind(&row.destination)
    .bind(&row.dedup_key)
    .fetch_one(tx)
    .await?;
    let waiting_since = super::row::maybe_time_of(&found, "waiting_since")?;
    Ok(Thread {
        next_seq: found.try_get("next_seq")?,
        told: found.try_get("told")?,
        waiting: waiting_since.is_some(),
        waiting_since,
    })
}

/// Only what no attempt was begun for: an attempt is counted before the request leaves.
async fn drop_unsent(tx: &mut SqliteConnection, row: &NewNotification) -> Result<u64, sqlx::Error> {
    let dropped = sqlx::query(
        "UPDATE outbox SET state = 'dropped', reason = ?, error = ?
         WHERE destination = ? AND dedup_key = ? AND state = 'queued' AND attempts = 0",
    )
    .bind(DropReason::Superseded.as_str())
    .bind(format!(
        "a later {} came before it was sent",
        row.action.as_str()
    ))
    .bind(&row.destination)
    .bind(&row.dedup_key)
    .execute(tx)
    .await?;
    Ok(dropped.rows_affected())
}
