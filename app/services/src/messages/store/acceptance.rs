use futures_util::future::BoxFuture;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::messages::channel::{Category, State};
use crate::messages::store::{Store, new_id};
use crate::messages::submission::Draft;
use crate::sql;
use crate::statement::{Operation, Statement};

/// By what a repetition of a request is known.
#[derive(Debug, Clone)]
pub(crate) struct Idempotency {
    /// Whose key it is.
    pub(crate) consumer: String,
    pub(crate) key: String,
    /// A hash of what was asked for.
    pub(crate) fingerprint: Vec<u8>,
}

/// What the sending goes on from.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    pub(crate) traceparent: Option<String>,
    pub(crate) in_batch: bool,
}

/// What became of a request to send messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Acceptance {
    /// They are stored; their ids, in order, each with the reason if it will not be sent.
    Stored(Vec<(String, Option<String>)>),
    /// The same request was here before and stored these.
    Repeated(Vec<String>),
    /// The key was used for another request.
    OtherRequest,
}

const MESSAGES: Statement = Statement::new(Operation::Insert, "messages");
const KEYS: Statement = Statement::new(Operation::Select, "idempotency");

impl Store {
    /// Stores messages, all or none. When it returns they are durable.
    pub(crate) async fn accept(
        &self,
        drafts: Vec<Draft>,
        idempotency: Option<Idempotency>,
        trace: Trace,
    ) -> Result<Acceptance, Failure> {
        let now = self.clock.now();
        let accepting = self.journal.write(
            MESSAGES,
            move |connection: &mut Connection| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    if let Some(idempotency) = &idempotency
                        && let Some(before) = before(connection, idempotency).await?
                    {
                        return Ok(before);
                    }
                    let mut stored = Vec::with_capacity(drafts.len());
                    for draft in &drafts {
                        let id = new_id(now);
                        let suppressed = suppression(connection, draft).await?;
                        insert(connection, &id, draft, suppressed.as_deref(), &trace).await?;
                        stored.push((id, suppressed));
                    }
                    if let Some(idempotency) = &idempotency {
                        remember(connection, idempotency, &stored, now).await?;
                    }
                    Ok(Acceptance::Stored(stored))
                })
            },
        );
        accepting.await.via(frame!("Store::accept"))
    }

    /// What became of a request with this key before, if there was one.
    pub(crate) async fn before(
        &self,
        idempotency: Idempotency,
    ) -> Result<Option<Acceptance>, Failure> {
        let reading = self.database.read(KEYS, move |connection| {
            Box::pin(async move { before(connection, &idempotency).await })
        });
        reading.await.via(frame!("Store::before"))
    }
}

async fn before(
    connection: &mut Connection,
    idempotency: &Idempotency,
) -> Result<Option<Acceptance>, sqlx::Error> {
    let sql = "SELECT fingerprint, messages FROM idempotency WHERE consumer = ? AND key = ?";
    let query = sql::query(sql)
        .bind(&idempotency.consumer)
        .bind(&idempotency.key);
    let Some(row) = query.fetch_optional(connection).await? else {
        return Ok(None);
    };
    if row.try_get::<Vec<u8>, _>(0)? != idempotency.fingerprint {
        return Ok(Some(Acceptance::OtherRequest));
    }
    let ids = serde_json::from_str(row.try_get(1)?);
    let ids = ids.map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Some(Acceptance::Repeated(ids)))
}

async fn remember(
    connection: &mut Connection,
    idempotency: &Idempotency,
    stored: &[(String, Option<String>)],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let ids: Vec<&str> = stored.iter().map(|(id, _)| id.as_str()).collect();
    sql::query(
        "INSERT INTO idempotency (consumer, key, fingerprint, messages, at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(&idempotency.consumer)
    .bind(&idempotency.key)
    .bind(&idempotency.fingerprint)
    .bind(serde_json::json!(ids).to_string())
    .bind(now.nanos())
    .execute(connection)
    .await?;
    Ok(())
}

/// Why a recipient is not to be sent this, if so.
async fn suppression(
    connection: &mut Connection,
    draft: &Draft,
) -> Result<Option<String>, sqlx::Error> {
    let sql = "SELECT reason FROM suppressions WHERE channel = ? AND recipient = ? AND (scope = 'all' OR ?)";
    sql::query_scalar(sql)
        .bind(draft.channel.as_str())
        .bind(draft.recipient.as_str())
        .bind(draft.category == Category::Marketing)
        .fetch_optional(connection)
        .await
}

async fn insert(
    connection: &mut Connection,
    id: &str,
    draft: &Draft,
    suppressed: Option<&str>,
    trace: &Trace,
) -> Result<(), sqlx::Error> {
    let state = if suppressed.is_some() {
        State::Suppressed
    } else {
        State::Queued
    };
    let content = serde_json::to_string(&draft.wording);
    let content = content.map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let (template, version) = draft.template.clone().unzip();
    let (experiment, variant) = draft.experiment.clone().unzip();
    let sql = "INSERT INTO messages (id, channel, recipient, category, template, template_version, locale, experiment, variant, content, state, reason, accepted_at, due_at, expires_at, traceparent, in_batch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    sql::query(sql)
        .bind(id)
        .bind(draft.channel.as_str())
        .bind(draft.recipient.as_str())
        .bind(draft.category.as_str())
        .bind(template)
        .bind(version)
        .bind(&draft.locale)
        .bind(experiment)
        .bind(variant)
        .bind(content)
        .bind(state.as_str())
        .bind(suppressed)
        .bind(draft.accepted_at.nanos())
        .bind(draft.due_at.nanos())
        .bind(draft.expires_at.nanos())
        .bind(&trace.traceparent)
        .bind(trace.in_batch)
        .execute(connection)
        .await?;
    Ok(())
}
