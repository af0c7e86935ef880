//! Notifications waiting to be delivered, kept in the database.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use sqlx::{SqliteConnection, SqlitePool};
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Clock;

use crate::notification::{DeliveryFeedback, NewNotification};
use crate::{Delivery, DestinationConfig, DestinationStatus, OpenError, StoreError};

#[derive(Debug)]
pub(crate) struct Outbox {}

impl Outbox {
    pub(crate) async fn open(
        pool: SqlitePool,
        destinations: Vec<DestinationConfig>,
        feedback: Arc<dyn DeliveryFeedback>,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let _ = (pool, destinations, feedback, clock, registry);
        unimplemented!()
    }

    /// The names of the configured destinations.
    pub(crate) fn destination_names(&self) -> Vec<String> {
        unimplemented!()
    }

    /// Adds rows within the caller's transaction; call [`Self::wake`] after it is committed.
    pub(crate) async fn enqueue(
        &self,
        tx: &mut SqliteConnection,
        rows: &[NewNotification],
    ) -> Result<(), sqlx::Error> {
        let _ = (tx, rows);
        unimplemented!()
    }

    pub(crate) fn wake(&self) {
        unimplemented!()
    }

    /// Delivers until cancelled; then finishes what is in flight.
    pub(crate) async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let _ = cancel;
        unimplemented!()
    }

    pub(crate) async fn deliveries(
        &self,
        incident: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let _ = (incident, limit);
        unimplemented!()
    }

    pub(crate) async fn destinations(&self) -> Result<Vec<DestinationStatus>, StoreError> {
        unimplemented!()
    }
}
