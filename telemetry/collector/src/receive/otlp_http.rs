use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use prost::Message;
use serde_json::json;

use super::body::{self, BodyError};
use super::inflate::Encoding;
use super::otlp::{self, Form, Signal};
use super::rpc_status::{Code, RpcStatus};
use crate::Refusal;
use crate::drop_reason::DropReason;
use crate::intake::{Intake, Taken};

/// How the receiver names itself.
const RECEIVER: &str = "otlp_http";

/// `POST /v1/{logs,traces,metrics}`.
pub(crate) fn router(intake: &Arc<Intake>) -> Router {
    let route = |signal: Signal| {
        post(
            async move |State(intake): State<Arc<Intake>>, request: Request| {
                export(&intake, signal, request).await
            },
        )
    };
    Router::new()
        .route("/v1/logs", route(Signal::Logs))
        .route("/v1/traces", route(Signal::Traces))
        .route("/v1/metrics", route(Signal::Metrics))
        // Bodies are bounded where they are read, before and after decompression.
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(intake))
}

/// The form that a request says it has.
fn form_of(headers: &HeaderMap) -> Option<Form> {
    let said = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = said.split(';').next().unwrap_or_default().trim();
    match media_type.to_ascii_lowercase().as_str() {
        "application/x-protobuf" | "application/protobuf" => Some(Form::Protobuf),
        "application/json" => Some(Form::Json),
        _ => None,
    }
}

const fn media_type(form: Form) -> HeaderValue {
    match form {
        Form::Protobuf => HeaderValue::from_static("application/x-protobuf"),
        Form::Json => HeaderValue::from_static("application/json"),
    }
}

async fn export(intake: &Arc<Intake>, signal: Signal, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(form) = form_of(&head.headers) else {
        intake.meters.dropped(DropReason::UnsupportedType, 1);
        let message = "expected content type application/x-protobuf or application/json";
        return error(
            Form::Json,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &RpcStatus::new(Code::InvalidArgument, message),
        );
    };
    match take(intake, (signal, form), &head.headers, body).await {
        Ok(taken) => answer(signal, form, &taken),
        Err(refused) => refused_answer(intake, form, &refused),
    }
}

async fn take(
    intake: &Arc<Intake>,
    (signal, form): (Signal, Form),
    headers: &HeaderMap,
    body: Body,
) -> Result<Taken, BodyError> {
    let encoding = Encoding::of(headers)?;
    let read = body::read(intake, body).await?;
    let plain = body::inflated(intake, encoding, read).await?;
    otlp::take(intake, RECEIVER, (signal, form), plain).await
}

fn answer(signal: Signal, form: Form, taken: &Taken) -> Response {
    let partial = otlp::partial(taken);
    let body = match form {
        Form::Protobuf => otlp::protobuf_answer(signal, partial),
        // By hand: the crate's own form writes "partialSuccess": null.
        Form::Json => match partial {
            None => b"{}".to_vec(),
            Some((rejected, message)) => {
                let name = match signal {
                    Signal::Logs => "rejectedLogRecords",
                    Signal::Traces => "rejectedSpans",
                    Signal::Metrics => "rejectedDataPoints",
                };
                let partial = json!({name: rejected.to_string(), "errorMessage": message});
                json!({"partialSuccess": partial}).to_string().into_bytes()
            }
        },
    };
    ([(CONTENT_TYPE, media_type(form))], body).into_response()
}

fn refused_answer(intake: &Intake, form: Form, refused: &BodyError) -> Response {
    if let Some(reason) = refused.reason() {
        intake.meters.dropped(reason, 1);
    }
    let invalid = |message: &BodyError| RpcStatus::new(Code::InvalidArgument, &message.to_string());
    match refused {
        BodyError::Refused(refusal) => {
            let status = http_status(refusal);
            let mut response = error(form, status, &RpcStatus::of(refusal));
            if let Some(after) = refusal.retry_after() {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, after.as_secs().max(1).into());
            }
            response
        }
        BodyError::TooLarge { .. } | BodyError::TooHeavy { .. } => {
            error(form, StatusCode::PAYLOAD_TOO_LARGE, &invalid(refused))
        }
        BodyError::UnknownEncoding(_) => {
            let mut response = error(form, StatusCode::UNSUPPORTED_MEDIA_TYPE, &invalid(refused));
            response
                .headers_mut()
                .insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"));
            response
        }
        BodyError::Slow => error(form, StatusCode::REQUEST_TIMEOUT, &invalid(refused)),
        BodyError::Malformed(_) | BodyError::BrokeOff(_) => {
            error(form, StatusCode::BAD_REQUEST, &invalid(refused))
        }
    }
}

/// OTLP clients try again after 429 and 503.
pub(super) fn http_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Overload { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::DiskFull { .. }
        | Refusal::Unwritable { .. }
        | Refusal::Broken
        | Refusal::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Fault => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn error(form: Form, http: StatusCode, status: &RpcStatus) -> Response {
    let body = match form {
        Form::Protobuf => status.encode_to_vec(),
        Form::Json => json!({"code": status.code, "message": status.message})
            .to_string()
            .into_bytes(),
    };
    (http, [(CONTENT_TYPE, media_type(form))], body).into_response()
}
