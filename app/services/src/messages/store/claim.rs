use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use watchfire_schemas::Timestamp;

use crate::failure::{Failure, Via, frame};
use crate::messages::channel::Channel;
use crate::messages::store::Store;
use crate::statement::{Operation, Statement};

/// A message that a worker has taken from the queue.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) id: String,
    pub(crate) recipient: String,
    /// A wording, as JSON.
    pub(crate) content: String,
    /// This attempt's number, from 1 on.
    pub(crate) attempt: i64,
    pub(crate) due_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) bound_to: Option<String>,
    pub(crate) avoided: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) in_batch: bool,
}

/// What a queue gave.
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) claimed: Vec<Claimed>,
    /// When the next one is due, if none is now.
    pub(crate) next_due: Option<Timestamp>,
}

/// What an attempt led to.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    /// A provider took it and named it so.
    Sent {
        provider_message: Option<String>,
    },
    /// To be tried again.
    Again {
        due_at: Timestamp,
        bound_to: Option<String>,
        avoided: Option<String>,
    },
    /// No provider could be asked; it counts as no attempt.
    Released {
        due_at: Timestamp,
    },
    /// Set aside, as a dead letter.
    Failed,
    Expired,
}

/// An attempt that is over.
#[derive(Debug, Clone)]
pub(crate) struct TakenAttempt {
    pub(crate) message: String,
    pub(crate) number: i64,
    pub(crate) provider: Option<&'static str>,
    pub(crate) begun_at: Timestamp,
    pub(crate) took: Duration,
    pub(crate) outcome: &'static str,
    pub(crate) detail: Option<String>,
    pub(crate) ending: Ending,
}

const MESSAGES: Statement = Statement::new(Operation::Update, "messages");

impl Store {
    /// Takes what is due, at most `limit`, the longest due first. Each counts as attempted from now
    /// on, also if it ends this process.
    pub(crate) async fn claim(&self, channel: Channel, limit: usize) -> Result<Claims, Failure> {
        let now = self.clock.now();
        let claiming = self.journal.write(MESSAGES, move |connection: &mut SqliteConnection| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let sql = "UPDATE messages SET state = 'sending', attempts = attempts + 1 WHERE id IN (SELECT id FROM messages WHERE state = 'queued' AND channel = ? AND due_at <= ? ORDER BY due_at LIMIT ?) RETURNING id, recipient, content, attempts, due_at, expires_at, bound_to, avoided, traceparent, in_batch";
                let rows = sqlx::query(sql)
                    .bind(channel.as_str())
                    .bind(now.nanos())
                    .bind(limit as i64)
                    .fetch_all(&mut *connection)
                    .await?;
                let claimed: Result<Vec<Claimed>, _> = rows.iter().map(Claimed::read).collect();
                let claimed = claimed?;
                let next_due = if claimed.is_empty() {
                        next_due(connection, channel).await?
                    } else {
                        None
                    };
                Ok(Claims { claimed, next_due })
            })
        });
        claiming.await.via(frame!("Store::claim"))
    }

    /// Writes down who is asked to send a message, so that the same is asked again if this process
    /// ends before the answer.
    pub(crate) async fn bind(&self, id: &str, provider: &'static str) -> Result<(), Failure> {
        let id = id.to_owned();
        let binding = self.journal.write(
            MESSAGES,
            move |connection: &mut SqliteConnection| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let sql = "UPDATE messages SET bound_to = ? WHERE id = ? AND state = 'sending'";
                    sqlx::query(sql)
                        .bind(provider)
                        .bind(id)
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            },
        );
        binding.await.via(frame!("Store::bind"))
    }

    /// Writes down how an attempt ended. A receipt that came before it is not undone.
    pub(crate) async fn finish(&self, attempt: TakenAttempt) -> Result<(), Failure> {
        let now = self.clock.now();
        let finishing = self.journal.write(
            MESSAGES,
            move |connection: &mut SqliteConnection| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    if !matches!(attempt.ending, Ending::Released { .. }) {
                        insert(connection, &attempt).await?;
                    }
                    end(connection, attempt, now).await
                })
            },
        );
        finishing.await.via(frame!("Store::finish"))
    }
}

impl Claimed {
    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            recipient: row.try_get("recipient")?,
            content: row.try_get("content")?,
            attempt: row.try_get("attempts")?,
            due_at: Timestamp::from_nanos(row.try_get("due_at")?),
            expires_at: Timestamp::from_nanos(row.try_get("expires_at")?),
            bound_to: row.try_get("bound_to")?,
            avoided: row.try_get("avoided")?,
            traceparent: row.try_get("traceparent")?,
            in_batch: row.try_get("in_batch")?,
        })
    }
}

async fn next_due(
    connection: &mut SqliteConnection,
    channel: Channel,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let sql = "SELECT min(due_at) FROM messages WHERE state = 'queued' AND channel = ?";
    let next: Option<i64> = sqlx::query_scalar(sql)
        .bind(channel.as_str())
        .fetch_one(connection)
        .await?;
    Ok(next.map(Timestamp::from_nanos))
}

async fn insert(
    connection: &mut SqliteConnection,
    attempt: &TakenAttempt,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT OR REPLACE INTO attempts (message, number, provider, begun_at, took_ms, outcome, detail) VALUES (?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(&attempt.message)
        .bind(attempt.number)
        .bind(attempt.provider)
        .bind(attempt.begun_at.nanos())
        .bind(attempt.took.as_millis() as i64)
        .bind(attempt.outcome)
        .bind(&attempt.detail)
        .execute(connection)
        .await?;
    Ok(())
}

async fn end(
    connection: &mut SqliteConnection,
    attempt: TakenAttempt,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let reason = attempt.detail.unwrap_or_else(|| attempt.outcome.to_owned());
    let query = match attempt.ending {
        Ending::Sent { provider_message } => {
            let sql = "UPDATE messages SET provider = ?, provider_message = ?, sent_at = coalesce(sent_at, ?), reason = CASE state WHEN 'sending' THEN NULL ELSE reason END, state = CASE state WHEN 'sending' THEN 'sent' ELSE state END WHERE id = ?";
            sqlx::query(sql)
                .bind(attempt.provider)
                .bind(provider_message)
                .bind(now.nanos())
        }
        Ending::Again {
            due_at,
            bound_to,
            avoided,
        } => {
            let sql = "UPDATE messages SET state = 'queued', due_at = ?, bound_to = ?, avoided = ?, provider = ?, reason = ? WHERE id = ? AND state = 'sending'";
            let query = sqlx::query(sql)
                .bind(due_at.nanos())
                .bind(bound_to)
                .bind(avoided);
            query.bind(attempt.provider).bind(reason)
        }
        Ending::Released { due_at } => {
            let sql = "UPDATE messages SET state = 'queued', due_at = ?, attempts = attempts - 1 WHERE id = ? AND state = 'sending'";
            sqlx::query(sql).bind(due_at.nanos())
        }
        Ending::Failed => {
            let sql = "UPDATE messages SET state = 'failed', provider = ?, reason = ? WHERE id = ? AND state = 'sending'";
            sqlx::query(sql).bind(attempt.provider).bind(reason)
        }
        Ending::Expired => {
            let sql = "UPDATE messages SET state = 'expired', reason = ? WHERE id = ? AND state = 'sending'";
            sqlx::query(sql).bind(reason)
        }
    };
    query.bind(attempt.message).execute(connection).await?;
    Ok(())
}
