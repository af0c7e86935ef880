use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use watchfire_schemas::Timestamp;

use super::durations::{Durations, HttpDurations, Observed};
use crate::trace_context::TraceExemplar;

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
    /// What was asked for so far: routes are as many as the service has, and one for all else.
    routes: RwLock<HashMap<Arc<str>, Vec<Arc<RouteMetrics>>>>,
}

impl ServerMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            duration: Family::new_with_constructor(HttpDurations),
            active: Family::default(),
            request_bytes: Family::default(),
            response_bytes: Family::default(),
            routes: RwLock::default(),
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

    /// The instruments of a route, which is looked up once a request.
    pub(super) fn of(&self, method: &'static str, route: &str) -> Arc<RouteMetrics> {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let found = known
            .get(route)
            .and_then(|methods| methods.iter().find(|known| known.method == method));
        if let Some(found) = found {
            return Arc::clone(found);
        }
        drop(known);
        let made = Arc::new(self.make(method, route));
        let mut known = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        // Another may have made the same: they share their instruments.
        let methods = known.entry(Arc::clone(&made.route)).or_default();
        methods.push(Arc::clone(&made));
        made
    }

    fn make(&self, method: &'static str, route: &str) -> RouteMetrics {
        let labels = Asked {
            http_request_method: method,
            http_route: route.to_owned(),
        };
        RouteMetrics {
            method,
            route: route.into(),
            active: self.active.get_or_create_owned(&Active {
                http_request_method: method,
            }),
            request_bytes: self.request_bytes.get_or_create_owned(&labels),
            response_bytes: self.response_bytes.get_or_create_owned(&labels),
            durations: self.duration.clone(),
            by_status: RwLock::default(),
        }
    }
}

/// The instruments of one method of one route.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    method: &'static str,
    pub(crate) route: Arc<str>,
    pub(super) active: Gauge,
    pub(super) request_bytes: Counter,
    pub(super) response_bytes: Counter,
    durations: Family<Answered, Durations, HttpDurations>,
    /// The few statuses that the route answers with.
    by_status: RwLock<Vec<(u16, Observed)>>,
}

impl RouteMetrics {
    /// Observes a duration of an answer with this status, which ended at `at`.
    pub(super) fn observe(
        &self,
        status: u16,
        took: Duration,
        exemplar: Option<TraceExemplar>,
        at: Timestamp,
    ) {
        let known = self
            .by_status
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, observed)) = known.iter().find(|(known, _)| *known == status) {
            return observed.observe(took, exemplar, at);
        }
        drop(known);
        let durations = self.durations.get_or_create_owned(&Answered {
            http_request_method: self.method,
            http_route: self.route.as_ref().to_owned(),
            http_response_status_code: status,
        });
        let observed = Observed::new(durations);
        observed.observe(took, exemplar, at);
        let mut known = self
            .by_status
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known.push((status, observed));
    }
}
