use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::header::LOCATION;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tracing::Instrument;

use super::{Api, page, refused};
use crate::messages::channel::{Channel, State as MessageState};
use crate::messages::store::{Acceptance, Idempotency, Listed, Trace};
use crate::messages::submission::{Draft, Submission};
use crate::problem::{Body, InPath, InQuery, Problem};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    messages: Vec<Submission>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    channel: Option<Channel>,
    state: Option<MessageState>,
    to: Option<String>,
    template: Option<String>,
    experiment: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// How many messages one request may bring.
const LARGEST_BATCH: usize = 500;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const CONSUMER: HeaderName = HeaderName::from_static("x-consumer");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

pub(super) async fn send(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Body(submission): Body<Submission>,
) -> Result<(StatusCode, HeaderMap, Json<Value>), Problem> {
    let now = api.store.clock.now();
    let idempotency = idempotency(&headers, &submission)?;
    let draft = submission.compose(&api.catalogue, now);
    let draft = draft.map_err(|fault| refused("the message cannot be accepted", &fault));
    let drafts = draft.map(|draft| vec![draft]);
    let mut stored = store_or_repeat(&api, drafts, idempotency, false).await?;
    let message = stored.pop().expect("one message has one outcome");
    let mut location = HeaderMap::new();
    let prefix = headers
        .get(FORWARDED_PREFIX)
        .and_then(|prefix| prefix.to_str().ok());
    let id = message["id"].as_str().unwrap_or_default();
    let path = format!("{}/v1/messages/{id}", prefix.unwrap_or_default());
    if let Ok(path) = HeaderValue::from_str(&path) {
        location.insert(LOCATION, path);
    }
    Ok((StatusCode::ACCEPTED, location, Json(message)))
}

pub(super) async fn send_batch(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Body(batch): Body<Batch>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let what = "no message of this batch is accepted";
    if batch.messages.is_empty() || batch.messages.len() > LARGEST_BATCH {
        let detail = format!("expected 1 to {LARGEST_BATCH} messages");
        return Err(Problem::unprocessable(what).at("/messages", detail));
    }
    let now = api.store.clock.now();
    let mut drafts = Vec::with_capacity(batch.messages.len());
    let mut problem = None;
    for (n, submission) in batch.messages.iter().enumerate() {
        match submission.compose(&api.catalogue, now) {
            Ok(draft) => drafts.push(draft),
            Err(fault) => {
                let fault = fault.beneath(&format!("/messages/{n}"));
                let so_far = problem.unwrap_or_else(|| Problem::unprocessable(what));
                problem = Some(so_far.at(&fault.pointer, fault.detail));
            }
        }
    }
    let idempotency = idempotency(&headers, &batch)?;
    let drafts = problem.map_or(Ok(drafts), Err);
    let stored = store_or_repeat(&api, drafts, idempotency, true).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "messages": stored }))))
}

/// Stores the messages. What cannot be accepted now may have been when it came first, before its
/// time was over: then it is answered as it was, or its client would send it under another key.
async fn store_or_repeat(
    api: &Api,
    drafts: Result<Vec<Draft>, Problem>,
    idempotency: Option<Idempotency>,
    in_batch: bool,
) -> Result<Vec<Value>, Problem> {
    let problem = match drafts {
        Ok(drafts) => return store(api, drafts, idempotency, in_batch).await,
        Err(problem) => problem,
    };
    let Some(idempotency) = idempotency else {
        return Err(problem);
    };
    match api.store.before(idempotency).await? {
        Some(Acceptance::Repeated(ids)) => shown(api, ids).await,
        Some(Acceptance::OtherRequest) => Err(used()),
        Some(Acceptance::Stored(_)) | None => Err(problem),
    }
}

fn used() -> Problem {
    Problem::unprocessable("the idempotency-key was used for another request")
}

