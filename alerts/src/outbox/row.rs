use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};
use watchfire_schemas::Timestamp;

use crate::notification::EventAction;

/// A message that waits, and is the next of its dedup key.
#[derive(Debug, Clone)]
pub(super) struct QueuedRow {
    pub id: i64,
    pub incident_id: String,
    pub dedup_key: String,
    pub seq: i64,
    pub action: EventAction,
    pub body: String,
    pub queued_at: Timestamp,
    pub due_at: Timestamp,
    pub not_before: Timestamp,
    pub deadline: Timestamp,
    pub attempts: u32,
    /// Which routing key the last trigger that was sent for this dedup key went to.
    pub thread_key: Option<String>,
}

impl FromRow<'_, SqliteRow> for QueuedRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            incident_id: row.try_get("incident_id")?,
            dedup_key: row.try_get("dedup_key")?,
            seq: row.try_get("seq")?,
            action: action_of(&row.try_get::<String, _>("action")?)?,
            body: row.try_get("body")?,
            queued_at: time_of(row, "queued_at")?,
            due_at: time_of(row, "due_at")?,
            not_before: time_of(row, "not_before")?,
            deadline: time_of(row, "deadline")?,
            attempts: row.try_get("attempts")?,
            thread_key: row.try_get("thread_key")?,
        })
    }
}

pub(super) fn time_of(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    row.try_get(column).map(Timestamp::from_nanos)
}

pub(super) fn maybe_time_of(
    row: &SqliteRow,
    column: &str,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let nanos: Option<i64> = row.try_get(column)?;
    Ok(nanos.map(Timestamp::from_nanos))
}

fn action_of(text: &str) -> Result<EventAction, sqlx::Error> {
    [
        EventAction::Trigger,
        EventAction::Acknowledge,
        EventAction::Resolve,
    ]
    .into_iter()
    .find(|action| action.as_str() == text)
    .ok_or_else(|| sqlx::Error::Decode(format!("outbox.action is {text}").into()))
}
