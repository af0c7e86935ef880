use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use super::body::{self, BodyError};
use super::inflate::Encoding;
use super::rpc_status::{Code, RpcStatus};
use crate::Refusal;
use crate::admission::Arrival;
use crate::drop_reason::DropReason;
use crate::intake::{Intake, Taken};
use crate::otlp::json;
use crate::prepare::{self, Prepared};

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Logs,
    Traces,
    Metrics,
}

/// The two forms of OTLP over HTTP. An answer comes in the form of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Protobuf,
    Json,
}

impl Form {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let said = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let media_type = said.split(';').next().unwrap_or_default().trim();
        match media_type.to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    const fn media_type(self) -> HeaderValue {
        match self {
            Self::Protobuf => HeaderValue::from_static("application/x-protobuf"),
            Self::Json => HeaderValue::from_static("application/json"),
        }
    }
}

async fn export(intake: &Arc<Intake>, signal: Signal, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(form) = Form::of(&head.headers) else {
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
    let (bytes, mut reservation) = body::read(intake, body).await?;
    let arrival = intake.arrival(RECEIVER);
    let prepared = intake.compute(move |intake| {
        let plain = encoding.inflate(bytes, intake.max_body)?;
        body::grow_decoded(intake, &mut reservation, plain.len())?;
        let prepared = prepared(intake, (signal, form), &plain, arrival)?;
        Ok::<_, BodyError>((prepared, reservation))
    });
    let (prepared, _reservation) = prepared.await.map_err(BodyError::Refused)??;
    intake.commit(prepared).await.map_err(BodyError::Refused)
}

fn prepared(
    intake: &Intake,
    (signal, form): (Signal, Form),
    plain: &[u8],
    arrival: Arrival,
) -> Result<Prepared, BodyError> {
    match signal {
        Signal::Logs => {
            let request = decoded::<ExportLogsServiceRequest>(form, plain, json::logs)?;
            prepare::check_spread(intake.max_body, prepare::spread_of_logs(&request))?;
            Ok(intake.admission.otlp_logs(request, arrival))
        }
        Signal::Traces => {
            let request = decoded::<ExportTraceServiceRequest>(form, plain, json::traces)?;
            prepare::check_spread(intake.max_body, prepare::spread_of_traces(&request))?;
            Ok(prepare::otlp_traces(&request, arrival))
        }
        Signal::Metrics => {
            let request = decoded::<ExportMetricsServiceRequest>(form, plain, json::metrics)?;
            Ok(prepare::otlp_metrics(&request, arrival))
        }
    }
}

fn decoded<M: Message + Default>(
    form: Form,
    plain: &[u8],
    from_json: impl Fn(&[u8]) -> Result<M, json::JsonError>,
) -> Result<M, BodyError> {
    match form {
        Form::Protobuf => M::decode(plain).map_err(|error| {
            BodyError::Malformed(format!("the body is not OTLP protobuf: {error}"))
        }),
        Form::Json => from_json(plain).map_err(|error| BodyError::Malformed(error.to_string())),
    }
}

/// What is told of records that are not among the accepted ones.
pub(super) fn partial(taken: &Taken) -> Option<(i64, String)> {
    let (quarantined, rejected) = (taken.receipt.quarantined, taken.receipt.rejected);
    if quarantined + rejected == 0 && taken.rejection.is_none() {
        return None;
    }
    let mut words = Vec::new();
    if let Some((place, fault)) = taken.faults.first() {
        let (path, message) = fault.first();
        let refused = match rejected {
            0 => String::new(),
            _ => format!("{rejected} rejected by contract, "),
        };
        words.push(format!(
            "{refused}{quarantined} in quarantine, the first is record {place}: {path} {message} ({})",
            fault.schema
        ));
    }
    if let Some(rejection) = &taken.rejection {
        words.push(format!("{rejected} rejected: {rejection}"));
    }
    Some((
        i64::try_from(quarantined + rejected).unwrap_or(i64::MAX),
        words.join("; "),
    ))
}

fn answer(signal: Signal, form: Form, taken: &Taken) -> Response {
    let partial = partial(taken);
    let body = match form {
        Form::Protobuf => protobuf_answer(signal, partial),
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
    ([(CONTENT_TYPE, form.media_type())], body).into_response()
}

fn protobuf_answer(signal: Signal, partial: Option<(i64, String)>) -> Vec<u8> {
    match signal {
        Signal::Logs => ExportLogsServiceResponse {
            partial_success: partial.map(|(rejected_log_records, error_message)| {
                ExportLogsPartialSuccess {
                    rejected_log_records,
                    error_message,
                }
            }),
        }
        .encode_to_vec(),
        Signal::Traces => ExportTraceServiceResponse {
            partial_success: partial.map(|(rejected_spans, error_message)| {
                ExportTracePartialSuccess {
                    rejected_spans,
                    error_message,
                }
            }),
        }
        .encode_to_vec(),
        Signal::Metrics => ExportMetricsServiceResponse {
            partial_success: partial.map(|(rejected_data_points, error_message)| {
                ExportMetricsPartialSuccess {
                    rejected_data_points,
                    error_message,
                }
            }),
        }
        .encode_to_vec(),
    }
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
        BodyError::TooLarge { .. } => error(form, StatusCode::PAYLOAD_TOO_LARGE, &invalid(refused)),
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
    (http, [(CONTENT_TYPE, form.media_type())], body).into_response()
}
