//! The source that the content service reads from: one feed a data set, each of entries that are
//! whole records or say that a record is gone, read onwards from a cursor. In the field these are
//! partners' APIs; here they are made up, and a pure function of the time, so that they go on
//! where they were after a restart.

mod articles;
mod atlas;
mod authors;
mod books;
mod countries;
mod data_set;
mod lodgings;
mod points;
mod prose;
mod record;
mod source;
mod tours;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use watchfire_schemas::Clock;

pub(crate) use record::Fields;
pub(crate) use source::Source;

/// The route of a feed.
pub(crate) const ENTRIES: &str = "/feeds/{feed}/entries";
/// How many entries one answer holds at most.
pub(crate) const MAX_ENTRIES: usize = 500;

/// One entry of a feed. Cursors only grow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) cursor: u64,
    pub(crate) id: String,
    /// The record as it is now; none if there is no such record any more.
    pub(crate) record: Option<Fields>,
}

/// An answer of a feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entries {
    pub(crate) entries: Vec<Entry>,
    /// The newest cursor there is.
    pub(crate) latest: u64,
}

#[derive(Debug, Deserialize)]
struct From {
    #[serde(default)]
    after: u64,
    #[serde(default = "most")]
    limit: usize,
}

fn most() -> usize {
    MAX_ENTRIES
}

/// What to ask a feed for.
pub(crate) fn entries_after(feed: &str, cursor: u64) -> String {
    let path = ENTRIES.replace("{feed}", feed);
    format!("{path}?after={cursor}&limit={MAX_ENTRIES}")
}

pub(crate) fn router(source: Arc<Source>, clock: Arc<dyn Clock>) -> Router {
    Router::new()
        .route(ENTRIES, get(entries))
        .with_state((source, clock))
}

async fn entries(
    State((source, clock)): State<(Arc<Source>, Arc<dyn Clock>)>,
    Path(feed): Path<String>,
    Query(from): Query<From>,
) -> Result<Json<Entries>, StatusCode> {
    let limit = from.limit.clamp(1, MAX_ENTRIES);
    let entries = source.entries(&feed, from.after, limit, clock.now());
    entries.map(Json).ok_or(StatusCode::NOT_FOUND)
}
