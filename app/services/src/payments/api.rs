//! What clients of the payments service can ask.

mod accept;
mod account;
mod answer;
mod dead_letter;
mod ledger;
mod notification;
mod payment;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use http::header::CONTENT_TYPE;
use prometheus_client::metrics::counter::Counter;
use watchfire_schemas::Clock;
use watchfire_telemetry::Telemetry;

use crate::database::Database;
use crate::payments::pipeline::Pipeline;
use crate::payments::writer::Writer;
use crate::problem::{no_method, no_route};
use crate::secret::Secret;

/// What the routes work with.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) database: Database,
    pub(crate) writer: Writer,
    pub(crate) clock: Arc<dyn Clock>,
    /// Of the service, not of its worker.
    pub(crate) telemetry: Telemetry,
    pub(crate) replayed: Counter,
    /// For what the provider tells by itself.
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) provider_secret: Secret,
}

/// The routes, as telemetry names them; the gateway offers the same under `/payments`.
pub(crate) const ROUTES: &[&str] = &[
    "/openapi.json",
    "/v1/payments",
    "/v1/payments/{id}",
    "/v1/payments/{id}/capture",
    "/v1/payments/{id}/cancel",
    "/v1/payments/{id}/refunds",
    "/v1/accounts",
    "/v1/accounts/{id}",
    "/v1/ledger/entries",
    "/v1/ledger/check",
    "/v1/dead-letters",
    "/v1/dead-letters/{id}/redrive",
    "/v1/webhooks",
    "/v1/webhooks/{id}",
    "/v1/provider/notifications",
];

const OPENAPI: &str = include_str!("../../../../schemas/openapi/payments.v1.json");
/// Every body here is a small object.
const MAX_BODY: usize = 16 << 10;

pub(crate) fn router(api: Api) -> Router {
    let openapi = || async { ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response() };
    Router::new()
        .route("/openapi.json", get(openapi))
        .route("/v1/payments", get(payment::list).post(payment::create))
        .route("/v1/payments/{id}", get(payment::show))
        .route("/v1/payments/{id}/capture", post(payment::capture))
        .route("/v1/payments/{id}/cancel", post(payment::cancel))
        .route("/v1/payments/{id}/refunds", post(payment::refund))
        .route("/v1/accounts", get(account::list))
        .route("/v1/accounts/{id}", put(account::open).get(account::show))
        .route("/v1/ledger/entries", get(ledger::entries))
        .route("/v1/ledger/check", get(ledger::check))
        .route("/v1/dead-letters", get(dead_letter::list))
        .route("/v1/dead-letters/{id}/redrive", post(dead_letter::redrive))
        .route("/v1/webhooks", get(webhook::list).post(webhook::subscribe))
        .route("/v1/webhooks/{id}", delete(webhook::leave))
        .route("/v1/provider/notifications", post(notification::take))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(api))
}

#[cfg(test)]
mod tests;
