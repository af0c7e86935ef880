//! Alertmanager's API, version 2: clients of it, such as `amtool` and Prometheus, work against us.

mod alerts;
mod answer;
mod filters;
mod form;
mod groups;
mod silences;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::{AlertmanagerFile, Alerts};
use answer::failed;

/// `/alertmanager/api/v2` and `/alertmanager/-`.
pub(super) fn router(alerts: Arc<Alerts>) -> Router {
    let api = Router::new()
        .route("/status", get(status::status))
        .route("/receivers", get(status::receivers))
        .route("/alerts", get(alerts::list).post(alerts::receive))
        .route("/alerts/groups", get(groups::list))
        .route("/silences", get(silences::list).post(silences::put))
        .route("/silence/{id}", get(silences::one).delete(silences::expire))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(Arc::clone(&alerts));
    let management = Router::new()
        .route("/healthy", get(async || "OK"))
        .route("/ready", get(async || "OK"))
        .route("/reload", post(reload))
        .with_state(alerts);
    // What links in messages lead to: the page of alerts stands in for Alertmanager's own.
    let page = || get(async || Redirect::temporary("/alerts"));
    Router::new()
        .route("/alertmanager", page())
        .route("/alertmanager/", page())
        .nest("/alertmanager/api/v2", api)
        .nest("/alertmanager/-", management)
}

async fn not_found(uri: Uri) -> Response {
    let reason = format!("path /api/v2{} was not found", uri.path());
    failed(StatusCode::NOT_FOUND, 404, &reason)
}

async fn not_allowed(method: Method) -> Response {
    let reason = format!("method {method} is not allowed");
    failed(StatusCode::METHOD_NOT_ALLOWED, 405, &reason)
}

async fn reload(State(alerts): State<Arc<Alerts>>) -> Response {
    let Some(file) = &alerts.config.alertmanager else {
        return StatusCode::OK.into_response();
    };
    let file = match AlertmanagerFile::read(file.path.clone()).await {
        Ok(file) => file,
        Err(error) => {
            alerts.routing_reload_refused();
            let path = file.path.display();
            return reload_failed(&format!("{path} cannot be read: {error}"));
        }
    };
    match alerts.reload_routing(&file).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => reload_failed(&error.to_string()),
    }
}

fn reload_failed(reason: &str) -> Response {
    tracing::error!(%reason, "the routing configuration cannot be read anew, the one before stays in use");
    let text = format!("failed to reload config: {reason}\n");
    (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
}
