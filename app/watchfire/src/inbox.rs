//! The demo's own receiver of notifications: it takes what PagerDuty, Slack and a webhook would
//! get, answers as they do, and keeps the last payloads for `/status`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use watchfire_dashboards::InboxEntry;
use watchfire_schemas::Clock;

/// How many payloads are kept.
const KEPT: usize = 50;

#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    /// Newest first. Locked only to add or to copy.
    entries: Arc<Mutex<VecDeque<InboxEntry>>>,
    clock: Arc<dyn Clock>,
}

impl Inbox {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            entries: Arc::default(),
            clock,
        }
    }

    pub(crate) fn recent(&self) -> Vec<InboxEntry> {
        self.entries
            .lock()
            .expect("no holder of this lock panics")
            .iter()
            .cloned()
            .collect()
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/demo/receiver/{kind}", post(receive))
            .with_state(self.clone())
    }
}

async fn receive(
    State(inbox): State<Inbox>,
    Path(kind): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let dedup_key = body.get("dedup_key").cloned().unwrap_or_default();
    let entry = InboxEntry {
        at: inbox.clock.now(),
        path: format!("/demo/receiver/{kind}"),
        body,
    };
    {
        let mut entries = inbox.entries.lock().expect("no holder of this lock panics");
        entries.push_front(entry);
        entries.truncate(KEPT);
    }
    match kind.as_str() {
        "pagerduty" => {
            let answer =
                json!({"status": "success", "message": "Event processed", "dedup_key": dedup_key});
            (StatusCode::ACCEPTED, Json(answer)).into_response()
        }
        "slack" => "ok".into_response(),
        _ => StatusCode::OK.into_response(),
    }
}
