//! Who is told in the place of a destination that does not work.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Row, SqliteConnection};
use tokio::sync::Notify;
use watchfire_schemas::Timestamp;

use crate::notification::EventAction;
use crate::notify::Destination;

use super::enqueue::{self, Message};
use super::source::Source;

/// The way to a fallback: its queue is a lane's like any other.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub destination: Arc<Destination>,
    pub wake: Arc<Notify>,
}

/// A message that does not reach its destination.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stranded<'a> {
    pub id: i64,
    pub dedup_key: &'a str,
    pub action: EventAction,
    pub source: &'a Source,
}

impl Door {
    /// Puts a message for the fallback in the place of a stranded one, at most once. False if it
    /// is told of that anyway, or if it does not concern it.
    pub(super) async fn take(
        &self,
        tx: &mut SqliteConnection,
        stranded: Stranded<'_>,
        times: (Timestamp, Duration),
    ) -> Result<bool, sqlx::Error> {
        let name = &self.destination.name;
        if enqueue::is_test(stranded.dedup_key) {
            return Ok(false);
        }
        let Some(row) = stranded.source.for_another(name) else {
            return Ok(false);
        };
        let knows = sqlx::query(
            "SELECT 1 FROM outbox
             WHERE destination = ? AND dedup_key = ? AND action = ?
               AND (stands_for = ? OR (stands_for IS NULL AND state IN ('queued', 'delivered')))
             LIMIT 1",
        )
        .bind(name)
        .bind(stranded.dedup_key)
        .bind(stranded.action.as_str())
        .bind(stranded.id)
        .fetch_optional(&mut *tx)
        .await?;
        if knows.is_some() {
            return Ok(false);
        }
        let mut message = Message::of_incident(row);
        stranded.dedup_key.clone_into(&mut message.dedup_key);
        message.stands_for = Some(stranded.id);
        enqueue::insert(tx, &self.destination, &message, times).await?;
        Ok(true)
    }

    /// Whether the fallback was told in the place of another destination that something is open.
    pub(super) async fn was_told(
        &self,
        tx: &mut SqliteConnection,
        dedup_key: &str,
    ) -> Result<bool, sqlx::Error> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM outbox
                             WHERE destination = ? AND dedup_key = ? AND action = 'trigger'
                               AND stands_for IS NOT NULL
                               AND state IN ('queued', 'delivered')) AS told",
        )
        .bind(&self.destination.name)
        .bind(dedup_key)
        .fetch_one(tx)
        .await?;
        row.try_get("told")
    }
}
