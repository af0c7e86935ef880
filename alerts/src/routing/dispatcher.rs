//! Takes alerts in, and flushes groups when their time has come.

use std::collections::HashMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use watchfire_schemas::{LabelSet, Timestamp};

use super::alert::RoutedAlert;
use super::flush::Flush;
use super::held::{Change, GroupId};
use super::suppression::Hush;
use super::{notification_log, silence, store};
use crate::incident::store as incidents;
use crate::{Alerts, StoreError};

/// How long the dispatcher sleeps at most.
const LOOK: Duration = Duration::from_secs(1);
/// How many groups are flushed in one transaction.
const MOST_AT_ONCE: usize = 200;
/// How often it is looked for what need not be remembered.
const TIDY: Duration = Duration::from_secs(30);

/// What the dispatcher knows besides what it holds; of one writer at a time.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(super) rules: super::rule_alerts::Told,
    /// The version of what is held, and when received alerts were last taken over into incidents.
    pub(super) received: Option<(u64, Timestamp)>,
    tidied: Option<Timestamp>,
}

impl Alerts {
    /// Flushes groups at their times and takes over what rules say, until cancelled.
    pub(crate) async fn run_routing(&self, cancel: CancellationToken) {
        loop {
            if let Err(error) = self.dispatch().await {
                self.meters.store_failures.inc();
                tracing::error!(error = %error.0, "alerts were not routed, next tick tries again");
            }
            let now = self.clock.now();
            let due = self
                .routing
                .held()
                .groups
                .values()
                .map(|g| g.next_flush)
                .min();
            let pause = due.map_or(LOOK, |due| due.since(now).min(LOOK));
            tokio::select! {
                () = cancel.cancelled() => return,
                () = self.routing.wake.notified() => {}
                () = tokio::time::sleep(pause.max(Duration::from_millis(5))) => {}
            }
        }
    }

    /// Does what is due now.
    pub async fn dispatch(&self) -> Result<(), StoreError> {
        self.take_rule_alerts().await?;
        self.keep_received_incidents().await?;
        while self.flush_due().await? == MOST_AT_ONCE {}
        self.tidy().await
    }

    /// Takes alerts in: into the database and into the groups of their routes.
    pub(crate) async fn route_alerts(&self, alerts: Vec<RoutedAlert>) -> Result<(), StoreError> {
        let _one_at_a_time = self.routing.writing.lock().await;
        self.route_within(alerts).await?;
        self.routing.wake.notify_one();
        Ok(())
    }

    /// As [`Self::route_alerts`], for who holds the right to write.
    pub(super) async fn route_within(&self, alerts: Vec<RoutedAlert>) -> Result<(), StoreError> {
        if alerts.is_empty() {
            return Ok(());
        }
        let (config, now) = (self.routing.config(), self.clock.now());
        let changes = self.routing.held().told(alerts, &config.routes.route, now);
        self.commit(changes).await
    }

    pub(super) async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        store::write(&mut tx, &changes).await?;
        tx.commit().await?;
        self.routing.apply(changes);
        Ok(())
    }

    /// Flushes groups that are due, as many as one transaction should take; how many.
    async fn flush_due(&self) -> Result<usize, StoreError> {
        let _one_at_a_time = self.routing.writing.lock().await;
        let now = self.clock.now();
        let mut flushes = self.due(now);
        if flushes.is_empty() {
            return Ok(0);
        }
        if flushes
            .iter()
            .any(|flush| flush.labels_told().next().is_some())
        {
            let incidents = self.incidents_of_alerts().await?;
            for flush in &mut flushes {
                flush.belongs(&incidents);
            }
        }
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let (count, mut notified) = (flushes.len(), 0);
        let mut changes = Vec::new();
        for flush in flushes {
            notified += self.notify_group(&mut tx, &flush, now).await?;
            changes.extend(flush.changes(now));
        }
        store::write(&mut tx, &changes).await?;
        tx.commit().await?;
        self.routing.apply(changes);
        if notified > 0 {
            self.outbox.wake();
        }
        Ok(count)
    }

    fn due(&self, now: Timestamp) -> Vec<Flush> {
        let (config, silences) = (self.routing.config(), self.routing.silences());
        let held = self.routing.held();
        let hush = Hush::new(&config, &held, &silences, now);
        let mut due: Vec<(&GroupId, _)> = held
            .groups
            .iter()
            .filter(|(_, group)| group.next_flush <= now)
            .collect();
        due.sort_by_key(|(_, group)| group.next_flush);
        due.truncate(MOST_AT_ONCE);
        let meters = &self.routing.meters;
        let flush = |(id, group): (&GroupId, &super::held::Group)| {
            let route = config.routes.route.by_path(&id.route)?.clone();
            let count = |by| meters.suppressed(by);
            Some(Flush::new(id.clone(), group.clone(), route, &hush, count))
        };
        due.into_iter().filter_map(flush).collect()
    }

    /// The open incidents, by the labels of their alerts as they were told.
    async fn incidents_of_alerts(&self) -> Result<HashMap<LabelSet, String>, StoreError> {
        let mut known = HashMap::new();
        for incident in incidents::open(&self.pool).await? {
            for alert in &incident.body.alerts {
                known.insert(alert.alert.labels.clone(), incident.id.clone());
            }
        }
        let received: Vec<(LabelSet, LabelSet)> = self.received_labels();
        for (told, kept) in received {
            if let Some(id) = known.get(&kept).cloned() {
                known.insert(told, id);
            }
        }
        Ok(known)
    }

    /// Forgets what need not be remembered.
    async fn tidy(&self) -> Result<(), StoreError> {
        let mut writer = self.routing.writing.lock().await;
        let now = self.clock.now();
        if writer.tidied.is_some_and(|at| now.since(at) < TIDY) {
            return Ok(());
        }
        let changes = self.routing.held().outlived(now);
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        store::write(&mut tx, &changes).await?;
        notification_log::forget_expired(&mut tx, now).await?;
        silence::store::forget_old(&mut tx, now).await?;
        tx.commit().await?;
        self.routing.apply(changes);
        self.routing.forget_silences(now);
        writer.tidied = Some(now);
        Ok(())
    }
}
