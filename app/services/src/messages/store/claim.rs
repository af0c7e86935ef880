use std::time::Duration;

use futures_util::future::BoxFuture;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::messages::channel::Channel;
use crate::messages::store::Store;
use crate::sql::{self, Row};
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
        let claiming = self.journal.write(MESSAGES, move |connection: &mut Connection| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let sql = "UPDATE messages SET state = 'sending', attempts = attempts + 1 WHERE id IN (SELECT id FROM messages WHERE state = 'queued' AND channel = ? AND due_at <= ? ORDER BY due_at LIMIT ?) RETURNING id, recipient, content, attempts, due_at, expires_at, bound_to, avoided, traceparent, in_batch";
                let rows = sql::query(sql)
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
            move |connection: &mut Connection| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let sql = "UPDATE messages SET bound_to = ? WHERE id = ? AND state = 'sending'";
                    sql::query(sql)
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
            move |connection: &mut Connection| -> BoxFuture<'_, _> {
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
    fn read(row: &Row) -> Result<Self, sqlx::Error> {
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
    connection: &mut Connection,
    channel: Channel,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let sql = "SELECT min(due_at) FROM messages WHERE state = 'queued' AND channel = ?";
    let next: Option<i64> = sql::query_scalar(sql)
        .bind(channel.as_str())
        .fetch_one(connection)
        .await?;
    Ok(next.map(Timestamp::from_nanos))
}

async fn insert(connection: &mut Connection, attempt: &TakenAttempt) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO attempts (message, number, provider, begun_at, took_ms, outcome, detail) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message, number) DO UPDATE SET provider = excluded.provider, begun_at = excluded.begun_at, took_ms = excluded.took_ms, outcome = excluded.outcome, detail = excluded.detail";
    sql::query(sql)
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
    connection: &mut Connection,
    attempt: TakenAttempt,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let reason = attempt.detail.unwrap_or_else(|| attempt.outcome.to_owned());
    let query = match attempt.ending {
        Ending::Sent { provider_message } => {
            let sql = "UPDATE messages SET provider = ?, provider_message = ?, sent_at = coalesce(sent_at, ?), reason = CASE state WHEN 'sending' THEN NULL ELSE reason END, state = CASE state WHEN 'sending' THEN 'sent' ELSE state END WHERE id = ?";
            sql::query(sql)
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
            let query = sql::query(sql)
                .bind(due_at.nanos())
                .bind(bound_to)
                .bind(avoided);
            query.bind(attempt.provider).bind(reason)
        }
        Ending::Released { due_at } => {
            let sql = "UPDATE messages SET state = 'queued', due_at = ?, attempts = attempts - 1 WHERE id = ? AND state = 'sending'";
            sql::query(sql).bind(due_at.nanos())
        }
        Ending::Failed => {
            let sql = "UPDATE messages SET state = 'failed', provider = ?, reason = ? WHERE id = ? AND state = 'sending'";
            sql::query(sql).bind(attempt.provider).bind(reason)
        }
        Ending::Expired => {
            let sql = "UPDATE messages SET state = 'expired', reason = ? WHERE id = ? AND state = 'sending'";
            sql::query(sql).bind(reason)
        }
    };
    query.bind(attempt.message).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use watchfire_schemas::{Clock, ManualClock};

    use super::*;
    use crate::database::{Durability, scratch};
    use crate::fault::Faults;
    use crate::messages::catalogue::Catalogue;
    use crate::messages::journal::Journal;
    use crate::messages::store::{Acceptance, MIGRATIONS, NAMESPACE, Trace};
    use crate::messages::submission::Submission;
    use crate::stage::Stage;

    struct Held {
        store: Store,
        clock: Arc<ManualClock>,
        _folder: tempfile::TempDir,
        _stage: Stage,
    }

    impl Held {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let faults = Arc::new(Faults::none(1));
            let database = scratch::open(
                folder.path(),
                NAMESPACE,
                &MIGRATIONS,
                Durability::Process,
                faults,
            );
            let database = database.await.unwrap();
            let stage = Stage::default();
            let journal = Journal::start(database.clone(), &stage);
            let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
            let store = Store::new(database, journal, Arc::clone(&clock) as Arc<dyn Clock>);
            Self {
                store,
                clock,
                _folder: folder,
                _stage: stage,
            }
        }

        async fn accept(&self) -> String {
            let message =
                json!({ "channel": "sms", "to": "+41791234567", "content": { "text": "t" } });
            let message: Submission = serde_json::from_value(message).unwrap();
            let draft = message
                .compose(&Catalogue::default(), self.clock.now())
                .unwrap();
            let trace = Trace {
                traceparent: None,
                in_batch: false,
            };
            match self.store.accept(vec![draft], None, trace).await.unwrap() {
                Acceptance::Stored(stored) => stored[0].0.clone(),
                other => panic!("{other:?}"),
            }
        }

        async fn claim(&self) -> Vec<(String, i64)> {
            let claims = self.store.claim(Channel::Sms, 10).await.unwrap();
            let claimed = claims.claimed.into_iter();
            claimed
                .map(|claimed| (claimed.id, claimed.attempt))
                .collect()
        }

        async fn end(&self, message: &str, number: i64, ending: Ending) -> (String, i64) {
            let attempt = TakenAttempt {
                message: message.to_owned(),
                number,
                provider: Some("sms-primary"),
                begun_at: self.clock.now(),
                took: Duration::from_millis(5),
                outcome: "unavailable",
                detail: None,
                ending,
            };
            self.store.finish(attempt).await.unwrap();
            let shown = json!(self.store.message(message).await.unwrap());
            let attempts = shown["attempts"].as_array().unwrap().len() as i64;
            (shown["state"].as_str().unwrap().to_owned(), attempts)
        }
    }

    #[tokio::test]
    async fn a_message_is_claimed_once_and_again_after_the_process_ended() {
        let held = Held::new().await;
        let id = held.accept().await;
        assert_eq!(held.claim().await, [(id.clone(), 1)]);
        assert_eq!(held.claim().await, []);
        assert_eq!(held.store.recover().await.unwrap(), 1);
        assert_eq!(held.claim().await, [(id, 2)]);
    }

    #[tokio::test]
    async fn what_is_to_be_tried_again_waits_for_its_time() {
        let held = Held::new().await;
        let id = held.accept().await;
        held.claim().await;
        let due_at = held.clock.now() + Duration::from_secs(5);
        let again = Ending::Again {
            due_at,
            bound_to: Some("sms-primary".to_owned()),
            avoided: None,
        };
        assert_eq!(held.end(&id, 1, again).await, ("queued".to_owned(), 1));
        let claims = held.store.claim(Channel::Sms, 10).await.unwrap();
        assert!(claims.claimed.is_empty() && claims.next_due == Some(due_at));
        held.clock.advance(Duration::from_secs(5));
        assert_eq!(held.claim().await, [(id.clone(), 2)]);
        let released = Ending::Released {
            due_at: held.clock.now(),
        };
        assert_eq!(held.end(&id, 2, released).await, ("queued".to_owned(), 1));
        assert_eq!(held.claim().await, [(id.clone(), 2)]);
        assert_eq!(
            held.end(&id, 2, Ending::Failed).await,
            ("failed".to_owned(), 2)
        );
        assert!(held.store.retry(&id).await.unwrap());
        assert_eq!(held.claim().await, [(id.clone(), 1)]);
        let sent = Ending::Sent {
            provider_message: None,
        };
        assert_eq!(held.end(&id, 1, sent).await.0, "sent");
        assert!(!held.store.cancel(&id).await.unwrap());
    }
}
