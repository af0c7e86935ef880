//! Jaeger's query API under `/jaeger/api`: what Jaeger's page and Grafana ask.
//!
//! The routes of Jaeger 1 (`/api/services`, `/api/traces` …), which Grafana calls, those of the
//! monitor (`/api/metrics/…`), and API v3 (`/api/v3/…`), by which newer pages of Jaeger's search.

mod answer;
mod asked;
mod dependencies;
mod found;
mod go_duration;
mod monitor;
mod names;
mod shape;
mod tag;
mod traces;
mod v3;

use axum::Router;
use axum::routing::get;

use crate::Console;

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .route("/jaeger/api/services", get(names::services))
        .route("/jaeger/api/services/{*rest}", get(names::operations))
        .route("/jaeger/api/operations", get(names::operations_by_kind))
        .route("/jaeger/api/traces", get(traces::search))
        .route("/jaeger/api/traces/{id}", get(traces::one))
        .route("/jaeger/api/dependencies", get(dependencies::dependencies))
        .route("/jaeger/api/metrics/calls", get(monitor::calls))
        .route("/jaeger/api/metrics/errors", get(monitor::errors))
        .route("/jaeger/api/metrics/latencies", get(monitor::latencies))
        .route("/jaeger/api/v3/services", get(v3::services))
        .route("/jaeger/api/v3/operations", get(v3::operations))
        .route("/jaeger/api/v3/traces", get(v3::traces))
        .route("/jaeger/api/v3/traces/{id}", get(v3::one))
        .route("/jaeger/api/v3/trace-summaries", get(v3::summaries))
}
