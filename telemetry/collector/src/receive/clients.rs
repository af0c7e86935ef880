//! Where clients of error trackers send to: Sentry's and Airbrake's.
//!
//! A browser's page sends from an origin of its own, so these routes may be posted to from anywhere.
//! They take telemetry and do nothing else.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router, middleware};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, RETRY_AFTER,
};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use watchfire_schemas::{Batch, Timestamp};

use super::body::{self, BodyError};
use crate::Refusal;
use crate::airbrake;
use crate::drop_reason::DropReason;
use crate::intake::Intake;
use crate::prepare;
use crate::sentry::{self, Sender, Sent};

/// How the receivers name themselves.
const SENTRY: &str = "sentry";
const AIRBRAKE: &str = "airbrake";

/// `POST /api/{project}/envelope/`, `…/store/` and Airbrake's `POST /api/v3/projects/{id}/notices`.
pub(crate) fn router(intake: &Arc<Intake>) -> Router {
    let envelope = post(envelope).options(preflight);
    let event = post(event).options(preflight);
    let notice = post(notice).options(preflight);
    Router::new()
        .route("/api/{project}/envelope/", envelope.clone())
        .route("/api/{project}/envelope", envelope)
        .route("/api/{project}/store/", event.clone())
        .route("/api/{project}/store", event)
        .route("/api/v3/projects/{id}/notices", notice.clone())
        .route("/api/v3/projects/{id}/create-notice", notice)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::map_response(from_anywhere))
        .with_state(Arc::clone(intake))
}

