use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use watchfire_tsdb::WriteVersion;

use super::body::{self, BodyError};
use crate::Refusal;
use crate::drop_reason::DropReason;
use crate::intake::Intake;
use crate::written::{UnreadableWrite, WriteOutcome, Written};

/// How the receiver names itself.
const RECEIVER: &str = "remote_write";

/// What a request takes in memory at most times its plain bytes before that is known.
const ABOUT_TIMES: usize = 4;

/// When to come again if nobody knows better.
const RETRY_SECONDS: u64 = 5;

/// `POST /prometheus/api/v1/write`: Prometheus' remote write 1.0 and 2.0.
///
/// A sender keeps what is answered with 5xx and sends it again, and drops what is answered with
/// 4xx: Prometheus does so even with 429, unless it is told otherwise. So whatever may be taken
/// later is a 503, and only what never will be a 4xx.
pub(crate) fn router(intake: &Arc<Intake>) -> Router {
    Router::new()
        .route("/prometheus/api/v1/write", post(write))
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(intake))
}

async fn write(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let version = match version_of(&head.headers) {
        Ok(version) => version,
        Err(words) => {
            intake.meters.dropped(DropReason::UnsupportedType, 1);
            return (StatusCode::UNSUPPORTED_MEDIA_TYPE, words).into_response();
        }
    };
    match take(&intake, version, body).await {
        Ok(outcome) => told(version, &outcome),
        Err(refused) => refused_answer(&intake, &refused),
    }
}

/// By the content type, as the specification of 2.0 has it: one without a message's name is 1.0.
fn version_of(headers: &HeaderMap) -> Result<WriteVersion, String> {
    let text = |name: HeaderName| {
        let value = headers.get(name);
        value
            .map_or("", |value| value.to_str().unwrap_or("?"))
            .trim()
    };
    let encoding = text(CONTENT_ENCODING).to_ascii_lowercase();
    if !matches!(&*encoding, "" | "snappy") {
        return Err(format!(
            "content encoding {encoding:?} is not known here; use snappy"
        ));
    }
    let said = text(CONTENT_TYPE);
    let mut parts = said.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let message = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let is_proto = name.trim().eq_ignore_ascii_case("proto");
        is_proto.then(|| value.trim().trim_matches('"'))
    });
    match (&*media_type, message) {
        ("", _) | ("application/x-protobuf", None | Some("prometheus.WriteRequest")) => {
            Ok(WriteVersion::V1)
        }
        ("application/x-protobuf", Some("io.prometheus.write.v2.Request")) => Ok(WriteVersion::V2),
        _ => Err(format!(
            "content type {said:?} is not known here; use application/x-protobuf with \
             proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request"
        )),
    }
}

async fn take(
    intake: &Arc<Intake>,
    version: WriteVersion,
    body: Body,
) -> Result<WriteOutcome, BodyError> {
    let (body, mut reservation) = body::read(intake, body).await?;
    // Before anything is decompressed: a body says itself how large it becomes.
    let plain = Written::plain_len(&body).map_err(|error| unreadable(&error))?;
    if plain > intake.max_body {
        return Err(BodyError::TooLarge {
            limit: intake.max_body,
        });
    }
    body::admit(intake, &mut reservation, ABOUT_TIMES * plain).await?;
    let body = Bytes::from(body);
    let read = intake.compute(move |_| Written::read(body, version));
    let read = read.await.map_err(BodyError::Refused)?;
    let written = read.map_err(|error| unreadable(&error))?;
    let more = written.batch.bytes().saturating_sub(ABOUT_TIMES * plain);
    if more > 0 {
        body::admit(intake, &mut reservation, more).await?;
    }
    let arrival = intake.arrival(RECEIVER);
    let prepared = intake.compute(move |intake| written.prepare(&*intake.sink, arrival));
    let (prepared, outcome) = prepared.await.map_err(BodyError::Refused)?;
    let taken = intake.commit(prepared).await;
    taken.map(|_| outcome).map_err(BodyError::Refused)
}

fn unreadable(error: &UnreadableWrite) -> BodyError {
    BodyError::Malformed(error.to_string())
}

/// What was written is said also where a part was not: the sender will not send it again.
fn told(version: WriteVersion, outcome: &WriteOutcome) -> Response {
    let mut response = if outcome.refused == 0 {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let mut words = format!("{} not taken, the rest is:\n", outcome.refused);
        for fault in &outcome.words {
            words.push_str(fault);
            words.push('\n');
        }
        (StatusCode::BAD_REQUEST, words).into_response()
    };
    if version == WriteVersion::V2 {
        for (name, count) in [
            ("x-prometheus-remote-write-samples-written", outcome.samples),
            (
                "x-prometheus-remote-write-histograms-written",
                outcome.histograms,
            ),
            (
                "x-prometheus-remote-write-exemplars-written",
                outcome.exemplars,
            ),
        ] {
            let name = HeaderName::from_static(name);
            response
                .headers_mut()
                .insert(name, HeaderValue::from(count));
        }
    }
    response
}

fn refused_answer(intake: &Intake, refused: &BodyError) -> Response {
    if let Some(reason) = refused.reason() {
        intake.meters.dropped(reason, 1);
    }
    let status = match refused {
        BodyError::TooLarge { .. } | BodyError::TooHeavy { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::UnknownEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        // Sent again, it would come to the same.
        BodyError::Malformed(_) | BodyError::Refused(Refusal::Fault) => StatusCode::BAD_REQUEST,
        BodyError::Slow | BodyError::BrokeOff(_) | BodyError::Refused(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    let mut response = (status, refused.to_string()).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let after = match refused {
            BodyError::Refused(refusal) => refusal.retry_after(),
            _ => None,
        };
        let seconds = after.map_or(RETRY_SECONDS, |after| after.as_secs().max(1));
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
