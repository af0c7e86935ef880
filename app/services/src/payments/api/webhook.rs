use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_schemas::Timestamp;

use crate::payments::api::Api;
use crate::payments::api::answer;
use crate::payments::id::draw;
use crate::payments::subscriber::draw_secret;
use crate::problem::{Body, InPath, Problem};
use crate::sql;
use crate::statement::{Operation, Statement};

const INSERT: Statement = Statement::new(Operation::Insert, "subscribers");
const SELECT: Statement = Statement::new(Operation::Select, "subscribers");
const DELETE: Statement = Statement::new(Operation::Delete, "subscribers");
/// Each event is written once for each of them.
pub(super) const MOST: i64 = 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscription {
    url: String,
}

/// Subscribes to all events from now on. The answer alone holds the secret of the signatures.
pub(super) async fn subscribe(
    State(api): State<Arc<Api>>,
    Body(subscription): Body<Subscription>,
) -> Result<Response, Problem> {
    if !is_address(&subscription.url) {
        let detail = "an absolute address of http or https, without user and password, of 1024 bytes at most";
        return Err(Problem::unprocessable("the webhook cannot be made").at("/url", detail));
    }
    let now = api.clock.now();
    let (id, secret) = (draw("wh", now), draw_secret());
    let url = subscription.url;
    let answer = json!({ "id": id, "url": url, "secret": secret.reveal(), "created_at": now });
    let work = api.writer.execute(INSERT, move |connection| {
        Box::pin(async move {
            let inserted = sql::query(
                "INSERT INTO subscribers (id, url, secret, created_at) SELECT ?1, ?2, ?3, ?4 \
                 WHERE (SELECT count(*) FROM subscribers) < ?5",
            );
            let inserted = inserted.bind(id).bind(url).bind(secret.reveal());
            let inserted = inserted
                .bind(now.nanos())
                .bind(MOST)
                .execute(connection)
                .await?;
            Ok(inserted.rows_affected() == 1)
        })
    });
    let is_made = work
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    if !is_made {
        let detail = format!("there are {MOST} webhooks already, which is as many as may be");
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

fn is_address(url: &str) -> bool {
    let Ok(parsed) = url.parse::<Uri>() else {
        return false;
    };
    let is_http = matches!(parsed.scheme_str(), Some("http" | "https"));
    let authority = parsed.authority().map(http::uri::Authority::as_str);
    let is_open = authority.is_some_and(|authority| !authority.contains('@'));
    is_http && is_open && url.len() <= 1024
}

pub(super) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let rows = api.database.read(SELECT, |connection| {
        Box::pin(async move {
            let rows: Vec<(String, String, i64)> =
                sql::query_as("SELECT id, url, created_at FROM subscribers ORDER BY id")
                    .fetch_all(connection)
                    .await?;
            Ok(rows)
        })
    });
    let rows = rows
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    let webhooks: Value = rows
        .iter()
        .map(|(id, url, created_at)| {
            json!({ "id": id, "url": url, "created_at": Timestamp::from_nanos(*created_at) })
        })
        .collect();
    Ok(axum::Json(json!({ "webhooks": webhooks, "next": null })).into_response())
}

/// Ends a subscription. What was not told yet is not told any more.
pub(super) async fn leave(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
) -> Result<Response, Problem> {
    let id = answer::id(id)?;
    let missing = Problem::not_found(format!("there is no webhook {id}"));
    let work = api.writer.commit(DELETE, move |connection| {
        Box::pin(async move {
            sql::query("DELETE FROM outbox WHERE consumer = 'webhook' AND subscriber = ?")
                .bind(&id)
                .execute(&mut *connection)
                .await?;
            let deleted = sql::query("DELETE FROM subscribers WHERE id = ?");
            let deleted = deleted.bind(&id).execute(connection).await?;
            Ok(deleted.rows_affected() == 1)
        })
    });
    let was_there = work
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    if !was_there {
        return Err(missing);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
