//! Notifications waiting to be delivered, kept in the database.
//!
//! A row is added in the transaction of the change that it tells of, so neither is there without
//! the other. It is sent at least once: after a crash at any point what is not marked as delivered
//! is sent again. Each destination has a queue, a worker, an HTTP client, a rate and a breaker of
//! its own, so that none waits for another.

mod breaker;
mod bucket;
mod crew;
mod enqueue;
mod gate;
mod lane;
mod lanes;
mod meters;
mod pace;
mod queue;
mod report;
mod row;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::registry::Registry;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Clock;

use crate::notification::{DeliveryFeedback, NewNotification};
use crate::notify::Destination;
use crate::receivers::{GroupNotice, Receivers};
use crate::{Delivery, DestinationConfig, DestinationStatus, OpenError, StoreError};

use self::crew::Crew;
use self::enqueue::Message;
use self::lane::Lane;
use self::lanes::{Builder, Lanes};
use self::meters::{DropReason, Meters};
use self::pace::Pace;

#[derive(Debug)]
pub(crate) struct Outbox {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
    meters: Meters,
    pace: Pace,
    builder: Builder,
    /// Replaced as a whole, never held across an await.
    lanes: RwLock<Arc<Lanes>>,
    /// Told when they are replaced.
    relaid: Notify,
}

impl Outbox {
    /// The process must have a TLS provider by then.
    pub(crate) async fn open(
        pool: SqlitePool,
        (destinations, receivers): (Vec<DestinationConfig>, &Receivers),
        feedback: Arc<dyn DeliveryFeedback>,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let meters = Meters::register(registry);
        let pace = Pace::default();
        let addressed = (destinations, receivers);
        Self::open_with(pool, addressed, feedback, clock, (meters, pace)).await
    }

    async fn open_with(
        pool: SqlitePool,
        (destinations, receivers): (Vec<DestinationConfig>, &Receivers),
        feedback: Arc<dyn DeliveryFeedback>,
        clock: Arc<dyn Clock>,
        (meters, pace): (Meters, Pace),
    ) -> Result<Arc<Self>, OpenError> {
        let destinations = Destination::parse_all(destinations)?;
        let builder = Builder {
            pool: pool.clone(),
            feedback,
            clock: Arc::clone(&clock),
            meters: meters.clone(),
            pace: pace.clone(),
            keys: Arc::new(lanes::routing_keys(&destinations)),
        };
        let lanes = Lanes {
            incidents: builder.of_incidents(destinations)?,
            groups: builder.of_groups(receivers)?,
        };
        let outbox = Self {
            pool,
            clock,
            meters,
            pace,
            builder,
            lanes: RwLock::new(Arc::new(lanes)),
            relaid: Notify::new(),
        };
        outbox.expire_unconfigured().await?;
        Ok(Arc::new(outbox))
    }

    /// Puts other receivers in use. What waits for those that stay is sent to them as they are
    /// now; what waits for those that are gone waits until it is given up.
    pub(crate) fn set_receivers(&self, receivers: &Receivers) -> Result<(), OpenError> {
        let groups = self.builder.of_groups(receivers)?;
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        let incidents = lanes.incidents.clone();
        *lanes = Arc::new(Lanes { incidents, groups });
        drop(lanes);
        self.relaid.notify_one();
        Ok(())
    }

    fn lanes(&self) -> Arc<Lanes> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&lanes)
    }

    /// The names of the configured destinations of incidents.
    pub(crate) fn destination_names(&self) -> Vec<String> {
        let lanes = self.lanes();
        let names = lanes.incidents.iter().map(|lane| lane.name().to_owned());
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
        let lanes = self.lanes();
        for row in rows {
            let Some(lane) = lanes.incident(&row.destination) else {
                self.unconfigured(&row.destination);
                continue;
            };
            let message = Message::of_incident(row);
            self.put(&mut *tx, lane, &message).await?;
        }
        Ok(())
    }

    /// Adds what is said to one integration of a receiver, within the caller's transaction, as
    /// [`Self::enqueue`] does: in order for each group, and where an earlier notice of the group
    /// has not been attempted, in its place.
    pub(crate) async fn enqueue_group(
        &self,
        tx: &mut SqliteConnection,
        notice: &GroupNotice,
    ) -> Result<(), sqlx::Error> {
        let lanes = self.lanes();
        let of_receiver = |lane: &&Arc<Lane>| {
            let integration = lane.integration.as_ref();
            integration.is_some_and(|integration| integration.receiver == notice.receiver)
        };
        let lane = lanes
            .groups
            .iter()
            .filter(of_receiver)
            .nth(notice.integration);
        let Some((lane, integration)) = lane.and_then(|it| Some((it, it.integration.as_ref()?)))
        else {
            self.unconfigured(&notice.receiver);
            return Ok(());
        };
        let firing;
        let notice = if integration.send_resolved {
            notice
        } else {
            match notice.only_firing() {
                Some(kept) => firing = kept,
                None => return Ok(()),
            }
            &firing
        };
        let message = Message::of_group(notice, integration);
        self.put(tx, lane, &message).await
    }

    async fn put(
        &self,
        tx: &mut SqliteConnection,
        lane: &Lane,
        message: &Message<'_>,
    ) -> Result<(), sqlx::Error> {
        let destination = lane.sender.destination();
        let times = (self.clock.now(), self.pace.retry.give_up_after);
        let dropped = enqueue::insert(tx, destination, message, times).await?;
        for reason in dropped {
            self.meters.dropped(lane.name(), reason, 1);
        }
        Ok(())
    }

    fn unconfigured(&self, name: &str) {
        tracing::warn!(destination = name, "there is no destination {name}");
        self.meters.dropped(name, DropReason::Unconfigured, 1);
    }

    pub(crate) fn wake(&self) {
        for lane in self.lanes().all() {
            lane.wake.notify_one();
        }
    }

    /// Delivers until cancelled; then finishes what is in flight.
    pub(crate) async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut crew = Crew::default();
        while !cancel.is_cancelled() {
            crew.fit(&self.lanes(), &cancel);
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.relaid.notified() => {}
                () = crew.one_ended() => {}
            }
        }
        crew.all_ended().await;
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
        let lanes = self.lanes();
        let mut statuses = Vec::new();
        for lane in lanes.all() {
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
        let lanes = self.lanes();
        let names: Vec<String> = lanes.all().map(|lane| lane.name().to_owned()).collect();
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
