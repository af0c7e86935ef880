//! What clients ask first: who we are, how alerts are routed, and to whom.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer::time;
use super::filters::{Pairs, ReceiverFilter};
use crate::Alerts;

/// The configuration is told without what receivers hold: that may be secret.
pub(super) async fn status(State(alerts): State<Arc<Alerts>>) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let config = alerts.routing.config();
    Json(json!({
        "cluster": {"peers": [], "status": "disabled"},
        "config": {"original": config.routes.written()},
        "uptime": time(alerts.routing.opened_at),
        "versionInfo": {
            "branch": "watchfire",
            "buildDate": "",
            "buildUser": "",
            "goVersion": "",
            "revision": version,
            "version": version,
        },
    }))
    .into_response()
}

pub(super) async fn receivers(
    State(alerts): State<Arc<Alerts>>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let filter = match ReceiverFilter::read(&pairs) {
        Ok(filter) => filter,
        Err(refusal) => return *refusal,
    };
    let config = alerts.routing.config();
    let receivers = config.routes.receivers.iter();
    let wanted = receivers.filter(|name| filter.wants(name));
    let shown: Vec<Value> = wanted.map(|name| json!({"name": name})).collect();
    Json(shown).into_response()
}
