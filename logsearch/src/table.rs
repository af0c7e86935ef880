//! What a pipe makes of the records of a query.

use std::sync::Arc;

use crate::query_types::{LogTable, LogTableSearch, QueryError};
use crate::store::EventStore;

impl EventStore {
    /// Answers a query that ends in a pipe.
    pub async fn log_table(
        self: &Arc<Self>,
        search: LogTableSearch,
    ) -> Result<LogTable, QueryError> {
        unimplemented!("{search:?}")
    }
}
