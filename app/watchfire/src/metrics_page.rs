//! `/metrics`, `/healthz`, `/readyz`.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use watchfire_collector::Collector;
use watchfire_telemetry::metrics_response;

use crate::listeners::problem;

#[derive(Debug, Clone)]
struct Health {
    registry: Arc<Mutex<Registry>>,
    collector: Arc<Collector>,
}

pub(crate) fn router(registry: Arc<Mutex<Registry>>, collector: Arc<Collector>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(Health {
            registry,
            collector,
        })
}

async fn metrics(State(health): State<Health>, headers: HeaderMap) -> Response {
    let registry = health
        .registry
        .lock()
        .expect("no holder of this lock panics");
    metrics_response(&headers, &registry)
}

async fn ready(State(health): State<Health>) -> Response {
    match health.collector.is_ready() {
        Ok(()) => "ready\n".into_response(),
        Err(refusal) => problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not ready",
            &refusal.to_string(),
        ),
    }
}
