//! Prometheus' HTTP API, as far as it reads, under `/prometheus`.
//!
//! What is written into us (remote write) and what rules say (`rules`, `alerts`) is served by those
//! who own it, under the same prefix.

mod catalog;
mod cors;
mod escaped_name;
mod federate;
mod histogram_json;
mod params;
mod query;
mod remote_read;
mod reply;
mod result_json;
mod status;
mod targets;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use crate::Tsdb;
pub use status::ServerFacts;
pub use targets::TargetBoard;

/// What handlers share.
#[derive(Debug, Clone)]
struct Api {
    tsdb: Arc<Tsdb>,
    facts: Arc<ServerFacts>,
    reads: remote_read::Reads,
}

/// `/prometheus/api/v1/…`, `/prometheus/federate` and `/prometheus/-/{healthy,ready}`.
pub fn http_router(tsdb: Arc<Tsdb>, facts: ServerFacts) -> Router {
    let api = Api {
        tsdb,
        facts: Arc::new(facts),
        reads: remote_read::Reads::default(),
    };
    let v1 = Router::new()
        .route("/query", get_or_post(query::query))
        .route("/query_range", get_or_post(query::query_range))
        .route("/query_exemplars", get_or_post(query::query_exemplars))
        .route("/format_query", get_or_post(query::format_query))
        .route("/series", get_or_post(catalog::series))
        .route("/labels", get_or_post(catalog::labels))
        .route("/label/{name}/values", get(catalog::label_values))
        .route("/metadata", get(catalog::metadata))
        .route("/read", post(remote_read::read))
        .route("/targets", get(targets::targets))
        .route("/targets/metadata", get(targets::metadata))
        .route("/scrape_pools", get(targets::scrape_pools))
        .route("/alertmanagers", get(status::alertmanagers))
        .route("/status/buildinfo", get(status::build_info))
        .route("/status/runtimeinfo", get(status::runtime_info))
        .route("/status/config", get(status::config))
        .route("/status/flags", get(status::flags))
        .route("/status/tsdb", get(status::tsdb))
        .route("/status/walreplay", get(status::wal_replay));
    let all = Router::new()
        .nest("/api/v1", v1)
        .route("/federate", get(federate::federate))
        .route("/-/healthy", get(status::healthy))
        .route("/-/ready", get(status::ready))
        .layer(from_fn_with_state(api.clone(), cors::cors))
        .with_state(api);
    Router::new().nest("/prometheus", all)
}

fn get_or_post<H, T>(handler: H) -> MethodRouter<Api>
where
    H: axum::handler::Handler<T, Api>,
    T: 'static,
{
    get(handler.clone()).post(handler)
}
