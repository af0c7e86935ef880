//! Answers in the forms that Alertmanager's clients read.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use watchfire_schemas::{LabelSet, Timestamp};

use crate::StoreError;

/// A refusal by what the request means: its reason as a JSON text.
pub(super) fn refused(reason: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!(reason))).into_response()
}

/// A refusal by the form of the request.
pub(super) fn failed(status: StatusCode, code: u16, reason: &str) -> Response {
    (status, Json(json!({"code": code, "message": reason}))).into_response()
}

pub(super) fn broken(error: &StoreError) -> Response {
    tracing::error!(error = %error.0, "a request for alerts failed");
    let reason = json!(error.to_string());
    (StatusCode::INTERNAL_SERVER_ERROR, Json(reason)).into_response()
}

pub(super) fn labels(labels: &LabelSet) -> Map<String, Value> {
    let pairs = labels.iter();
    pairs
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}

/// With three digits of the second's fraction, always.
pub(super) fn time(at: Timestamp) -> String {
    let millis = at.millis();
    let whole = Timestamp::from_secs(millis.div_euclid(1_000)).to_string();
    let whole = whole.trim_end_matches('Z');
    format!("{whole}.{:03}Z", millis.rem_euclid(1_000))
}

/// Only JSON is taken.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Box<Response>> {
    let given = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("application/octet-stream");
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let reason = format!("unsupported media type {given:?}, only [application/json] are allowed");
    Err(Box::new(failed(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        415,
        &reason,
    )))
}
