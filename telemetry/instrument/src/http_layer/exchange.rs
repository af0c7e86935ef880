use std::sync::Arc;

use axum::body::Body;
use axum::extract::MatchedPath;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, StatusCode, header};
use http_body::Body as _;
use opentelemetry::Context;
use serde_json::json;
use tokio::time::Instant;
use tracing::dispatcher;
use watchfire_schemas::SeverityNumber;

use super::metrics::{RouteMetrics, method_label};
use super::request_id::{RequestId, X_REQUEST_ID};
use super::{Counted, HTTP_TARGET, Unlogged};
use crate::fact_span::{Asked, Entered, FactRecord, FactSpan, Facts, ServerFacts};
use crate::panics::Panic;
use crate::telemetry::Telemetry;
use crate::trace_context::{TraceExemplar, extract};

/// One request and its answer, from the first to the last thing we note of it.
pub(super) struct Exchange {
    telemetry: Telemetry,
    pub(super) span: Arc<FactSpan>,
    context: Context,
    metrics: Arc<RouteMetrics>,
    method: &'static str,
    request_id: RequestId,
    began: Instant,
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
        let route = parts.extensions.get::<MatchedPath>();
        let route = route.map_or("", MatchedPath::as_str);
        let metrics = telemetry.server_metrics().of(method, route);
        let request_id = RequestId::of(&parts.headers);
        let facts = ServerFacts::of(Asked {
            parts: &parts,
            method,
            route: Arc::clone(&metrics.route),
            id: request_id.clone(),
        });
        let parent = extract(&parts.headers);
        let span = telemetry.begin_span(&parent, Facts::Server(facts));
        let context = FactSpan::within(&span, &parent);
        parts.extensions.insert(request_id.clone());
        metrics.active.inc();
        let body = Counted::body(body, &metrics.request_bytes);
        let exchange = Self {
            telemetry: telemetry.clone(),
            span,
            context,
            metrics,
            method,
            request_id,
            began: Instant::now(),
            is_ended: false,
        };
        (exchange, Request::from_parts(parts, body))
    }

    /// What is active while the request is answered.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Notes how it ended and gives the answer to send. Runs within the context.
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
        self.note(&response);
        let (mut parts, body) = response.into_parts();
        if let Ok(id) = HeaderValue::from_str(self.request_id.as_str()) {
            parts.headers.insert(X_REQUEST_ID, id);
        }
        Response::from_parts(parts, Counted::sent(body, &self.metrics.response_bytes))
    }

    fn note(&self, response: &Response) {
        let status = response.status();
        let severity = if status.is_server_error() {
            SeverityNumber::ERROR
        } else {
            SeverityNumber::INFO
        };
        let is_logged = response.extensions().get::<Unlogged>().is_none();
        let record = FactRecord {
            span: Arc::clone(&self.span),
            took: self.began.elapsed(),
            status: Some(status),
            size: response.body().size_hint().exact(),
            failed: None,
            logged: (is_logged && self.telemetry.logs_requests(severity)).then_some(severity),
            skew: 0,
        };
        let exemplar = self.exemplar();
        let code = status.as_u16();
        self.metrics
            .observe(code, record.took, exemplar, record.end());
        self.telemetry.emit(record);
    }

    fn exemplar(&self) -> Option<TraceExemplar> {
        let context = &self.span.context;
        context.is_sampled().then(|| TraceExemplar::of(context))
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
            self.metrics.route,
            panic.message
        );
    }

    fn problem(&self) -> Response {
        problem(&self.request_id, Some(&self.span))
    }
}

/// The answer in place of one that the service could not give.
pub(super) fn problem(id: &RequestId, span: Option<&FactSpan>) -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let mut body = json!({
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": status.as_u16(),
        "request_id": id.as_str(),
    });
    if let Some(span) = span {
        body["trace_id"] = span.context.trace_id().to_string().into();
    }
    let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, content_type, body.to_string()).into_response()
}

impl Drop for Exchange {
    /// A request whose future is dropped before its end was given up by the client.
    fn drop(&mut self) {
        self.metrics.active.dec();
        if self.is_ended {
            return;
        }
        let took = self.began.elapsed();
        dispatcher::with_default(self.telemetry.dispatch(), || {
            let _active = self.context.clone().attach();
            let mut span = Some(Arc::clone(&self.span));
            let _entered = Entered::into(&mut span);
            tracing::warn!(
                target: HTTP_TARGET,
                {
                    "error.type" = "cancelled",
                    "http.server.request.duration" = took.as_secs_f64(),
                },
                "{} {} was given up by the client",
                self.method,
                self.metrics.route
            );
        });
        self.telemetry.emit(FactRecord {
            span: Arc::clone(&self.span),
            took,
            status: None,
            size: None,
            failed: Some(("cancelled", String::new())),
            logged: None,
            skew: 0,
        });
    }
}
