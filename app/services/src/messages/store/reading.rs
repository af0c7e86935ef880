use serde::Serialize;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::messages::channel::{Channel, State};
use crate::messages::store::Store;
use crate::sql::{self, QueryBuilder, Row};
use crate::statement::{Operation, Statement};

/// A message as the API shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MessageRecord {
    pub(crate) id: String,
    channel: String,
    to: String,
    category: String,
    pub(crate) state: String,
    /// Why it failed, was suppressed or has to be tried again.
    pub(crate) reason: Option<String>,
    template: Option<String>,
    template_version: Option<i64>,
    locale: Option<String>,
    experiment: Option<String>,
    variant: Option<String>,
    accepted_at: Timestamp,
    due_at: Timestamp,
    expires_at: Timestamp,
    attempt_count: i64,
    provider: Option<String>,
    provider_message: Option<String>,
    sent_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    clicked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<Attempt>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipts: Option<Vec<Receipt>>,
}

#[derive(Debug, Clone, Serialize)]
struct Attempt {
    number: i64,
    provider: Option<String>,
    begun_at: Timestamp,
    took_ms: i64,
    outcome: String,
    detail: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Receipt {
    provider: String,
    event: String,
    r#type: String,
    at: Timestamp,
    received_at: Timestamp,
    detail: Option<String>,
}

/// Which messages a list has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    pub(crate) channel: Option<Channel>,
    pub(crate) state: Option<State>,
    pub(crate) to: Option<String>,
    pub(crate) template: Option<String>,
    pub(crate) experiment: Option<String>,
    /// Only those that were accepted before the one with this id.
    pub(crate) before: Option<String>,
    pub(crate) limit: u32,
}

/// How full the queue of a channel is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Depth {
    pub(crate) ready: i64,
    pub(crate) scheduled: i64,
    pub(crate) sending: i64,
    pub(crate) failed: i64,
    /// Since when the longest due one could have been sent.
    pub(crate) oldest: Option<Timestamp>,
}

const MESSAGES: Statement = Statement::new(Operation::Select, "messages");
const DEPTH: Statement = Statement::new(Operation::Count, "messages");
const COLUMNS: &str = "SELECT id, channel, recipient, category, state, reason, template, template_version, locale, experiment, variant, accepted_at, due_at, expires_at, attempts, provider, provider_message, sent_at, delivered_at, opened_at, clicked_at FROM messages";

impl Store {
    /// One message with its attempts and receipts.
    pub(crate) async fn message(&self, id: &str) -> Result<Option<MessageRecord>, Failure> {
        let id = id.to_owned();
        let reading = self.database.read(MESSAGES, move |connection| {
            Box::pin(async move {
                let mut sql = QueryBuilder::new(COLUMNS);
                sql.push(" WHERE id = ").push_bind(&id);
                let Some(row) = sql.build().fetch_optional(&mut *connection).await? else {
                    return Ok(None);
                };
                let mut message = MessageRecord::read(&row)?;
                message.attempts = Some(attempts(connection, &id).await?);
                message.receipts = Some(receipts(connection, &id).await?);
                Ok(Some(message))
            })
        });
        reading.await.via(frame!("Store::message"))
    }

    /// Those of the messages that are there, the newest first.
    pub(crate) async fn messages(&self, listed: Listed) -> Result<Vec<MessageRecord>, Failure> {
        let reading = self.database.read(MESSAGES, move |connection| {
            Box::pin(async move {
                let mut sql = QueryBuilder::new(COLUMNS);
                sql.push(" WHERE true");
                let conditions = [
                    (
                        " AND channel = ",
                        listed.channel.map(|channel| channel.as_str().to_owned()),
                    ),
                    (" AND recipient = ", listed.to),
                    (" AND template = ", listed.template),
                    (" AND experiment = ", listed.experiment),
                    (" AND id < ", listed.before),
                ];
                for (condition, value) in conditions {
                    if let Some(value) = value {
                        sql.push(condition).push_bind(value);
                    }
                }
                if let Some(state) = listed.state {
                    // Written out, so that the partial indexes are seen to apply.
                    sql.push(" AND state = '").push(state.as_str()).push("'");
                }
                sql.push(" ORDER BY id DESC LIMIT ")
                    .push_bind(i64::from(listed.limit));
                let rows = sql.build().fetch_all(connection).await?;
                rows.iter().map(MessageRecord::read).collect()
            })
        });
        reading.await.via(frame!("Store::messages"))
    }

