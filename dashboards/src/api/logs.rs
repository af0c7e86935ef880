//! `/api/v1/logs` and what belongs to it: histogram, fields, context, live tail.

mod context;
mod fields;
mod histogram;
mod page;
mod search;
mod tail;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;

pub(super) use page::PageOfRecords;
pub(crate) use page::line_with_id;

use super::events::Events;

pub(super) fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Events: FromRef<S>,
{
    Router::new()
        .route("/api/v1/logs", get(search::answer))
        .route("/api/v1/logs/histogram", get(histogram::answer))
        .route("/api/v1/logs/fields", get(fields::answer))
        .route("/api/v1/logs/context", get(context::answer))
        .route("/api/v1/logs/tail", get(tail::answer))
}
