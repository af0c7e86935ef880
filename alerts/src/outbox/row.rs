use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};
use watchfire_schemas::Timestamp;

use crate::notification::EventAction;

use super::source::Source;
use super::stand_in::Stranded;

/// A message that waits, and is the next of its dedup key.
#[derive(Debug, Clone)]
pub(super) struct QueuedRow {
    pub id: i64,
    /// Empty if it tells of a group of alerts.
    pub incident_id: String,
    /// Those that it tells of.
    pub incidents: Vec<String>,
    pub dedup_key: String,
    pub seq: i64,
    pub action: EventAction,
    pub body: String,
    pub queued_at: Timestamp,
    pub due_at: Timestamp,
    pub not_before: Timestamp,
    pub deadline: Timestamp,
    pub attempts: u32,
    pub source: Option<Source>,
    /// The destination in whose place this one is told.
    pub instead_of: Option<String>,
    /// What the destination called the last message of this dedup key that it took.
    pub thread_receipt: Option<String>,
    /// Which routing key the last trigger that was sent for this dedup key went to.
    pub thread_key: Option<String>,
}

impl QueuedRow {
    /// What it tells of, for our own log.
    pub(super) fn subject(&self) -> &str {
        if self.incident_id.is_empty() {
            &self.dedup_key
        } else {
            &self.incident_id
        }
    }
}

impl QueuedRow {
    pub(super) fn stranded<'a>(&'a self, source: &'a Source) -> Stranded<'a> {
        Stranded {
            id: self.id,
            dedup_key: &self.dedup_key,
            action: self.action,
            source,
        }
    }
}

impl FromRow<'_, SqliteRow> for QueuedRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let incident_id: String = row.try_get("incident_id")?;
        let of_group: String = row.try_get("incidents")?;
        let mut incidents: Vec<String> =
            serde_json::from_str(&of_group).map_err(|error| sqlx::Error::Decode(error.into()))?;
        if !incident_id.is_empty() {
            incidents.push(incident_id.clone());
        }
        Ok(Self {
            id: row.try_get("id")?,
            incident_id,
            incidents,
            dedup_key: row.try_get("dedup_key")?,
            seq: row.try_get("seq")?,
            action: action_of(&row.try_get::<String, _>("action")?)?,
            body: row.try_get("body")?,
            queued_at: time_of(row, "queued_at")?,
            due_at: time_of(row, "due_at")?,
            not_before: time_of(row, "not_before")?,
            deadline: time_of(row, "deadline")?,
            attempts: row.try_get("attempts")?,
            source: Source::read(row.try_get("source")?),
            instead_of: row.try_get("instead_of")?,
            thread_receipt: row.try_get("thread_receipt")?,
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
        EventAction::Update,
        EventAction::Change,
    ]
    .into_iter()
    .find(|action| action.as_str() == text)
    .ok_or_else(|| sqlx::Error::Decode(format!("outbox.action is {text}").into()))
}
