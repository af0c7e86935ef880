use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_schemas::Timestamp;

use crate::problem::{InQuery, Problem};
use crate::recruitment::api::Api;
use crate::recruitment::page::MOST;
use crate::recruitment::text::Slug;
use crate::recruitment::trail::Entry;
use crate::recruitment::trail::verification::{Break, Known, Why, verify};
use crate::sql::QueryBuilder;
use crate::statement::{Operation, Statement};

const LIST: Statement = Statement::new(Operation::Select, "audit");

/// What a list of entries is asked for by. Newest first; `before` is where a page ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    actor: Option<Slug>,
    action: Option<String>,
    object: Option<String>,
    since: Option<Timestamp>,
    cursor: Option<i64>,
    limit: Option<u32>,
}

/// `GET /v1/audit`
pub(crate) async fn list(
    State(api): State<Api>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<Value>, Problem> {
    let limit = asked.limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        let detail = format!("limit: expected 1 to {MOST}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let mut sql = QueryBuilder::new("SELECT * FROM audit WHERE true");
    if let Some(actor) = asked.actor {
        sql.push(" AND actor = ").push_bind(String::from(actor));
    }
    if let Some(action) = asked.action {
        sql.push(" AND action = ").push_bind(action);
    }
    if let Some(object) = asked.object {
        sql.push(" AND object = ").push_bind(object);
    }
    if let Some(since) = asked.since {
        sql.push(" AND at >= ").push_bind(since.nanos());
    }
    if let Some(cursor) = asked.cursor {
        sql.push(" AND sequence < ").push_bind(cursor);
    }
    sql.push(" ORDER BY sequence DESC LIMIT ")
        .push_bind(i64::from(limit) + 1);
    let read = api.look(LIST, move |connection| {
        Box::pin(async move { sql.build_query_as::<Entry>().fetch_all(connection).await })
    });
    let mut entries = read.await?;
    let is_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let next = entries
        .last()
        .filter(|_| is_more)
        .map(|last| last.sequence.to_string());
    let entries: Vec<Value> = entries.iter().map(view).collect();
    Ok(Json(json!({ "entries": entries, "next": next })))
}

/// A hash that the caller has kept, and whose it was.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    sequence: Option<i64>,
    hash: Option<String>,
}

/// `GET /v1/audit/verify`
pub(crate) async fn verification(
    State(api): State<Api>,
    InQuery(kept): InQuery<Kept>,
) -> Result<Json<Value>, Problem> {
    let known = match (kept.sequence, kept.hash) {
        (None, None) => None,
        (Some(sequence), Some(hash)) if sequence > 0 => Some(Known { sequence, hash }),
        _ => {
            let detail =
                "sequence, hash: expected both, a sequence from 1 on and its hash, or none";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    let found = api
        .look(LIST, move |connection| Box::pin(verify(connection, known)))
        .await?;
    let is_whole = found.break_at.is_none();
    if let Some(broken) = &found.break_at {
        report(broken);
    }
    let break_at = found
        .break_at
        .map(|found| json!({ "sequence": found.sequence, "why": found.why.as_str() }));
    Ok(Json(json!({
        "whole": is_whole,
        "entries": found.entries,
        "head": found.head,
        "break": break_at,
    })))
}

/// What contradicts only what a caller claims to have kept is less than what contradicts itself.
fn report(broken: &Break) {
    let (sequence, why) = (broken.sequence, broken.why.as_str());
    if broken.why == Why::Rewritten {
        tracing::warn!(
            "audit.sequence" = sequence,
            "audit.break" = why,
            "the audit trail is not as a caller knows it at {sequence}"
        );
    } else {
        tracing::error!(
            "audit.sequence" = sequence,
            "audit.break" = why,
            "the audit trail breaks at {sequence}: {why}"
        );
    }
}

fn view(entry: &Entry) -> Value {
    let changed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    json!({
        "sequence": entry.sequence,
        "at": Timestamp::from_nanos(entry.at),
        "actor": entry.actor,
        "role": entry.role,
        "action": entry.action,
        "kind": entry.kind,
        "object": entry.object,
        "trace_id": entry.trace_id,
        "before": changed(&entry.before),
        "after": changed(&entry.after),
        "hash": entry.hash,
    })
}
