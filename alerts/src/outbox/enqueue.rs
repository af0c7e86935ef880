//! Putting messages in, within the transaction of the change that they tell of.

use std::time::Duration;

use sqlx::{Row, SqliteConnection};
use watchfire_schemas::Timestamp;

use crate::Secret;
use crate::notification::{EventAction, NewNotification};
use crate::notify::{Destination, Occasion, render};
use crate::receivers::{GroupNotice, Integration};

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

/// A message as it comes in.
pub(super) struct Message<'a> {
    /// Empty if it tells of a group of alerts.
    pub incident: &'a str,
    /// Those that the alerts of a group belong to.
    pub incidents: Vec<&'a str>,
    pub dedup_key: String,
    pub action: EventAction,
    pub not_before: Timestamp,
    pub content: Content<'a>,
}

/// What the body is made of.
pub(super) enum Content<'a> {
    Incident(&'a NewNotification),
    Group(&'a GroupNotice, &'a Integration),
}

impl<'a> Message<'a> {
    pub(super) fn of_incident(row: &'a NewNotification) -> Self {
        Self {
            incident: &row.incident_id,
            incidents: Vec::new(),
            dedup_key: row.dedup_key.clone(),
            action: row.action,
            not_before: row.not_before,
            content: Content::Incident(row),
        }
    }

    pub(super) fn of_group(notice: &'a GroupNotice, integration: &'a Integration) -> Self {
        Self {
            incident: "",
            incidents: notice.incidents(),
            dedup_key: notice.dedup_key(),
            action: notice.action(),
            not_before: notice.at,
            content: Content::Group(notice, integration),
        }
    }

    fn body(&self, destination: &Destination, told_before: bool) -> String {
        match self.content {
            Content::Incident(row) => {
                let occasion = Occasion::of(self.action, told_before);
                render(destination.kind, row, occasion)
            }
            Content::Group(notice, integration) => integration.form.render(notice),
        }
    }

    fn source(&self) -> String {
        let source = match self.content {
            Content::Incident(row) => serde_json::to_string(row),
            Content::Group(notice, _) => serde_json::to_string(notice),
        };
        source.expect("its keys are texts")
    }
}

/// Adds a message and drops those that it supersedes: whatever of its incident or group has not
/// been attempted. A resolve of something that was never told is dropped with it.
pub(super) async fn insert(
    tx: &mut SqliteConnection,
    destination: &Destination,
    message: &Message<'_>,
    (now, give_up_after): (Timestamp, Duration),
) -> Result<Vec<DropReason>, sqlx::Error> {
    let mut dropped = Vec::new();
    if message.action == EventAction::Acknowledge && !destination.kind.takes_acknowledge() {
        return Ok(dropped);
    }
    let key = (destination.name.as_str(), message.dedup_key.as_str());
    let thread = thread(tx, key).await?;
    let superseded = match message.action {
        EventAction::Acknowledge => 0,
        EventAction::Trigger | EventAction::Resolve => drop_unsent(tx, key, message.action).await?,
    };
    dropped.extend((0..superseded).map(|_| DropReason::Superseded));
    let moot = match message.action {
        EventAction::Trigger => None,
        EventAction::Acknowledge if thread.told || thread.waiting => None,
        EventAction::Resolve if thread.told => None,
        EventAction::Resolve if thread.waiting => Some(DropReason::Superseded),
        EventAction::Acknowledge | EventAction::Resolve => Some(DropReason::NothingSent),
    };
    dropped.extend(moot);
    let due = match message.action {
        // A page that has become graver is not sent later for it.
        EventAction::Trigger => thread
            .waiting_since
            .map_or(message.not_before, |since| since.min(message.not_before)),
        _ => message.not_before,
    };
    let due = due.max(now);
    let fingerprint = destination.routing_key.as_ref().map(Secret::fingerprint);
    let inserted = sqlx::query(
        "INSERT INTO outbox (incident_id, destination, kind, dedup_key, seq, action, body, source,
                             key_id, state, queued_at, due_at, not_before, deadline, reason, error)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(message.incident)
    .bind(&destination.name)
    .bind(destination.kind.as_str())
    .bind(&message.dedup_key)
    .bind(thread.next_seq)
    .bind(message.action.as_str())
    .bind(message.body(destination, thread.told))
    .bind(message.source())
    .bind(fingerprint)
    .bind(if moot.is_some() { "dropped" } else { "queued" })
    .bind(now.nanos())
    .bind(due.nanos())
    .bind(due.nanos())
    .bind((due + give_up_after).nanos())
    .bind(moot.map(DropReason::as_str))
    .bind(moot.map(|_| "the destination was never told of what this would close"))
    .execute(&mut *tx)
    .await?;
    for incident in &message.incidents {
        sqlx::query("INSERT INTO outbox_incidents (incident, message) VALUES (?, ?)")
            .bind(incident)
            .bind(inserted.last_insert_rowid())
            .execute(&mut *tx)
            .await?;
    }
    Ok(dropped)
}

async fn thread(
    tx: &mut SqliteConnection,
    (destination, dedup_key): (&str, &str),
) -> Result<Thread, sqlx::Error> {
    let found = sqlx::query(
        "SELECT coalesce(max(seq), 0) + 1 AS next_seq,
                coalesce(max(action = 'trigger' AND attempts > 0), 0) AS told,
                min(due_at) FILTER (WHERE action = 'trigger' AND state = 'queued'
                                      AND attempts = 0) AS waiting_since
         FROM outbox WHERE destination = ? AND dedup_key = ?",
    )
    .bind(destination)
    .bind(dedup_key)
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
async fn drop_unsent(
    tx: &mut SqliteConnection,
    (destination, dedup_key): (&str, &str),
    by: EventAction,
) -> Result<u64, sqlx::Error> {
    let dropped = sqlx::query(
        "UPDATE outbox SET state = 'dropped', reason = ?, error = ?
         WHERE destination = ? AND dedup_key = ? AND state = 'queued' AND attempts = 0",
    )
    .bind(DropReason::Superseded.as_str())
    .bind(format!("a later {} came before it was sent", by.as_str()))
    .bind(destination)
    .bind(dedup_key)
    .execute(tx)
    .await?;
    Ok(dropped.rows_affected())
}
