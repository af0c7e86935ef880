use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};

use http::{HeaderMap, Method, StatusCode, Uri};
use opentelemetry::Context;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

use crate::fact_span::{ClientFacts, FactRecord, FactSpan, Facts};
use crate::http_layer::{Durations, HttpDurations, Observed, method_label};
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
    headers: HeaderMap,
}

impl ClientCall {
    pub(crate) fn new(telemetry: Telemetry, method: &Method, url: &str) -> Self {
        Self::to(telemetry, method, &url.parse().unwrap_or_default())
    }

    pub(crate) fn to(telemetry: Telemetry, method: &Method, parsed: &Uri) -> Self {
        Self {
            telemetry,
            facts: ClientFacts::of(method_label(method), parsed),
            headers: HeaderMap::new(),
        }
    }

    /// The path with its parameters unnamed, `/places/{id}`: it names the span.
    #[must_use]
    pub fn template(mut self, template: &str) -> Self {
        self.facts.set_template(template);
        self
    }

    /// What the request carries beside the trace.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Sends the request: `send` is given the headers that carry the trace, `status` reads the answer's.
    /// An answer of 400 or above and an error mark the span as failed. The span is not the active one
    /// meanwhile: what `send` itself tells of belongs to who calls.
    pub async fn send<R, E, F>(
        self,
        send: impl FnOnce(HeaderMap) -> F,
        status: impl FnOnce(&R) -> StatusCode,
    ) -> Result<R, E>
    where
        F: Future<Output = Result<R, E>>,
        E: Display,
    {
        let ClientCall {
            telemetry,
            facts,
            mut headers,
        } = self;
        if telemetry.is_disabled() {
            return send(headers).await;
        }
        let parent = Context::current();
        let span = telemetry.begin_span(&parent, Facts::Client(facts));
        inject(&span.context, &parent, &mut headers);
        let call = Call {
            telemetry,
            span,
            began: Instant::now(),
            is_ended: false,
        };
        let result = send(headers).await;
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
    span: Arc<FactSpan>,
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
            metrics.observe(facts, status, |observed| {
                observed.observe(record.took, exemplar, record.end());
            });
        }
        self.telemetry.emit(record);
    }

    fn record(
        &self,
        status: Option<StatusCode>,
        failed: Option<(&'static str, String)>,
    ) -> FactRecord {
        FactRecord {
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
    /// The first that were met, which are looked through.
    known: RwLock<Vec<Known>>,
}

#[derive(Debug)]
struct Known {
    method: &'static str,
    status: Option<StatusCode>,
    server: String,
    observed: Observed,
}

impl ClientMetrics {
    const MOST_KNOWN: usize = 16;

    pub(crate) fn register(registry: &mut Registry) -> Self {
        let duration = Family::new_with_constructor(HttpDurations);
        registry.register_with_unit(
            "http_client_request_duration",
            "Time from a request to another service to the head of its answer",
            Unit::Seconds,
            duration.clone(),
        );
        Self {
            duration,
            known: RwLock::default(),
        }
    }

    /// Finds the histogram of a call, without a look at all its labels where it was found before.
    fn observe(
        &self,
        facts: &ClientFacts,
        status: Option<StatusCode>,
        observe: impl FnOnce(&Observed),
    ) {
        let key = |known: &Known| {
            let is_same = known.method == facts.method && known.status == status;
            is_same && known.server == facts.server()
        };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter().find(|known| key(known)) {
            return observe(&known.observed);
        }
        drop(known);
        let observed = Observed::new(self.duration.get_or_create_owned(&Called {
            http_request_method: facts.method,
            server_address: facts.server().to_owned(),
            http_response_status_code: status.map(|status| status.as_u16()),
            error_type: status.is_none().then_some("request_failed"),
        }));
        observe(&observed);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < Self::MOST_KNOWN {
            known.push(Known {
                method: facts.method,
                status,
                server: facts.server().to_owned(),
                observed,
            });
        }
    }
}