async fn from_anywhere(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            ACCESS_CONTROL_EXPOSE_HEADERS,
            "x-sentry-error, x-sentry-rate-limits, retry-after",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "x-sentry-auth, x-requested-with, origin, accept, content-type, content-encoding, \
             authentication, authorization, x-airbrake-token, sentry-trace, baggage, traceparent",
        ),
        (ACCESS_CONTROL_MAX_AGE, "3600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Why nothing was taken.
#[derive(Debug)]
enum Failure {
    /// Nobody says who sends.
    NoKey,
    Body(BodyError),
}

type Decode = fn(&[u8], &Sender, Timestamp) -> Result<Sent, sentry::EnvelopeError>;

async fn envelope(
    State(intake): State<Arc<Intake>>,
    Path(project): Path<String>,
    request: Request,
) -> Response {
    sentry_answer(&intake, project, request, sentry::envelope).await
}

async fn event(
    State(intake): State<Arc<Intake>>,
    Path(project): Path<String>,
    request: Request,
) -> Response {
    sentry_answer(&intake, project, request, sentry::single_event).await
}

async fn sentry_answer(
    intake: &Arc<Intake>,
    project: String,
    request: Request,
    decode: Decode,
) -> Response {
    match take_sent(intake, project, request, decode).await {
        Ok(Some(id)) => Json(json!({"id": id})).into_response(),
        Ok(None) => Json(json!({})).into_response(),
        Err(failure) => {
            let (status, detail, pause) = failure.told(intake);
            let mut response = (status, Json(json!({"detail": detail}))).into_response();
            let headers = response.headers_mut();
            if let Ok(value) = HeaderValue::from_str(&detail) {
                headers.insert(HeaderName::from_static("x-sentry-error"), value);
            }
            if let Some(seconds) = pause {
                headers.insert(RETRY_AFTER, seconds.into());
                let limits = format!("{seconds}::organization");
                let limits = HeaderValue::from_str(&limits).expect("it is plain text");
                headers.insert(HeaderName::from_static("x-sentry-rate-limits"), limits);
            }
            response
        }
    }
}

async fn take_sent(
    intake: &Arc<Intake>,
    project: String,
    request: Request,
    decode: Decode,
) -> Result<Option<String>, Failure> {
    let (head, body) = request.into_parts();
    let plain = body::plain_lines(intake, &head.headers, body).await;
    let plain = plain.map_err(Failure::Body)?;
    let key = sentry_key(&head).or_else(|| sentry::key_within(&plain.bytes));
    let key = key.ok_or(Failure::NoKey)?;
    let sender = Sender { key, project };
    let arrival = intake.arrival(SENTRY);
    let bytes = plain.bytes.clone();
    let sent = intake.compute(move |_| decode(&bytes, &sender, arrival.at));
    let sent = sent.await.map_err(refused)?;
    let sent = sent.map_err(|error| Failure::Body(BodyError::Malformed(error.to_string())))?;
    let Sent {
        event_id,
        records,
        spans,
        series,
        drops,
    } = sent;
    for (reason, count) in drops {
        intake.meters.dropped(reason, count);
    }
    let series = (!series.is_empty()).then_some(series);
    let prepared = intake.compute(move |intake| {
        let logs = (!records.is_empty()).then_some(Batch::Logs(records));
        let spans = (!spans.is_empty()).then_some(Batch::Spans(spans));
        let batches = [logs, spans].into_iter().flatten();
        let batches = batches.map(|batch| intake.admission.batch(batch, arrival));
        let series = series.map(|series| prepare::told_series(series.into(), arrival));
        batches.chain(series).collect::<Vec<_>>()
    });
    for prepared in prepared.await.map_err(refused)? {
        intake.commit(prepared).await.map_err(refused)?;
    }
    Ok(event_id)
}

async fn notice(
    State(intake): State<Arc<Intake>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    match take_notice(&intake, &id, request).await {
        Ok(id) => {
            let answer = json!({"id": id, "url": format!("/logs?q=airbrake.notice_id:{id}")});
            (StatusCode::CREATED, Json(answer)).into_response()
        }
        Err(failure) => {
            let (status, detail, pause) = failure.told(&intake);
            let mut response = (status, Json(json!({"message": detail}))).into_response();
            if let Some(seconds) = pause {
                let delay = HeaderName::from_static("x-ratelimit-delay");
                response.headers_mut().insert(delay, seconds.into());
            }
            response
        }
    }
}

async fn take_notice(
    intake: &Arc<Intake>,
    project: &str,
    request: Request,
) -> Result<String, Failure> {
    let (head, body) = request.into_parts();
    let key = airbrake_key(&head).ok_or(Failure::NoKey)?;
    let plain = body::plain_lines(intake, &head.headers, body).await;
    let plain = plain.map_err(Failure::Body)?;
    let sender = Sender {
        key,
        project: project.to_owned(),
    };
    let arrival = intake.arrival(AIRBRAKE);
    let prepared = intake.compute(move |intake| {
        let record = airbrake::record(&plain.bytes, &sender.service(), arrival.at);
        record.map(|(id, record)| {
            let batch = Batch::Logs(vec![record]);
            (id, intake.admission.batch(batch, arrival))
        })
    });
    let prepared = prepared.await.map_err(refused)?;
    let (id, prepared) = prepared.map_err(|reason| Failure::Body(BodyError::Malformed(reason)))?;
    intake.commit(prepared).await.map_err(refused)?;
    Ok(id)
}

fn refused(refusal: Refusal) -> Failure {
    Failure::Body(BodyError::Refused(refusal))
}

/// By header or query, as clients send it.
fn sentry_key(head: &Parts) -> Option<String> {
    let header = |name: &str| head.headers.get(name)?.to_str().ok();
    let said = header("x-sentry-auth").or_else(|| header(AUTHORIZATION.as_str()));
    let said = said.and_then(|said| said.strip_prefix("Sentry "));
    let by_header = said.and_then(|said| {
        let mut pairs = said
            .split(',')
            .filter_map(|pair| pair.trim().split_once('='));
        pairs.find_map(|(key, value)| (key == "sentry_key").then(|| value.to_owned()))
    });
    by_header
        .or_else(|| query(head, "sentry_key"))
        .filter(|key| !key.is_empty())
}

fn airbrake_key(head: &Parts) -> Option<String> {
    let header = |name: &str| head.headers.get(name)?.to_str().ok();
    let bearer = header(AUTHORIZATION.as_str()).and_then(|said| said.strip_prefix("Bearer "));
    let token = header("x-airbrake-token").or(bearer).map(str::to_owned);
    token
        .or_else(|| query(head, "key"))
        .filter(|key| !key.is_empty())
}

/// Keys are plain words: nothing in them is escaped.
fn query(head: &Parts, name: &str) -> Option<String> {
    let mut pairs = head
        .uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (key == name).then(|| value.to_owned()))
}

impl Failure {
    /// Counts it; its status, what to say, and in how many seconds it may be better.
    fn told(&self, intake: &Intake) -> (StatusCode, String, Option<u64>) {
        let body = match self {
            Self::NoKey => {
                intake.meters.dropped(DropReason::NoKey, 1);
                let detail = "no key is given: it names who sends, as in http://KEY@host/PROJECT";
                return (StatusCode::FORBIDDEN, detail.to_owned(), None);
            }
            Self::Body(body) => body,
        };
        if let Some(reason) = body.reason() {
            intake.meters.dropped(reason, 1);
        }
        (body.status(), body.to_string(), body.retry_after())
    }
}
