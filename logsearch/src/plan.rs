//! How a query is answered.

use std::sync::Arc;

use watchfire_schemas::TimeRange;

use crate::query_types::{QueryError, QueryPlan};
use crate::store::EventStore;

/// How a query over logs would be answered, whatever the store holds.
pub fn plan_query(query: &str) -> Result<QueryPlan, QueryError> {
    unimplemented!("{query}")
}

impl EventStore {
    /// How a query over logs would be answered.
    pub async fn explain_query(
        self: &Arc<Self>,
        query: String,
        range: TimeRange,
    ) -> Result<QueryPlan, QueryError> {
        unimplemented!("{query} {range:?}")
    }
}
