use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{QueryBuilder, SqliteConnection};

use crate::problem::{Body, InQuery, Problem};
use crate::recruitment::access::By;
use crate::recruitment::api::Api;
use crate::recruitment::candidate::Candidate;
use crate::recruitment::page::{MOST, Paging};
use crate::recruitment::personal::{Email, Personal};
use crate::recruitment::text::Line;
use crate::statement::{Operation, Statement};

const SEARCH: Statement = Statement::new(Operation::Select, "candidates");

/// What is known of who is sought. It comes in a body, as an address stands in logs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sought {
    /// Some part of it.
    name: Option<Personal<Line<120>>>,
    /// The mailbox, however it is spelled.
    email: Option<Personal<Email>>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `POST /v1/candidates/search`
pub(crate) async fn search(
    State(api): State<Api>,
    caller: By,
    Body(sought): Body<Sought>,
) -> Result<Json<Value>, Problem> {
    let paging = Paging::read(
        &["created_at"],
        None,
        sought.limit,
        sought.cursor.as_deref(),
    )?;
    if sought.name.is_none() && sought.email.is_none() {
        let detail = "expected a name, an e-mail address or both";
        return Err(Problem::unprocessable(detail).at("", detail));
    }
    let mut sql = QueryBuilder::new("SELECT * FROM candidates WHERE state = 'active'");
    if let Some(email) = sought.email {
        sql.push(" AND email_key = ")
            .push_bind(email.reveal().key());
    }
    if let Some(name) = sought.name {
        let name = String::from(name.reveal());
        sql.push(" AND instr(lower(name), lower(")
            .push_bind(name)
            .push(")) > 0");
    }
    paging.apply(&mut sql);
    let read = api.look(SEARCH, move |connection| {
        Box::pin(async move {
            sql.build_query_as::<Candidate>()
                .fetch_all(connection)
                .await
        })
    });
    let (page, next) = paging.cut(read.await?);
    let candidates: Vec<Value> = page.iter().map(|row| row.view(&caller)).collect();
    Ok(Json(json!({ "candidates": candidates, "next": next })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    limit: Option<u32>,
}

/// `GET /v1/candidates/duplicates`: those who share a mailbox, most first.
pub(crate) async fn duplicates(
    State(api): State<Api>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<Value>, Problem> {
    let limit = asked.limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        let detail = format!("limit: expected 1 to {MOST}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let read = api.look(SEARCH, move |connection| {
        Box::pin(async move {
            sqlx::query_scalar(
                "SELECT json_group_array(id ORDER BY id) FROM candidates WHERE email_key IS NOT NULL \
                 GROUP BY email_key HAVING count(*) > 1 ORDER BY count(*) DESC, min(id) LIMIT ?",
            )
            .bind(limit)
            .fetch_all(connection)
            .await
        })
    });
    let groups: Vec<sqlx::types::Json<Vec<String>>> = read.await?;
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|ids| json!({ "candidates": ids.0 }))
        .collect();
    Ok(Json(json!({ "duplicates": groups })))
}

/// The ids of the candidates with this mailbox.
pub(crate) async fn twins(
    connection: &mut SqliteConnection,
    key: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT id FROM candidates WHERE email_key = ? ORDER BY id LIMIT 10")
        .bind(key)
        .fetch_all(connection)
        .await
}
