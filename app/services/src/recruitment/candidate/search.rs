use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::database::connection::Connection;
use crate::problem::{Body, InQuery, Problem};
use crate::recruitment::access::By;
use crate::recruitment::api::Api;
use crate::recruitment::candidate::Candidate;
use crate::recruitment::page::{MOST, Paging};
use crate::recruitment::personal::{Email, Personal};
use crate::recruitment::text::Line;
use crate::sql::{self, QueryBuilder, Text, both};
use crate::statement::{Operation, Statement};

const SEARCH: Statement = Statement::new(Operation::Select, "candidates");

/// The candidates who share a mailbox, as JSON arrays of their ids.
const DUPLICATES: Text = both(
    "SELECT json_group_array(id ORDER BY id) FROM candidates WHERE email_key IS NOT NULL \
     GROUP BY email_key HAVING count(*) > 1 ORDER BY count(*) DESC, min(id) LIMIT ?",
    "SELECT CAST(json_agg(id ORDER BY id) AS TEXT) FROM candidates WHERE email_key IS NOT NULL \
     GROUP BY email_key HAVING count(*) > 1 ORDER BY count(*) DESC, min(id) LIMIT ?",
);

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
        let name = String::from(name.reveal()).to_ascii_lowercase();
        sql.push(" AND instr(lower(name), ")
            .push_bind(name)
            .push(") > 0");
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
            sql::query_scalar(DUPLICATES)
                .bind(limit)
                .fetch_all(connection)
                .await
        })
    });
    let groups: Vec<String> = read.await?;
    let groups = groups.iter().map(|ids| {
        let ids: Value = serde_json::from_str(ids).unwrap_or_default();
        json!({ "candidates": ids })
    });
    let groups: Vec<Value> = groups.collect();
    Ok(Json(json!({ "duplicates": groups })))
}

/// The ids of the candidates with this mailbox.
pub(crate) async fn twins(
    connection: &mut Connection,
    key: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sql::query_scalar("SELECT id FROM candidates WHERE email_key = ? ORDER BY id LIMIT 10")
        .bind(key)
        .fetch_all(connection)
        .await
}
