use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, page};
use crate::messages::channel::Channel;
use crate::messages::recipient::Recipient;
use crate::messages::store::Scope;
use crate::problem::{Body, InPath, InQuery, Problem};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    scope: Scope,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    limit: Option<u32>,
    cursor: Option<String>,
}

const LONGEST_REASON: usize = 200;

fn parse((channel, recipient): (String, String)) -> Result<(Channel, Recipient), Problem> {
    let channel = Channel::parse(&channel);
    let channel = channel
        .ok_or_else(|| Problem::not_found("there is no such channel: email, sms or push"))?;
    let recipient = Recipient::parse(channel, &recipient).map_err(|expected| {
        Problem::unprocessable(format!("the recipient in the path: {expected}"))
    })?;
    Ok((channel, recipient))
}

pub(super) async fn put(
    State(api): State<Arc<Api>>,
    InPath(path): InPath<(String, String)>,
    Body(written): Body<Written>,
) -> Result<Json<Value>, Problem> {
    let (channel, recipient) = parse(path)?;
    if written.reason.len() > LONGEST_REASON {
        let problem = Problem::unprocessable("the entry cannot be kept");
        return Err(problem.at("/reason", format!("it may hold {LONGEST_REASON} bytes")));
    }
    let reason = Some(written.reason).filter(|reason| !reason.is_empty());
    let reason = reason.unwrap_or_else(|| "asked for by the API".to_owned());
    api.store
        .suppress(channel, recipient.clone(), (written.scope, reason))
        .await?;
    let entry = api.store.suppression(channel, recipient).await?;
    Ok(Json(json!(entry)))
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    InPath(path): InPath<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let (channel, recipient) = parse(path)?;
    let entry = api.store.suppression(channel, recipient).await?;
    let entry = entry.ok_or_else(|| Problem::not_found("this recipient is not on the list"))?;
    Ok(Json(json!(entry)))
}

pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    InPath(path): InPath<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (channel, recipient) = parse(path)?;
    if api.store.allow(channel, recipient).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("this recipient is not on the list"))
    }
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<Value>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = asked.cursor.as_deref().map(page::read_cursor).transpose()?;
    let after = after.unwrap_or_default();
    let after = after.split_once(' ').unwrap_or_default();
    let after = (after.0.to_owned(), after.1.to_owned());
    let entries = api.store.suppressions(after, limit).await?;
    let full = entries.len() == limit as usize;
    let last = entries.last().filter(|_| full);
    let next = last.map(|last| page::cursor(&format!("{} {}", last.channel, last.recipient)));
    Ok(Json(json!({ "suppressions": entries, "next": next })))
}
