use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sqlx::FromRow;
use watchfire_schemas::Timestamp;

use crate::payments::api::Api;
use crate::payments::api::answer::{self, Page};
use crate::payments::api::webhook::MOST as MOST_SUBSCRIBERS;
use crate::problem::{InPath, InQuery, Problem};
use crate::sql;
use crate::statement::{Operation, Statement};

const SELECT: Statement = Statement::new(Operation::Select, "outbox");
const UPDATE: Statement = Statement::new(Operation::Update, "outbox");

/// An event that a consumer gave up.
#[derive(Debug, FromRow)]
struct DeadLetter {
    event: i64,
    id: String,
    r#type: String,
    payment: String,
    consumer: String,
    subscriber: String,
    attempts: i64,
    last_error: Option<String>,
    created_at: i64,
}

impl DeadLetter {
    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "type": self.r#type,
            "payment": self.payment,
            "consumer": self.consumer,
            "subscriber": (!self.subscriber.is_empty()).then_some(&self.subscriber),
            "attempts": self.attempts,
            "last_error": self.last_error,
            "created_at": Timestamp::from_nanos(self.created_at),
        })
    }
}

/// So many consumers may give up one event at most: our own, and each subscriber.
const OF_AN_EVENT: i64 = MOST_SUBSCRIBERS + 1;

/// Dead letters, oldest first. A page ends with an event, which is where the next one goes on: it
/// may have more than was asked for by what else there is of its last event.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    InQuery(page): InQuery<Page>,
) -> Result<Response, Problem> {
    let limit = answer::limit(page.limit)?;
    let rows = api.database.read(SELECT, move |connection| {
        Box::pin(async move {
            let rows: Vec<DeadLetter> = sql::query_as(
                "SELECT o.event, e.id, e.type, o.payment, o.consumer, o.subscriber, o.attempts, \
                 o.last_error, e.created_at FROM outbox o JOIN events e ON e.seq = o.event \
                 WHERE o.state = 'dead' AND o.event > ? \
                 ORDER BY o.event, o.consumer, o.subscriber LIMIT ?",
            )
            .bind(page.cursor.unwrap_or(0))
            .bind(limit + OF_AN_EVENT)
            .fetch_all(connection)
            .await?;
            Ok(rows)
        })
    });
    let rows = rows
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    let last = rows.get(limit as usize - 1).map(|row| row.event);
    let is_of_page = |row: &&DeadLetter| last.is_none_or(|last| row.event <= last);
    let page: Vec<&DeadLetter> = rows.iter().take_while(is_of_page).collect();
    let next = last.filter(|_| page.len() < rows.len());
    let letters: Value = page.into_iter().map(DeadLetter::shown).collect();
    Ok(axum::Json(json!({ "dead_letters": letters, "next": next })).into_response())
}

/// Brings a dead letter to its consumers again, at once.
pub(super) async fn redrive(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
) -> Result<Response, Problem> {
    let id = answer::id(id)?;
    let (event, now) = (id.clone(), api.clock.now());
    let work = api.writer.execute(UPDATE, move |connection| {
        Box::pin(async move {
            let updated = sql::query(
                "UPDATE outbox SET state = 'pending', attempts = 0, due_at = ? \
                 WHERE state = 'dead' AND event = (SELECT seq FROM events WHERE id = ?)",
            );
            let updated = updated.bind(now.nanos()).bind(event);
            Ok(updated.execute(connection).await?.rows_affected())
        })
    });
    let redriven = work
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    if redriven == 0 {
        return Err(Problem::not_found(format!("there is no dead letter {id}")));
    }
    tracing::info!("event.id" = id, "dead letter {id} is redriven");
    let answer = axum::Json(json!({ "id": id, "redriven": redriven }));
    Ok((http::StatusCode::ACCEPTED, answer).into_response())
}
