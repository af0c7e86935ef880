//! The records around one.

use std::sync::Arc;

use crate::query_types::{ContextSearch, LogContext, QueryError};
use crate::store::EventStore;

impl EventStore {
    /// The records around one that share with it what `by` says, in exact order.
    pub async fn log_context(
        self: &Arc<Self>,
        search: ContextSearch,
    ) -> Result<LogContext, QueryError> {
        unimplemented!("{search:?}")
    }
}
