//! Silences, made, changed, ended and asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer::{broken, failed, is_json, refused, time};
use super::filters::{Pairs, SilenceFilter};
use super::form::{Fields, Wrong};
use crate::{Alerts, NewSilence, Silence, SilenceError, SilenceMatcher};

pub(super) async fn list(
    State(alerts): State<Arc<Alerts>>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let filter = match SilenceFilter::read(&pairs) {
        Ok(filter) => filter,
        Err(refusal) => return *refusal,
    };
    let silences = alerts.silences();
    let wanted = silences.iter().filter(|silence| filter.wants(silence));
    Json(wanted.map(shown).collect::<Vec<Value>>()).into_response()
}

pub(super) async fn one(State(alerts): State<Arc<Alerts>>, Path(id): Path<String>) -> Response {
    if let Err(refusal) = is_id(&id) {
        return *refusal;
    }
    match alerts.silence(&id) {
        Some(silence) => Json(shown(&silence)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(super) async fn put(
    State(alerts): State<Arc<Alerts>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(refusal) = is_json(&headers) {
        return *refusal;
    }
    let new = match read(&body) {
        Ok(new) => new,
        Err(wrong) => return wrong.into_response(),
    };
    match alerts.put_silence(new).await {
        Ok(id) => Json(json!({"silenceID": id})).into_response(),
        Err(SilenceError::Store(error)) => broken(&error),
        Err(SilenceError::Refused(reason)) => refused(&reason),
        Err(error @ SilenceError::NotFound) => {
            (StatusCode::NOT_FOUND, Json(json!(error.to_string()))).into_response()
        }
    }
}

pub(super) async fn expire(State(alerts): State<Arc<Alerts>>, Path(id): Path<String>) -> Response {
    if let Err(refusal) = is_id(&id) {
        return *refusal;
    }
    match alerts.expire_silence(&id).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(SilenceError::NotFound) => StatusCode::NOT_FOUND.into_response(),
        Err(SilenceError::Store(error)) => broken(&error),
        Err(SilenceError::Refused(reason)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!(reason))).into_response()
        }
    }
}

fn is_id(id: &str) -> Result<(), Box<Response>> {
    if uuid::Uuid::try_parse(id).is_ok() {
        return Ok(());
    }
    let reason = format!("silenceID in path must be of type uuid: {id:?}");
    Err(Box::new(failed(
        StatusCode::UNPROCESSABLE_ENTITY,
        601,
        &reason,
    )))
}

fn read(body: &[u8]) -> Result<NewSilence, Wrong> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| Wrong::unreadable("silence", &error))?;
    let fields = Fields::of("", &value)?;
    let comment = fields
        .needed("comment")
        .and_then(|_| fields.text("comment"))?;
    let created_by = fields
        .needed("createdBy")
        .and_then(|_| fields.text("createdBy"))?;
    fields.needed("endsAt")?;
    fields.needed("matchers")?;
    let matchers = fields.list("matchers")?.map_or(&[][..], Vec::as_slice);
    if matchers.is_empty() {
        return Err(Wrong::too_few("matchers"));
    }
    let matchers = matchers.iter().enumerate().map(|(index, matcher)| {
        let fields = Fields::of(&format!("matchers.{index}"), matcher)?;
        for name in ["isRegex", "name", "value"] {
            fields.needed(name)?;
        }
        Ok(SilenceMatcher {
            name: fields.text("name")?.unwrap_or_default().to_owned(),
            value: fields.text("value")?.unwrap_or_default().to_owned(),
            is_regex: fields.flag("isRegex")?.unwrap_or_default(),
            is_equal: fields.flag("isEqual")?.unwrap_or(true),
        })
    });
    let matchers = matchers.collect::<Result<Vec<_>, Wrong>>()?;
    fields.needed("startsAt")?;
    let annotations = fields.pairs("annotations")?.into_iter();
    Ok(NewSilence {
        id: fields.text("id")?.map(str::to_owned),
        matchers,
        starts_at: fields.time("startsAt")?.unwrap_or_default(),
        ends_at: fields.time("endsAt")?.unwrap_or_default(),
        created_by: created_by.unwrap_or_default().to_owned(),
        comment: comment.unwrap_or_default().to_owned(),
        annotations: annotations
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>(),
    })
}

fn shown(silence: &Silence) -> Value {
    let matchers = silence.matchers.iter().map(|matcher| {
        json!({
            "isEqual": matcher.is_equal,
            "isRegex": matcher.is_regex,
            "name": matcher.name,
            "value": matcher.value,
        })
    });
    let mut shown = json!({
        "id": silence.id,
        "status": {"state": silence.state.as_str()},
        "updatedAt": time(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": time(silence.ends_at),
        "matchers": matchers.collect::<Vec<Value>>(),
        "startsAt": time(silence.starts_at),
    });
    if !silence.annotations.is_empty() {
        shown["annotations"] = json!(silence.annotations);
    }
    shown
}
