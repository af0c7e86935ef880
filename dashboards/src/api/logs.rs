//! `/api/v1/logs` and what belongs to it: histogram, fields, context, live tail.

mod context;
mod fields;
mod histogram;
mod page;
mod search;
mod tail;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use watchfire_logsearch::EventStore;
use watchfire_schemas::Clock;

pub(super) use page::PageOfRecords;
pub(crate) use page::line_with_id;

use crate::Console;

/// What these routes are answered from.
#[derive(Debug, Clone)]
pub(super) struct Logs {
    events: Arc<EventStore>,
    clock: Arc<dyn Clock>,
}

impl FromRef<Console> for Logs {
    fn from_ref(console: &Console) -> Self {
        Self {
            events: Arc::clone(&console.events),
            clock: Arc::clone(&console.clock),
        }
    }
}

pub(super) fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Logs: FromRef<S>,
{
    Router::new()
        .route("/api/v1/logs", get(search::answer))
        .route("/api/v1/logs/histogram", get(histogram::answer))
        .route("/api/v1/logs/fields", get(fields::answer))
        .route("/api/v1/logs/context", get(context::answer))
        .route("/api/v1/logs/tail", get(tail::answer))
}
