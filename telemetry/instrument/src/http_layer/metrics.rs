use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use watchfire_schemas::Timestamp;

use crate::trace_context::TraceExemplar;

/// The boundaries that OpenTelemetry's semantic conventions advise for HTTP durations, in seconds.
pub const HTTP_DURATION_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A histogram of durations whose buckets point at traces.
pub(crate) type Durations = HistogramWithExemplars<TraceExemplar>;

/// Makes histograms with [`HTTP_DURATION_BUCKETS`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpDurations;

impl MetricConstructor<Durations> for HttpDurations {
    fn new_metric(&self) -> Durations {
        HistogramWithExemplars::new(HTTP_DURATION_BUCKETS.into_iter())
    }
}

/// Observes a duration that ended at `at`.
pub(crate) fn observe(
    histogram: &Durations,
    took: Duration,
    exemplar: Option<TraceExemplar>,
    at: Timestamp,
) {
    let at = UNIX_EPOCH + Duration::from_nanos(u64::try_from(at.nanos()).unwrap_or(0));
    histogram.observe(took.as_secs_f64(), exemplar, Some(at));
}

/// The methods that semantic conventions know; anything else is a label value of an attacker's choice.
pub(crate) fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => "_OTHER",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the labels' names"
)]
struct Answered {
    http_request_method: &'static str,
    http_route: String,
    http_response_status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    http_request_method: &'static str,
    http_route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Active {
    http_request_method: &'static str,
}

/// What the HTTP layer counts.
#[derive(Debug)]
pub(crate) struct ServerMetrics {
    duration: Family<Answered, Durations, HttpDurations>,
    active: Family<Active, Gauge>,
    request_bytes: Family<Asked, Counter>,
    response_bytes: Family<Asked, Counter>,
}

impl ServerMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            duration: Family::new_with_constructor(HttpDurations),
            active: Family::default(),
            request_bytes: Family::default(),
            response_bytes: Family::default(),
        };
        registry.register_with_unit(
            "http_server_request_duration",
            "Time from the request to the head of its answer",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register(
            "http_server_active_requests",
            "Requests that are not answered yet",
            metrics.active.clone(),
        );
        registry.register_with_unit(
            "http_server_request_body",
            "Bytes of request bodies as they were read",
            Unit::Bytes,
            metrics.request_bytes.clone(),
        );
        registry.register_with_unit(
            "http_server_response_body",
            "Bytes of answers' bodies as they were sent",
            Unit::Bytes,
            metrics.response_bytes.clone(),
        );
        metrics
    }

    pub(super) fn active(&self, method: &'static str) -> Gauge {
        self.active.get_or_create_owned(&Active {
            http_request_method: method,
        })
    }

    /// Counters of the bytes of the request and of its answer.
    pub(super) fn bytes(&self, method: &'static str, route: &str) -> (Counter, Counter) {
        let labels = Asked {
            http_request_method: method,
            http_route: route.to_owned(),
        };
        (
            self.request_bytes.get_or_create_owned(&labels),
            self.response_bytes.get_or_create_owned(&labels),
        )
    }

    pub(super) fn duration(&self, method: &'static str, route: &str, status: u16) -> Durations {
        self.duration.get_or_create_owned(&Answered {
            http_request_method: method,
            http_route: route.to_owned(),
            http_response_status_code: status,
        })
    }
}
