use axum::body::Body;
use axum::extract::MatchedPath;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, StatusCode, header};
use http_body::Body as _;
use opentelemetry::trace::{SpanContext, Status, TraceContextExt};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use serde_json::json;
use tokio::time::Instant;
use tracing::{Span, dispatcher};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::metrics::{method_label, observe};
use super::request_id::{RequestId, X_REQUEST_ID};
use super::server_span::{HTTP_TARGET, server_span, shortened};
use super::{Counted, Unlogged};
use crate::panics::Panic;
use crate::telemetry::Telemetry;
use crate::trace_context::{TraceExemplar, extract};

/// One request and its answer, from the first to the last thing we note of it.
pub(super) struct Exchange {
    telemetry: Telemetry,
    span: Span,
    context: SpanContext,
    method: &'static str,
    /// Empty if no route matched.
    route: String,
    path: String,
    request_id: RequestId,
    began: Instant,
    active: Gauge,
    response_bytes: Counter,
    is_ended: bool,
}

/// How a request ended.
pub(super) enum Outcome {
    Answered(Response),
    Panicked(Panic),
    /// The service failed without an answer.
    Refused,
}

impl Exchange {
    pub(super) fn begin(telemetry: &Telemetry, request: Request<Body>) -> (Self, Request<Body>) {
        let (mut parts, body) = request.into_parts();
        let method = method_label(&parts.method);
        let route = parts
            .extensions
            .get::<MatchedPath>()
            .map(|path| path.as_str().to_owned())
            .unwrap_or_default();
        let request_id = RequestId::of(&parts.headers);
        parts.extensions.insert(request_id.clone());
        let span = dispatcher::with_default(telemetry.dispatch(), || {
            server_span(method, &route, &parts, &request_id)
        });
        // It fails only if the span has begun, and this one was made a moment ago.
        drop(span.set_parent(extract(&parts.headers)));
        let metrics = telemetry.server_metrics();
        let (request_bytes, response_bytes) = metrics.bytes(method, &route);
        let active = metrics.active(method);
        active.inc();
        let exchange = Self {
            telemetry: telemetry.clone(),
            context: span.context().span().span_context().clone(),
            span,
            method,
            route,
            path: shortened(parts.uri.path()).to_owned(),
            request_id,
            began: Instant::now(),
            active,
            response_bytes,
            is_ended: false,
        };
        (
            exchange,
            Request::from_parts(parts, Counted::body(body, request_bytes)),
        )
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Notes how it ended and gives the answer to send. Runs within the span.
    pub(super) fn end(mut self, outcome: Outcome) -> Response {
        self.is_ended = true;
        let response = match outcome {
            Outcome::Answered(response) => response,
            Outcome::Panicked(panic) => {
                self.tell(&panic);
                self.problem()
            }
            Outcome::Refused => self.problem(),
        };
        let is_logged = response.extensions().get::<Unlogged>().is_none();
        let size = response.body().size_hint().exact();
        self.note(response.status(), size, is_logged);
        let (mut parts, body) = response.into_parts();
        if let Ok(id) = HeaderValue::from_str(self.request_id.as_str()) {
            parts.headers.insert(X_REQUEST_ID, id);
        }
        Response::from_parts(parts, Counted::body(body, self.response_bytes.clone()))
    }

    fn note(&self, status: StatusCode, size: Option<u64>, is_logged: bool) {
        let took = self.began.elapsed();
        let code = status.as_u16();
        let durations = self
            .telemetry
            .server_metrics()
            .duration(self.method, &self.route, code);
        let exemplar = self
            .context
            .is_sampled()
            .then(|| TraceExemplar::of(&self.context));
        observe(&durations, took, exemplar, self.telemetry.clock().now());

        self.span
            .set_attribute("http.response.status_code", i64::from(code));
        if let Some(size) = size {
            self.span
                .set_attribute("http.response.body.size", size as i64);
        }
        let seconds = took.as_secs_f64();
        let target = if self.route.is_empty() {
            &self.path
        } else {
            &self.route
        };
        let message = format!("{} {target} answered {code}", self.method);
        if status.is_server_error() {
            self.span.set_status(Status::error(
                status.canonical_reason().unwrap_or("server error"),
            ));
            self.span.set_attribute("error.type", code.to_string());
        }
        if !is_logged {
        } else if status.is_server_error() {
            tracing::error!(
                target: HTTP_TARGET,
                {
                    "http.response.status_code" = code,
                    "http.response.body.size" = size,
                    "http.server.request.duration" = seconds,
                },
                "{message}"
            );
        } else if is_logged {
            tracing::info!(
                target: HTTP_TARGET,
                {
                    "http.response.status_code" = code,
                    "http.response.body.size" = size,
                    "http.server.request.duration" = seconds,
                },
                "{message}"
            );
        }
    }

    fn tell(&self, panic: &Panic) {
        tracing::error!(
            target: HTTP_TARGET,
            {
                "exception.type" = "panic",
                "exception.message" = panic.message,
                "exception.stacktrace" = panic.stacktrace,
            },
            "{} {} panicked: {}",
            self.method,
            self.route,
            panic.message
        );
    }

    fn problem(&self) -> Response {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let body = json!({
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": status.as_u16(),
            "trace_id": self.context.trace_id().to_string(),
            "request_id": self.request_id.as_str(),
        });
        let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, content_type, body.to_string()).into_response()
    }
}

impl Drop for Exchange {
    /// A request whose future is dropped before its end was given up by the client.
    fn drop(&mut self) {
        self.active.dec();
        if self.is_ended {
            return;
        }
        self.span.set_attribute("error.type", "cancelled");
        dispatcher::with_default(self.telemetry.dispatch(), || {
            self.span.in_scope(|| {
                let seconds = self.began.elapsed().as_secs_f64();
                tracing::warn!(
                    target: HTTP_TARGET,
                    {
                        "error.type" = "cancelled",
                        "http.server.request.duration" = seconds,
                    },
                    "{} {} was given up by the client",
                    self.method,
                    self.route
                );
            });
        });
    }
}
