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

use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;

use super::events::Events;

pub(super) fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Events: FromRef<S>,
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