    /// How full each queue is.
    pub(crate) async fn depths(&self) -> Result<Vec<(Channel, Depth)>, Failure> {
        let now = self.clock.now();
        let reading = self.database.read(DEPTH, move |connection| {
            Box::pin(async move {
                let mut depths = Vec::new();
                for channel in Channel::ALL {
                    depths.push((channel, depth(connection, channel, now).await?));
                }
                Ok(depths)
            })
        });
        reading.await.via(frame!("Store::depths"))
    }
}

impl MessageRecord {
    fn read(row: &Row) -> Result<Self, sqlx::Error> {
        let time = |column: &str| {
            let nanos: Result<Option<i64>, _> = row.try_get(column);
            nanos.map(|nanos| nanos.map(Timestamp::from_nanos))
        };
        let at = |column: &str| time(column).map(Option::unwrap_or_default);
        Ok(Self {
            id: row.try_get("id")?,
            channel: row.try_get("channel")?,
            to: row.try_get("recipient")?,
            category: row.try_get("category")?,
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
            template: row.try_get("template")?,
            template_version: row.try_get("template_version")?,
            locale: row.try_get("locale")?,
            experiment: row.try_get("experiment")?,
            variant: row.try_get("variant")?,
            accepted_at: at("accepted_at")?,
            due_at: at("due_at")?,
            expires_at: at("expires_at")?,
            attempt_count: row.try_get("attempts")?,
            provider: row.try_get("provider")?,
            provider_message: row.try_get("provider_message")?,
            sent_at: time("sent_at")?,
            delivered_at: time("delivered_at")?,
            opened_at: time("opened_at")?,
            clicked_at: time("clicked_at")?,
            attempts: None,
            receipts: None,
        })
    }
}

async fn attempts(connection: &mut Connection, id: &str) -> Result<Vec<Attempt>, sqlx::Error> {
    let sql = "SELECT number, provider, begun_at, took_ms, outcome, detail FROM attempts WHERE message = ? ORDER BY number";
    let rows = sql::query(sql).bind(id).fetch_all(connection).await?;
    let read = |row: &Row| {
        Ok(Attempt {
            number: row.try_get(0)?,
            provider: row.try_get(1)?,
            begun_at: Timestamp::from_nanos(row.try_get(2)?),
            took_ms: row.try_get(3)?,
            outcome: row.try_get(4)?,
            detail: row.try_get(5)?,
        })
    };
    rows.iter().map(read).collect()
}

async fn receipts(connection: &mut Connection, id: &str) -> Result<Vec<Receipt>, sqlx::Error> {
    let sql = "SELECT provider, event, kind, at, received_at, detail FROM receipts WHERE message = ? ORDER BY at, event";
    let rows = sql::query(sql).bind(id).fetch_all(connection).await?;
    let read = |row: &Row| {
        Ok(Receipt {
            provider: row.try_get(0)?,
            event: row.try_get(1)?,
            r#type: row.try_get(2)?,
            at: Timestamp::from_nanos(row.try_get(3)?),
            received_at: Timestamp::from_nanos(row.try_get(4)?),
            detail: row.try_get(5)?,
        })
    };
    rows.iter().map(read).collect()
}

async fn depth(
    connection: &mut Connection,
    channel: Channel,
    now: Timestamp,
) -> Result<Depth, sqlx::Error> {
    let sql = "SELECT count(*) FILTER (WHERE due_at <= ?1), count(*) FILTER (WHERE due_at > ?1), min(due_at) FROM messages WHERE state = 'queued' AND channel = ?2";
    let queued = sql::query(sql).bind(now.nanos()).bind(channel.as_str());
    let queued = queued.fetch_one(&mut *connection).await?;
    let sql = "SELECT count(*) FROM messages WHERE state = 'sending' AND channel = ?";
    let sending = sql::query_scalar(sql).bind(channel.as_str());
    let sending = sending.fetch_one(&mut *connection).await?;
    let sql = "SELECT count(*) FROM messages WHERE state = 'failed' AND channel = ?";
    let failed = sql::query_scalar(sql).bind(channel.as_str());
    let failed = failed.fetch_one(connection).await?;
    let oldest: Option<i64> = queued.try_get(2)?;
    Ok(Depth {
        ready: queued.try_get(0)?,
        scheduled: queued.try_get(1)?,
        sending,
        failed,
        oldest: oldest
            .map(Timestamp::from_nanos)
            .filter(|oldest| *oldest <= now),
    })
}
