//! Notifications waiting to be delivered, kept in the database.
//!
//! A row is added in the transaction of the change that it tells of, so neither is there without
//! the other. It is sent at least once: after a crash at any point what is not marked as delivered
//! is sent again. Each destination has a queue, a worker, an HTTP client, a rate and a breaker of
//! its own, so that none waits for another.

mod breaker;
mod bucket;
mod enqueue;
mod gate;
mod lane;
mod meters;
mod pace;
mod queue;
mod report;
mod row;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use prometheus_client::registry::Registry;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Clock;

use crate::notification::{DeliveryFeedback, NewNotification};
use crate::notify::{Destination, Sender};
use crate::{Delivery, DestinationConfig, DestinationStatus, OpenError, Secret, StoreError};

use self::bucket::TokenBucket;
use self::gate::Gate;
use self::lane::Lane;
use self::meters::{DropReason, Meters};
use self::pace::Pace;
use self::worker::Worker;

#[derive(Debug)]
pub(crate) struct Outbox {
    pool: SqlitePool,
    lanes: Vec<Arc<Lane>>,
    clock: Arc<dyn Clock>,
    meters: Meters,
    pace: Pace,
}

impl Outbox {
    /// The process must have a TLS provider by then.
    pub(crate) async fn open(
        pool: SqlitePool,
        destinations: Vec<DestinationConfig>,
        feedback: Arc<dyn DeliveryFeedback>,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let meters = Meters::register(registry);
        let pace = Pace::default();
        Self::open_with(pool, destinations, feedback, clock, meters, pace).await
    }

    async fn open_with(
        pool: SqlitePool,
        destinations: Vec<DestinationConfig>,
        feedback: Arc<dyn DeliveryFeedback>,
        clock: Arc<dyn Clock>,
        meters: Meters,
        pace: Pace,
    ) -> Result<Arc<Self>, OpenError> {
        let destinations = Destination::parse_all(destinations)?;
        let keys = Arc::new(routing_keys(&destinations));
        let mut buckets = HashMap::new();
        let mut lanes = Vec::with_capacity(destinations.len());
        for destination in destinations {
            let name = destination.name.clone();
            let bucket = bucket_of(&mut buckets, &destination, &pace);
            let sender = Sender::new(destination, &pace.timeouts).map_err(|reason| {
                OpenError::Destination {
                    name: name.clone(),
                    reason: reason.to_owned(),
                }
            })?;
            lanes.push(Arc::new(Lane {
                sender,
                pool: pool.clone(),
                feedback: Arc::clone(&feedback),
                clock: Arc::clone(&clock),
                retry: pace.retry.clone(),
                meters: meters.of(&name),
                keys: Arc::clone(&keys),
                bucket,
                gate: Mutex::new(Gate::new(pace.breaker.clone())),
                wake: Notify::new(),
            }));
        }
        let outbox = Self {
            pool,
            lanes,
            clock,
            meters,
            pace,
        };
        outbox.expire_unconfigured().await?;
        Ok(Arc::new(outbox))
    }

    /// The names of the configured destinations.
    pub(crate) fn destination_names(&self) -> Vec<String> {
        let names = self.lanes.iter().map(|lane| lane.name().to_owned());
        names.collect()
    }

    /// Adds rows within the caller's transaction, which must have been begun with
    /// `BEGIN IMMEDIATE`; call [`Self::wake`] after it is committed.
    ///
    /// A row may be dropped at once, or drop others: see [`enqueue::insert`].
    pub(crate) async fn enqueue(
        &self,
        tx: &mut SqliteConnection,
        rows: &[NewNotification],
    ) -> Result<(), sqlx::Error> {
        let now = self.clock.now();
        for row in rows {
            let lane = self
                .lanes
                .iter()
                .find(|lane| lane.name() == row.destination);
            let Some(lane) = lane else {
                let name = &row.destination;
                tracing::warn!(destination = name, "there is no destination {name}");
                self.meters.dropped(name, DropReason::Unconfigured, 1);
                continue;
            };
            let destination = lane.sender.destination();
            let give_up_after = self.pace.retry.give_up_after;
            let dropped = enqueue::insert(&mut *tx, destination, row, now, give_up_after).await?;
            for reason in dropped {
                self.meters.dropped(&row.destination, reason, 1);
            }
        }
        Ok(())
    }

    pub(crate) fn wake(&self) {
        for lane in &self.lanes {
            lane.wake.notify_one();
        }
    }

    /// Delivers until cancelled; then finishes what is in flight.
    pub(crate) async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut workers = JoinSet::new();
        for lane in &self.lanes {
            workers.spawn(Worker::new(Arc::clone(lane)).run(cancel.clone()));
        }
        while let Some(ended) = workers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(error = %error, "a delivery worker broke down");
            }
        }
    }

    /// The newest first; of one incident or of all.
    pub(crate) async fn deliveries(
        &self,
        incident: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        Ok(report::deliveries(&self.pool, incident, limit).await?)
    }

    /// The configured ones in their order, then those that are gone but still have something
    /// waiting.
    pub(crate) async fn destinations(&self) -> Result<Vec<DestinationStatus>, StoreError> {
        let mut known = report::destinations(&self.pool).await?;
        let mut statuses = Vec::with_capacity(self.lanes.len());
        for lane in &self.lanes {
            let at = known.iter().position(|status| status.name == lane.name());
            let mut status = at.map_or_else(|| unused(lane), |at| known.swap_remove(at));
            lane.sender
                .destination()
                .kind
                .as_str()
                .clone_into(&mut status.kind);
            status.breaker_open = lane.gate().breaker_code() > 0;
            statuses.push(status);
        }
        known.sort_by(|a, b| a.name.cmp(&b.name));
        let orphans = known.into_iter().filter(|status| status.queued > 0);
        statuses.extend(orphans.map(|status| DestinationStatus {
            last_error: Some("the destination is no longer configured".to_owned()),
            ..status
        }));
        Ok(statuses)
    }

    async fn expire_unconfigured(&self) -> Result<(), OpenError> {
        let names = self.destination_names();
        let expired = queue::expire_unconfigured(&self.pool, &names, self.clock.now())
            .await
            .map_err(|error| OpenError::Store(StoreError(error)))?;
        if expired > 0 {
            tracing::error!(
                expired,
                "{expired} messages were given up: their destinations are no longer configured"
            );
        }
        Ok(())
    }
}

fn routing_keys(destinations: &[Destination]) -> HashMap<String, Secret> {
    let keys = destinations.iter().filter_map(|it| it.routing_key.clone());
    keys.map(|key| (key.fingerprint(), key)).collect()
}

/// Two destinations with the same routing key share what `PagerDuty` allows for it.
fn bucket_of(
    buckets: &mut HashMap<String, Arc<Mutex<TokenBucket>>>,
    destination: &Destination,
    pace: &Pace,
) -> Arc<Mutex<TokenBucket>> {
    let shared = destination.routing_key.as_ref().unwrap_or(&destination.url);
    let bucket = buckets.entry(shared.fingerprint()).or_insert_with(|| {
        let rate = pace.rate_of(destination.kind);
        Arc::new(Mutex::new(TokenBucket::full(rate, Instant::now())))
    });
    Arc::clone(bucket)
}

fn unused(lane: &Lane) -> DestinationStatus {
    DestinationStatus {
        name: lane.name().to_owned(),
        kind: String::new(),
        queued: 0,
        delivered: 0,
        dead: 0,
        last_success_at: None,
        last_error: None,
        breaker_open: false,
    }
}
