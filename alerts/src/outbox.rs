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
mod source;
mod stand_in;
mod trial;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::registry::Registry;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{ChangeEvent, Clock};

use crate::notification::{DeliveryFeedback, EventAction, NewNotification};
use crate::notify::Destination;
use crate::receivers::{GroupNotice, Receivers};
use crate::{Delivery, DestinationConfig, DestinationStatus, OpenError, StoreError};

use self::crew::Crew;
use self::enqueue::Message;
use self::lane::Lane;
use self::lanes::{Builder, Lanes};
use self::meters::{DropReason, Meters};
use self::pace::Pace;
use self::stand_in::Stranded;

/// How long it is known what was delivered, and what died.
const KEEP_DELIVERED: Duration = Duration::from_hours(30 * 24);
const KEEP_DEAD: Duration = Duration::from_hours(90 * 24);
const CLEAN_UP_EVERY: Duration = Duration::from_hours(1);

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
            keys: lanes::routing_keys(destinations.iter()),
        };
        let incidents = builder.of_incidents(destinations)?;
        let groups = builder.of_groups(receivers, &incidents)?;
        let lanes = Lanes { incidents, groups };
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
        let groups = self.builder.of_groups(receivers, &self.lanes().incidents)?;
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

    /// The names of the destinations that are told of incidents; those that only stand in are not
    /// among them.
    pub(crate) fn destination_names(&self) -> Vec<String> {
        let lanes = self.lanes();
        let told = lanes
            .incidents
            .iter()
            .filter(|lane| !lane.sender.destination().standby);
        told.map(|lane| lane.name().to_owned()).collect()
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
            let message = Message::of_incident(row.clone());
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
        let notice = if integration.send_resolved {
            notice.clone()
        } else {
            match notice.only_firing() {
                Some(kept) => kept,
                None => return Ok(()),
            }
        };
        let message = Message::of_group(notice, &integration.form);
        self.put(tx, lane, &message).await.map(drop)
    }

    /// Tells those who ask for changes of one, within the caller's transaction. The same change
    /// again is not told again.
    pub(crate) async fn enqueue_change(
        &self,
        tx: &mut SqliteConnection,
        change: &ChangeEvent,
        external_url: &str,
    ) -> Result<(), sqlx::Error> {
        let lanes = self.lanes();
        let asks = |lane: &&Arc<Lane>| lane.sender.destination().takes_changes;
        for lane in lanes.incidents.iter().filter(asks) {
            let message = Message::of_change(change.clone(), self.clock.now(), external_url);
            if !queue::is_known(&mut *tx, lane.name(), &message.dedup_key).await? {
                self.put(&mut *tx, lane, &message).await?;
            }
        }
        Ok(())
    }

    /// Gives the id of the row. Where the destination cannot be told, or its fallback was told of
    /// what this goes on with, the fallback is told as well.
    async fn put(
        &self,
        tx: &mut SqliteConnection,
        lane: &Lane,
        message: &Message<'_>,
    ) -> Result<Option<i64>, sqlx::Error> {
        let destination = lane.sender.destination();
        let times = (self.clock.now(), self.pace.retry.give_up_after);
        let put = enqueue::insert(&mut *tx, destination, message, times).await?;
        for reason in put.dropped {
            self.meters.dropped(lane.name(), reason, 1);
        }
        let (Some(door), Some(id)) = (&lane.fallback, put.id) else {
            return Ok(put.id);
        };
        let goes_on = message.action != EventAction::Trigger
            && door.was_told(&mut *tx, &message.dedup_key).await?;
        if destination.refused.is_some() || goes_on {
            let stranded = Stranded {
                id,
                dedup_key: &message.dedup_key,
                action: message.action,
                source: &message.source,
            };
            if door.take(tx, stranded, times).await? {
                lane.meters.failed_over();
            }
        }
        Ok(put.id)
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
        let mut clean_up = tokio::time::interval(CLEAN_UP_EVERY);
        while !cancel.is_cancelled() {
            crew.fit(&self.lanes(), &cancel);
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.relaid.notified() => {}
                () = crew.one_ended() => {}
                _ = clean_up.tick() => self.clean_up().await,
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

    /// The name of the destination at `PagerDuty` that was told of an incident, if it was one.
    pub(crate) async fn only_pagerduty_of(
        &self,
        incident: &str,
    ) -> Result<Option<String>, sqlx::Error> {
        let mut told = report::told_by_kind(&self.pool, incident, "pagerduty").await?;
        Ok(told.pop().filter(|_| told.is_empty()))
    }

    /// What was given up, the newest first.
    pub(crate) async fn dead_letters(&self, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        Ok(report::dead_letters(&self.pool, limit).await?)
    }

    pub(crate) async fn delivery(&self, id: i64) -> Result<Option<Delivery>, StoreError> {
        Ok(report::delivery(&self.pool, id).await?)
    }

    /// Puts a dead message back into its queue; see [`queue::revive`].
    pub(crate) async fn send_again(&self, id: i64) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let deadline = now + self.pace.retry.give_up_after;
        let revived = queue::revive(&self.pool, id, now, deadline).await?;
        self.wake();
        Ok(revived)
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
            if let Some(reason) = &lane.sender.destination().refused {
                status.last_error = Some(format!("not delivered to: {reason}"));
            }
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

    async fn clean_up(&self) {
        let now = self.clock.now();
        match queue::prune(&self.pool, now - KEEP_DELIVERED, now - KEEP_DEAD).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "{gone} old messages were forgotten"),
            Err(error) => tracing::error!(%error, "old messages could not be forgotten"),
        }
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