/// Stores the messages and wakes their workers. For each what is to be told of it.
async fn store(
    api: &Api,
    drafts: Vec<Draft>,
    idempotency: Option<Idempotency>,
    in_batch: bool,
) -> Result<Vec<Value>, Problem> {
    let kinds: Vec<_> = drafts
        .iter()
        .map(|draft| (draft.channel, draft.category))
        .collect();
    let channel = kinds
        .first()
        .map_or("none", |(channel, _)| channel.as_str());
    let span = tracing::info_span!(
        "send",
        "otel.name" = format!("send {channel}"),
        "otel.kind" = "producer",
        "messaging.system" = "watchfire",
        "messaging.operation.name" = "send",
        "messaging.operation.type" = "send",
        "messaging.destination.name" = channel,
        "messaging.batch.message_count" = in_batch.then_some(kinds.len()),
        "messaging.message.id" = tracing::field::Empty,
    );
    let traceparent = span.in_scope(|| api.traceparent());
    let accepting = api.store.accept(
        drafts,
        idempotency,
        Trace {
            traceparent,
            in_batch,
        },
    );
    let accepted = accepting.instrument(span.clone()).await?;
    let stored = match accepted {
        Acceptance::Stored(stored) => stored,
        Acceptance::Repeated(ids) => return shown(api, ids).await,
        Acceptance::OtherRequest => return Err(used()),
    };
    if let ([(id, _)], false) = (&stored[..], in_batch) {
        span.record("messaging.message.id", id);
    }
    for (channel, category) in kinds {
        api.instruments.accepted(channel, category);
        api.lane(channel).bell.notify_one();
    }
    let told = stored.into_iter().map(|(id, suppressed)| {
        let state = if suppressed.is_some() {
            MessageState::Suppressed
        } else {
            MessageState::Queued
        };
        json!({ "id": id, "state": state, "reason": suppressed })
    });
    Ok(told.collect())
}

/// What is to be told of messages that were stored before.
async fn shown(api: &Api, ids: Vec<String>) -> Result<Vec<Value>, Problem> {
    let mut told = Vec::with_capacity(ids.len());
    for id in ids {
        let message = api.store.message(&id).await?;
        let (state, reason) = message
            .map(|message| (message.state, message.reason))
            .unzip();
        told.push(json!({ "id": id, "state": state, "reason": reason.flatten() }));
    }
    Ok(told)
}

fn idempotency(
    headers: &HeaderMap,
    asked: &impl Serialize,
) -> Result<Option<Idempotency>, Problem> {
    const LONGEST: usize = 255;
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=LONGEST).contains(&key.len()));
    let detail = "the header idempotency-key must have 1 to 255 visible characters of ASCII";
    let key = key.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, detail))?;
    let consumer = headers
        .get(CONSUMER)
        .and_then(|consumer| consumer.to_str().ok());
    let asked = json!(asked).to_string();
    Ok(Some(Idempotency {
        consumer: consumer.unwrap_or_default().to_owned(),
        key: key.to_owned(),
        fingerprint: Sha256::digest(asked).to_vec(),
    }))
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<Value>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = asked.cursor.as_deref().map(page::read_cursor).transpose()?;
    let listed = Listed {
        channel: asked.channel,
        state: asked.state,
        to: asked.to,
        template: asked.template,
        experiment: asked.experiment,
        before,
        limit,
    };
    let messages = api.store.messages(listed).await?;
    let full = messages.len() == limit as usize;
    let next = messages
        .last()
        .filter(|_| full)
        .map(|last| page::cursor(&last.id));
    Ok(Json(json!({ "messages": messages, "next": next })))
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
) -> Result<Json<Value>, Problem> {
    let message = api.store.message(&id).await?;
    let message = message.ok_or_else(|| Problem::not_found("there is no message of this id"))?;
    Ok(Json(json!(message)))
}

/// Takes a message back that is not on its way.
pub(super) async fn cancel(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
) -> Result<Json<Value>, Problem> {
    let done = api.store.cancel(&id).await?;
    after(
        &api,
        id,
        done,
        "only a message that is queued can be canceled",
    )
    .await
}

/// Puts a dead letter back into its queue.
pub(super) async fn retry(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
) -> Result<Json<Value>, Problem> {
    let done = api.store.retry(&id).await?;
    for lane in &api.lanes {
        lane.bell.notify_one();
    }
    after(
        &api,
        id,
        done,
        "only a message that failed or expired can be tried again",
    )
    .await
}

async fn after(
    api: &Arc<Api>,
    id: String,
    done: bool,
    otherwise: &str,
) -> Result<Json<Value>, Problem> {
    let shown = show(State(Arc::clone(api)), InPath(id)).await?;
    if done {
        return Ok(shown);
    }
    let state = shown["state"].as_str().unwrap_or_default();
    Err(Problem::new(
        StatusCode::CONFLICT,
        format!("{otherwise}; this one is {state}"),
    ))
}
