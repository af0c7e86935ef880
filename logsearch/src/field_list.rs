//! Which fields the records of a query have.

use std::sync::Arc;
use std::time::Duration;

use watchfire_schemas::TimeRange;

use crate::query_types::{FieldList, QueryError};
use crate::store::EventStore;

impl EventStore {
    /// The fields that the records of a query have, with what they hold and in how many records.
    pub async fn log_fields(
        self: &Arc<Self>,
        query: String,
        range: TimeRange,
        deadline: Duration,
    ) -> Result<FieldList, QueryError> {
        unimplemented!("{query} {range:?} {deadline:?}")
    }
}
