//! Records as they arrive.

use std::sync::Arc;

use crate::query_types::{QueryError, TailEvent};
use crate::store::EventStore;

/// Records of a query as they arrive. It holds none of them: what is not asked for in time is
/// counted and skipped.
#[derive(Debug)]
pub struct LogTail {
    query: String,
}

impl LogTail {
    /// The same with at most so many records a second.
    #[must_use]
    pub fn at_most(self, records_per_second: usize) -> Self {
        unimplemented!("{records_per_second}")
    }

    /// Waits for matching records; `None` when the store stops. Cancelling loses nothing: what was
    /// not given is given, or counted, by the next call.
    pub async fn next(&mut self) -> Option<TailEvent> {
        unimplemented!("{}", self.query)
    }
}

impl EventStore {
    /// Follows a query from now on. A pipe in it is ignored.
    pub async fn log_tail(self: &Arc<Self>, query: String) -> Result<LogTail, QueryError> {
        unimplemented!("{query}")
    }
}
