use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use super::body::{self, BodyError, Plain};
use super::inflate::Encoding;
use super::problem::{Problem, trace_id};
use crate::drop_reason::DropReason;
use crate::intake::{Intake, Taken};
use crate::otlp::weight;

/// How the receiver names itself.
const RECEIVER: &str = "ndjson";

/// `POST /api/v1/ingest/logs`.
pub(crate) fn router(intake: &Arc<Intake>) -> Router {
    Router::new()
        .route("/api/v1/ingest/logs", post(ingest))
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(intake))
}

/// What became of the lines.
#[derive(Debug, Serialize)]
struct Answer {
    accepted: u64,
    quarantined: u64,
    rejected: u64,
    /// The first hundred.
    errors: Vec<LineError>,
}

#[derive(Debug, Serialize)]
struct LineError {
    line: usize,
    path: String,
    message: String,
    /// Which contract it breaks.
    schema: String,
}

/// Why nothing was taken.
#[derive(Debug)]
enum Failure {
    MediaType(String),
    Body(BodyError),
}

async fn ingest(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let trace_id = trace_id(request.headers());
    match take(&intake, request).await {
        Ok(taken) => Json(Answer::of(taken)).into_response(),
        Err(failure) => {
            let (status, detail) = failure.told(&intake);
            let mut response = Problem {
                status,
                detail,
                trace_id,
            }
            .into_response();
            if let Failure::Body(body) = &failure {
                if let Some(seconds) = body.retry_after() {
                    response.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                if matches!(body, BodyError::UnknownEncoding(_)) {
                    let known = HeaderValue::from_static("gzip, zstd, br, deflate");
                    response.headers_mut().insert(ACCEPT_ENCODING, known);
                }
            }
            response
        }
    }
}

async fn take(intake: &Arc<Intake>, request: Request) -> Result<Taken, Failure> {
    let (head, body) = request.into_parts();
    check_media_type(&head.headers)?;
    let encoding = Encoding::of(&head.headers).map_err(Failure::Body)?;
    let taken = take_lines(intake, encoding, body).await;
    taken.map_err(Failure::Body)
}

async fn take_lines(
    intake: &Arc<Intake>,
    encoding: Encoding,
    body: Body,
) -> Result<Taken, BodyError> {
    let read = body::read(intake, body).await?;
    let plain = body::inflated(intake, encoding, read).await?;
    let Plain {
        bytes,
        mut reservation,
    } = plain;
    let arrival = intake.arrival(RECEIVER);
    body::admit(intake, &mut reservation, weight::of_lines(&bytes)).await?;
    let prepared = intake.compute(move |intake| {
        let lines = lines(&bytes)?;
        Ok::<_, BodyError>(intake.admission.lines(lines.into_iter(), arrival))
    });
    let prepared = prepared.await.map_err(BodyError::Refused)??;
    intake.commit(prepared).await.map_err(BodyError::Refused)
}

/// A page of another origin can send forms and plain text without being asked; so those are not
/// read, whatever they hold.
fn check_media_type(headers: &HeaderMap) -> Result<(), Failure> {
    let Some(said) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let said = said.to_str().unwrap_or("?");
    let media_type = said
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/json" => Ok(()),
        other => Err(Failure::MediaType(other.to_owned())),
    }
}

/// The records of a body with their places, counted from 1: the lines that are not blank, or the
/// elements of a single array, or one object that takes several lines. The body cannot be read at
/// all if it is empty or holds no text.
fn lines(plain: &[u8]) -> Result<Vec<(usize, &[u8])>, BodyError> {
    let unreadable = |reason: &str| BodyError::Malformed(reason.to_owned());
    let trimmed = plain.trim_ascii();
    if trimmed.is_empty() {
        return Err(unreadable("the body is empty"));
    }
    if let Some(records) = single_document(trimmed) {
        return Ok(records);
    }
    let lines = plain.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.map(|(index, line)| (index + 1, line.trim_ascii()));
    let lines: Vec<_> = lines.filter(|(_, line)| !line.is_empty()).collect();
    if lines
        .iter()
        .all(|(_, line)| std::str::from_utf8(line).is_err())
    {
        return Err(unreadable(
            "the body is not text; send lines of JSON in UTF-8",
        ));
    }
    Ok(lines)
}

fn single_document(body: &[u8]) -> Option<Vec<(usize, &[u8])>> {
    match body.first()? {
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
            let elements = elements.into_iter().enumerate();
            Some(
                elements
                    .map(|(index, raw)| (index + 1, raw.get().as_bytes()))
                    .collect(),
            )
        }
        b'{' if body.contains(&b'\n') => {
            let object: &RawValue = serde_json::from_slice(body).ok()?;
            Some(vec![(1, object.get().as_bytes())])
        }
        _ => None,
    }
}

impl Answer {
    fn of(taken: Taken) -> Self {
        let errors = taken.faults.into_iter().map(|(line, fault)| {
            let (path, message) = fault.first();
            LineError {
                line,
                path: path.to_owned(),
                message: message.to_owned(),
                schema: fault.schema.to_string(),
            }
        });
        Self {
            accepted: taken.receipt.accepted,
            quarantined: taken.receipt.quarantined,
            rejected: taken.receipt.rejected,
            errors: errors.collect(),
        }
    }
}

impl Failure {
    /// Counts it, and says it.
    fn told(&self, intake: &Intake) -> (StatusCode, String) {
        let body = match self {
            Self::MediaType(said) => {
                intake.meters.dropped(DropReason::UnsupportedType, 1);
                let detail = format!(
                    "content type {said:?} is not read here; send content-type: application/x-ndjson"
                );
                return (StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
            }
            Self::Body(body) => body,
        };
        if let Some(reason) = body.reason() {
            intake.meters.dropped(reason, 1);
        }
        (body.status(), body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &[(usize, &str)]) {
        let found = lines(body.as_bytes()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(n, line)| (*n, std::str::from_utf8(line).unwrap()))
            .collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn lines_arrays_and_one_object_are_told_apart() {
        check(
            "{\"a\":1}\r\n\n{\"b\":2}\n",
            &[(1, "{\"a\":1}"), (3, "{\"b\":2}")],
        );
        check(" [ {\"a\":1},\n 5 ] ", &[(1, "{\"a\":1}"), (2, "5")]);
        check("{\n \"a\": 1\n}", &[(1, "{\n \"a\": 1\n}")]);
        check("[1]\n[2]", &[(1, "[1]"), (2, "[2]")]);
        check("[{\"a\":1},", &[(1, "[{\"a\":1},")]);
        check("[]", &[]);
    }

    #[test]
    fn nothing_and_no_text_cannot_be_read() {
        for body in [&b""[..], b" \n\n ", b"\xff\xfe\x00", b"\x89PNG\xff\n\xff"] {
            assert!(lines(body).is_err(), "{body:?}");
        }
        assert!(lines(b"{}\n\xff").is_ok());
    }
}
