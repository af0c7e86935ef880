use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tracing::Instrument;

use crate::payments::api::Api;
use crate::payments::api::answer;
use crate::payments::consume::Asked;
use crate::payments::operation::{OperationKey, Settled};
use crate::payments::pipeline::Taken;
use crate::problem::Problem;
use crate::signature;

/// What the provider tells by itself: how an operation ended. It comes at least once.
#[derive(Debug, Deserialize)]
struct Notification {
    id: String,
    operation: Settled,
}

/// The inbox of notifications.
const CONSUMER: &str = "notification";

/// Takes a notification of the provider, once for each id; a repetition is answered as the first.
/// What follows belongs to the trace of the operation, which the notification's is linked to.
pub(super) async fn take(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Problem> {
    let (secret, now) = (&api.provider_secret, api.clock.now());
    signature::verify(secret, &headers, body.as_bytes(), now).map_err(|error| {
        tracing::warn!("a notification of the provider was refused: {error}");
        Problem::new(StatusCode::UNAUTHORIZED, error.to_string())
    })?;
    let notification: Notification = serde_json::from_str(&body).map_err(|error| {
        Problem::unprocessable(format!("the notification cannot be read: {error}"))
    })?;
    let key = OperationKey::parse(&notification.operation.key);
    let key = key.ok_or_else(|| unknown(&notification.operation.key))?;
    let found = api.pipeline.asked(&key).await;
    let found = found.map_err(|failure| answer::unavailable(&failure))?;
    let Asked { payment, trace } = found.ok_or_else(|| unknown(&notification.operation.key))?;
    let span = tracing::info_span!(
        "settle",
        "otel.name" = "settle notification",
        "payment.id" = payment,
        "operation.key" = key.to_string(),
    );
    api.telemetry.link(&trace.headers(), &span);
    let settled = (key, notification.operation);
    let taking = api
        .pipeline
        .take_over(CONSUMER, notification.id, settled, trace);
    let taken = taking
        .instrument(span)
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    let answer = json!({ "payment": payment, "duplicate": taken == Taken::Duplicate });
    Ok(axum::Json(answer).into_response())
}

fn unknown(key: &str) -> Problem {
    Problem::unprocessable("the notification is about no operation of ours")
        .at("/operation/key", format!("{key} is not known"))
}
