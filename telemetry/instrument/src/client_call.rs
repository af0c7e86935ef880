use std::fmt::Display;

use http::{HeaderMap, Method, StatusCode, Uri};
use opentelemetry::trace::{Status, TraceContextExt};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::http_layer::{Durations, HttpDurations, method_label, observe};
use crate::signed_query::without_signatures;
use crate::telemetry::Telemetry;
use crate::trace_context::{TraceExemplar, inject};

/// One call to another service, in a client span of its own. It works with any HTTP client whose
/// types are those of the crate `http`:
///
/// ```no_run
/// # async fn call(telemetry: watchfire_telemetry::Telemetry, client: reqwest::Client) -> Result<(), reqwest::Error> {
/// let url = "http://content:8080/places/7";
/// let response = telemetry
///     .client_call(&http::Method::GET, url)
///     .template("/places/{id}")
///     .send(|headers| client.get(url).headers(headers).send(), reqwest::Response::status)
///     .await?;
/// # drop(response);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ClientCall {
    telemetry: Telemetry,
    method: &'static str,
    url: String,
    server: String,
    port: Option<u16>,
    template: Option<String>,
}

impl ClientCall {
    pub(crate) fn new(telemetry: Telemetry, method: &Method, url: &str) -> Self {
        Self::to(telemetry, method, &url.parse().unwrap_or_default())
    }

    pub(crate) fn to(telemetry: Telemetry, method: &Method, parsed: &Uri) -> Self {
        Self {
            telemetry,
            method: method_label(method),
            url: without_credentials(parsed),
            server: parsed.host().unwrap_or_default().to_owned(),
            port: parsed.port_u16().or(match parsed.scheme_str() {
                Some("http") => Some(80),
                Some("https") => Some(443),
                _ => None,
            }),
            template: None,
        }
    }

    /// The path with its parameters unnamed, `/places/{id}`: it names the span.
    #[must_use]
    pub fn template(mut self, template: &str) -> Self {
        self.template = Some(template.to_owned());
        self
    }

    /// Sends the request: `send` is given the headers that carry the trace, `status` reads the answer's.
    /// An answer of 400 or above and an error mark the span as failed.
    pub async fn send<R, E, F>(
        self,
        send: impl FnOnce(HeaderMap) -> F,
        status: impl FnOnce(&R) -> StatusCode,
    ) -> Result<R, E>
    where
        F: Future<Output = Result<R, E>>,
        E: Display,
    {
        let span = self.telemetry.in_scope(|| self.span());
        let context = span.context();
        let mut headers = HeaderMap::new();
        inject(&context, &mut headers);
        let context = context.span().span_context().clone();
        let began = Instant::now();
        let request = span.in_scope(|| send(headers));
        let result = request.instrument(span.clone()).await;
        let (status, error) = match &result {
            Ok(response) => (Some(status(response)), None),
            Err(error) => (None, Some(error.to_string())),
        };
        note(&span, status, error.as_deref());
        let exemplar = context.is_sampled().then(|| TraceExemplar::of(&context));
        let durations = self.telemetry.client_metrics().duration(&self, status);
        observe(
            &durations,
            began.elapsed(),
            exemplar,
            self.telemetry.clock().now(),
        );
        result
    }

    fn span(&self) -> Span {
        let name = match &self.template {
            Some(template) => format!("{} {template}", self.method),
            None => self.method.to_owned(),
        };
        tracing::info_span!(
            "call",
            "otel.name" = name,
            "otel.kind" = "client",
            "http.request.method" = self.method,
            "url.full" = self.url,
            "url.template" = self.template,
            "server.address" = self.server,
            "server.port" = self.port,
        )
    }
}

fn note(span: &Span, status: Option<StatusCode>, error: Option<&str>) {
    if let Some(status) = status {
        span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
        if status.is_client_error() || status.is_server_error() {
            span.set_attribute("error.type", status.as_str().to_owned());
            span.set_status(Status::error(status.canonical_reason().unwrap_or_default()));
        }
    }
    if let Some(error) = error {
        span.set_attribute("error.type", "request_failed");
        span.set_status(Status::error(error.to_owned()));
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    http_request_method: &'static str,
    server_address: String,
    http_response_status_code: Option<u16>,
    error_type: Option<&'static str>,
}

/// What client calls are counted in.
#[derive(Debug)]
pub(crate) struct ClientMetrics {
    duration: Family<Called, Durations, HttpDurations>,
}

impl ClientMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let duration = Family::new_with_constructor(HttpDurations);
        registry.register_with_unit(
            "http_client_request_duration",
            "Time from a request to another service to the head of its answer",
            Unit::Seconds,
            duration.clone(),
        );
        Self { duration }
    }

    fn duration(&self, call: &ClientCall, status: Option<StatusCode>) -> Durations {
        self.duration.get_or_create_owned(&Called {
            http_request_method: call.method,
            server_address: call.server.clone(),
            http_response_status_code: status.map(|status| status.as_u16()),
            error_type: status.is_none().then_some("request_failed"),
        })
    }
}

/// The address without user, password and signatures, which must never be told.
fn without_credentials(url: &Uri) -> String {
    let Some(authority) = url.authority() else {
        return url.to_string();
    };
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let (scheme, path) = (url.scheme_str().unwrap_or("http"), url.path());
    match url.query().map(without_signatures) {
        Some(query) => format!("{scheme}://{host}{path}?{query}"),
        None => format!("{scheme}://{host}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_told() {
        let url: Uri = "http://user:secret@content:8080/places?page=2"
            .parse()
            .unwrap();
        assert_eq!(
            without_credentials(&url),
            "http://content:8080/places?page=2"
        );
    }
}
