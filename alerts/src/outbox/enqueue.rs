//! Putting messages in, within the transaction of the change that they tell of.

use std::time::Duration;

use sqlx::{Row, SqliteConnection};
use watchfire_schemas::{ChangeEvent, Timestamp};

use crate::notification::{EventAction, NewNotification};
use crate::notify::{Destination, Occasion, SecretSource, render, render_change};
use crate::receivers::{Form, GroupNotice};

use super::meters::DropReason;
use super::source::Source;

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
    /// Empty if it tells of no incident, or of a group of alerts.
    pub incident: String,
    /// Those that the alerts of a group belong to.
    pub incidents: Vec<String>,
    pub dedup_key: String,
    pub action: EventAction,
    pub not_before: Timestamp,
    pub stands_for: Option<i64>,
    pub source: Source,
    pub body: Body<'a>,
}

/// How the body is made.
pub(super) enum Body<'a> {
    Incident,
    Group(&'a Form),
    /// With the console's address.
    Change(&'a str),
}

/// What came of putting a message in.
#[derive(Debug, Default)]
pub(super) struct Put {
    /// None if there was nothing to put in.
    pub id: Option<i64>,
    /// Why messages were dropped, this one or others.
    pub dropped: Vec<DropReason>,
}

impl<'a> Message<'a> {
    pub(super) fn of_incident(row: NewNotification) -> Self {
        Self {
            incident: row.incident_id.clone(),
            incidents: Vec::new(),
            dedup_key: row.dedup_key.clone(),
            action: row.action,
            not_before: row.not_before,
            stands_for: None,
            source: Source::Incident(Box::new(row)),
            body: Body::Incident,
        }
    }

    pub(super) fn of_group(notice: GroupNotice, form: &'a Form) -> Self {
        let incidents = notice.incidents().into_iter().map(str::to_owned).collect();
        Self {
            incident: String::new(),
            incidents,
            dedup_key: notice.dedup_key(),
            action: notice.action(),
            not_before: notice.at,
            stands_for: None,
            source: Source::Group(Box::new(notice)),
            body: Body::Group(form),
        }
    }

    pub(super) fn of_change(change: ChangeEvent, now: Timestamp, external_url: &'a str) -> Self {
        Self {
            incident: String::new(),
            incidents: Vec::new(),
            dedup_key: format!("change-{}", change.id),
            action: EventAction::Change,
            not_before: now,
            stands_for: None,
            source: Source::Change(Box::new(change)),
            body: Body::Change(external_url),
        }
    }

    fn rendered(&self, destination: &Destination, told_before: bool) -> String {
        match (&self.body, &self.source) {
            (Body::Group(form), Source::Group(notice)) => form.render(notice),
            (Body::Change(external_url), Source::Change(change)) => {
                render_change(change, external_url)
            }
            (_, Source::Incident(row)) => render(destination, row, Occasion::of(row, told_before)),
            _ => String::new(),
        }
    }
}

/// Adds a message and drops those that it supersedes: whatever of its incident or group has not
/// been attempted. A resolve of something that was never told is dropped with it.
pub(super) async fn insert(
    tx: &mut SqliteConnection,
    destination: &Destination,
    message: &Message<'_>,
    (now, give_up_after): (Timestamp, Duration),
) -> Result<Put, sqlx::Error> {
    let mut put = Put::default();
    if !is_for(destination, message.action) {
        return Ok(put);
    }
    let key = (destination.name.as_str(), message.dedup_key.as_str());
    let thread = thread(tx, key).await?;
    let decides = matches!(message.action, EventAction::Trigger | EventAction::Resolve);
    if decides && !is_test(&message.dedup_key) {
        let superseded = drop_unsent(tx, key, message.action).await?;
        put.dropped
            .extend((0..superseded).map(|_| DropReason::Superseded));
    }
    let moot = match &destination.refused {
        Some(_) => Some(DropReason::Unsupported),
        None if is_test(&message.dedup_key) => None,
        None => moot(&thread, message.action),
    };
    put.dropped.extend(moot);
    let due = match message.action {
        // A page that has become graver is not sent later for it.
        EventAction::Trigger => thread
            .waiting_since
            .map_or(message.not_before, |since| since.min(message.not_before)),
        _ => message.not_before,
    };
    let why = destination
        .refused
        .as_deref()
        .or(moot.map(|_| "the destination was never told of what this would close"));
    let threads = destination.kind.threads_by_key();
    let key = destination.key.as_ref().filter(|_| threads);
    let times = (now, due.max(now), due.max(now) + give_up_after);
    let inserted = sqlx::query(
        "INSERT INTO outbox (incident_id, destination, kind, dedup_key, seq, action, body, source,
                             stands_for, key_id, state, queued_at, due_at, not_before, deadline,
                             reason, error)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&message.incident)
    .bind(&destination.name)
    .bind(destination.kind.as_str())
    .bind(&message.dedup_key)
    .bind(thread.next_seq)
    .bind(message.action.as_str())
    .bind(message.rendered(destination, thread.told))
    .bind(message.source.written())
    .bind(message.stands_for)
    .bind(key.map(SecretSource::fingerprint))
    .bind(if moot.is_some() { "dropped" } else { "queued" })
    .bind(times.0.nanos())
    .bind(times.1.nanos())
    .bind(times.1.nanos())
    .bind(times.2.nanos())
    .bind(moot.map(DropReason::as_str))
    .bind(why)
    .execute(&mut *tx)
    .await?;
    put.id = Some(inserted.last_insert_rowid());
    for incident in &message.incidents {
        sqlx::query("INSERT INTO outbox_incidents (incident, message) VALUES (?, ?)")
            .bind(incident)
            .bind(put.id)
            .execute(&mut *tx)
            .await?;
    }
    Ok(put)
}

/// How the dedup key of a test begins: all its messages are sent, and nobody stands in.
pub(super) const TEST: &str = "test-";

pub(super) fn is_test(dedup_key: &str) -> bool {
    dedup_key.starts_with(TEST)
}

/// Whether a destination of this kind can be told of such a thing at all.
fn is_for(destination: &Destination, action: EventAction) -> bool {
    match action {
        EventAction::Trigger | EventAction::Resolve => true,
        EventAction::Acknowledge => destination.kind.takes_acknowledge(),
        EventAction::Update => destination.kind.takes_updates(),
        EventAction::Change => destination.takes_changes,
    }
}

/// Why a message would say nothing.
fn moot(thread: &Thread, action: EventAction) -> Option<DropReason> {
    match action {
        EventAction::Trigger | EventAction::Change => None,
        EventAction::Acknowledge | EventAction::Update if thread.told || thread.waiting => None,
        EventAction::Resolve if thread.told => None,
        EventAction::Resolve if thread.waiting => Some(DropReason::Superseded),
        EventAction::Acknowledge | EventAction::Update | EventAction::Resolve => {
            Some(DropReason::NothingSent)
        }
    }
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
