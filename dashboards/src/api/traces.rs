//! `/api/v1/traces` and what belongs to it: one trace, its outline, figures of groups, the scatter,
//! the comparison, fields and their values.

mod comparison;
mod fields;
mod groups;
mod one;
mod scatter;
mod search;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use watchfire_logsearch::EventStore;
use watchfire_schemas::Clock;

use crate::Console;

/// What these routes are answered from.
#[derive(Debug, Clone)]
pub(super) struct Traces {
    events: Arc<EventStore>,
    clock: Arc<dyn Clock>,
}

impl FromRef<Console> for Traces {
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
    Traces: FromRef<S>,
{
    Router::new()
        .route("/api/v1/traces", get(search::answer))
        .route("/api/v1/traces/groups", get(groups::answer))
        .route("/api/v1/traces/scatter", get(scatter::answer))
        .route("/api/v1/traces/comparison", get(comparison::answer))
        .route("/api/v1/traces/fields", get(fields::list))
        .route("/api/v1/traces/values", get(fields::values))
        .route("/api/v1/traces/{trace_id}", get(one::whole))
        .route("/api/v1/traces/{trace_id}/outline", get(one::outline))
}

/// In milliseconds, as all durations of these answers.
fn millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}
