use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use crate::messages::store::ReceiptEvent;
use crate::problem::{InPath, Problem};
use crate::signature;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    events: Vec<ReceiptEvent>,
}

const MOST_EVENTS: usize = 1_000;
/// The longest id and detail of an event.
const LONGEST: usize = 500;

/// What a provider tells. Whatever it tells twice or out of order does no harm.
pub(super) async fn receive(
    State(api): State<Arc<Api>>,
    InPath(name): InPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let mut providers = api.lanes.iter().flat_map(|lane| &lane.providers);
    let provider = providers.find(|provider| provider.name == name);
    let provider =
        provider.ok_or_else(|| Problem::not_found("there is no provider of this name"))?;
    let (name, channel) = (provider.name, provider.channel);
    let now = api.store.clock.now();
    let signed = signature::verify(api.keys.of(channel), &headers, &body, now);
    let call = signed.map_err(|error| {
        tracing::warn!(
            "message.provider" = name,
            "receipts of {name} were refused: {error}"
        );
        Problem::new(StatusCode::UNAUTHORIZED, error.to_string())
    })?;
    let told: Told = serde_json::from_slice(&body)
        .map_err(|error| Problem::unprocessable(format!("the receipts cannot be read: {error}")))?;
    check(&told)?;
    let applied = api.store.receive(name, told.events).await?;
    for kind in &applied.kinds {
        api.instruments.received(name, kind.as_str());
    }
    if applied.unknown > 0 {
        let unknown = applied.unknown;
        tracing::warn!(
            "message.provider" = name,
            "webhook.id" = call,
            "{name} told of {unknown} messages that are not known here"
        );
    }
    Ok(Json(json!(applied)))
}

fn check(told: &Told) -> Result<(), Problem> {
    let problem = || Problem::unprocessable("the receipts cannot be taken");
    if told.events.len() > MOST_EVENTS {
        return Err(problem().at("/events", format!("expected {MOST_EVENTS} events at most")));
    }
    for (n, event) in told.events.iter().enumerate() {
        if event.id.is_empty() || event.id.len() > LONGEST {
            return Err(problem().at(
                &format!("/events/{n}/id"),
                format!("expected 1 to {LONGEST} bytes"),
            ));
        }
        if event
            .detail
            .as_ref()
            .is_some_and(|detail| detail.len() > LONGEST)
        {
            return Err(problem().at(
                &format!("/events/{n}/detail"),
                format!("it may hold {LONGEST} bytes"),
            ));
        }
    }
    Ok(())
}
