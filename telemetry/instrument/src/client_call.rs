use std::fmt::Display;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode, Uri};
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

use crate::http_layer::{Durations, HttpDurations, method_label, observe};
use crate::http_span::{ClientFacts, Facts, HttpRecord, HttpSpan};
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
    facts: ClientFacts,
}

impl ClientCall {
    pub(crate) fn new(telemetry: Telemetry, method: &Method, url: &str) -> Self {
        Self::to(telemetry, method, &url.parse().unwrap_or_default())
    }

    pub(crate) fn to(telemetry: Telemetry, method: &Method, parsed: &Uri) -> Self {
        Self {
            telemetry,
            facts: ClientFacts {
                method: method_label(method),
                url: without_credentials(parsed),
                server: parsed.host().unwrap_or_default().to_owned(),
                port: parsed.port_u16().or(match parsed.scheme_str() {
                    Some("http") => Some(80),
                    Some("https") => Some(443),
                    _ => None,
                }),
                template: None,
            },
        }
    }

    /// The path with its parameters unnamed, `/places/{id}`: it names the span.
    #[must_use]
    pub fn template(mut self, template: &str) -> Self {
        self.facts.template = Some(template.to_owned());
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
        if self.telemetry.is_disabled() {
            return send(HeaderMap::new()).await;
        }
        let ClientCall { telemetry, facts } = self;
        let method = facts.method;
        let (span, context) = telemetry.begin_span(&Context::current(), Facts::Client(facts));
        let mut headers = HeaderMap::new();
        inject(&context, &mut headers);
        let call = Call {
            telemetry,
            span,
            method,
            began: Instant::now(),
            is_ended: false,
        };
        let request = {
            let _active = context.clone().attach();
            send(headers)
        };
        let result = request.with_context(context).await;
        match &result {
            Ok(response) => call.end(Ok(status(response))),
            Err(error) => call.end(Err(("request_failed", error.to_string()))),
        }
        result
    }
}

/// A call that is under way.
struct Call {
    telemetry: Telemetry,
    span: Arc<HttpSpan>,
    method: &'static str,
    began: Instant,
    is_ended: bool,
}

impl Call {
    fn end(mut self, outcome: Result<StatusCode, (&'static str, String)>) {
        self.is_ended = true;
        let (status, failed) = match outcome {
            Ok(status) => (Some(status), None),
            Err(failed) => (None, Some(failed)),
        };
        let record = self.record(status, failed);
        let context = &self.span.context;
        let exemplar = context.is_sampled().then(|| TraceExemplar::of(context));
        if let Facts::Client(facts) = &self.span.facts {
            let metrics = self.telemetry.client_metrics();
            let durations = metrics.duration(self.method, &facts.server, status);
            observe(&durations, record.took, exemplar, record.end());
        }
        self.telemetry.emit(record);
    }

    fn record(
        &self,
        status: Option<StatusCode>,
        failed: Option<(&'static str, String)>,
    ) -> HttpRecord {
        HttpRecord {
            span: Arc::clone(&self.span),
            took: self.began.elapsed(),
            status,
            size: None,
            failed,
            logged: None,
            skew: 0,
        }
    }
}

impl Drop for Call {
    /// A call that is given up half-way was made all the same.
    fn drop(&mut self) {
        if !self.is_ended {
            let failed = Some(("cancelled", String::new()));
            self.telemetry.emit(self.record(None, failed));
        }
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

    fn duration(
        &self,
        method: &'static str,
        server: &str,
        status: Option<StatusCode>,
    ) -> Durations {
        self.duration.get_or_create_owned(&Called {
            http_request_method: method,
            server_address: server.to_owned(),
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
