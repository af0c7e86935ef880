//! The source that the content service reads its places from: a feed of entries, each a whole
//! record, read onwards from a cursor. In the field this is a partner's API; here it is made up,
//! and a pure function of the time, so that it goes on where it was after a restart.

mod atlas;
mod countries;
mod points;
mod prose;
mod record;
mod revision;

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use watchfire_schemas::Clock;

pub(crate) use record::{Place, PointOfInterest, Record};
pub(crate) use revision::Source;

/// The route of the feed.
pub(crate) const ENTRIES: &str = "/entries";
/// How many entries one answer holds at most.
pub(crate) const MAX_ENTRIES: usize = 500;

/// One entry of the feed. Cursors only grow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) cursor: u64,
    pub(crate) record: Record,
}

/// An answer of the feed.
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

pub(crate) fn router(source: Arc<Source>, clock: Arc<dyn Clock>) -> Router {
    Router::new()
        .route(ENTRIES, get(entries))
        .with_state((source, clock))
}

async fn entries(
    State((source, clock)): State<(Arc<Source>, Arc<dyn Clock>)>,
    Query(from): Query<From>,
) -> Json<Entries> {
    let limit = from.limit.clamp(1, MAX_ENTRIES);
    Json(source.entries(from.after, limit, clock.now()))
}
