//! What is said of a group when its time has come.

use std::collections::HashMap;

use sqlx::SqliteConnection;
use watchfire_schemas::{LabelSet, Timestamp};

use super::alert::{RoutedAlert, listed};
use super::held::{Change, Group, GroupId};
use super::meters::SuppressedBy;
use super::notification_log::{self, LogEntry, Wishes, reason};
use super::route::Route;
use super::store::hex;
use super::suppression::Hush;
use crate::Alerts;
use crate::receivers::{GroupAlert, GroupNotice};

/// A group as it is when it is flushed.
pub(super) struct Flush {
    id: GroupId,
    group: Group,
    route: Route,
    /// Of whom somebody is to be told.
    told: Vec<GroupAlert>,
    /// Those that are over: whoever was to be told of it has been.
    over: Vec<u64>,
}

impl Flush {
    /// Takes the alerts of a group as they stand, without those that are suppressed.
    pub(super) fn new(
        id: GroupId,
        group: Group,
        route: Route,
        hush: &Hush<'_>,
        mut suppressed: impl FnMut(SuppressedBy),
    ) -> Self {
        let members = group.members.iter();
        let mut alerts: Vec<&RoutedAlert> = members
            .filter_map(|fingerprint| hush.held.alerts.get(fingerprint))
            .collect();
        alerts.sort_by(|a, b| listed(&a.labels, &b.labels));
        let over = alerts.iter().filter(|alert| alert.is_resolved(hush.now));
        let over = over.map(|alert| alert.fingerprint()).collect();
        let is_muted = !hush.config.routes.muting(&route, hush.now).is_empty();
        alerts.retain(|alert| {
            let by = if hush.inhibited_by(&alert.labels).is_some() {
                SuppressedBy::Inhibition
            } else if is_muted {
                SuppressedBy::Muting
            } else if hush
                .silences
                .iter()
                .any(|s| s.silences(&alert.labels, hush.now))
            {
                SuppressedBy::Silence
            } else {
                return true;
            };
            suppressed(by);
            false
        });
        let told = alerts.into_iter().map(|alert| group_alert(alert, hush.now));
        Self {
            told: told.collect(),
            id,
            group,
            route,
            over,
        }
    }

    pub(super) fn labels_told(&self) -> impl Iterator<Item = &LabelSet> {
        self.told.iter().map(|alert| &alert.labels)
    }

    /// Says which incidents its alerts belong to.
    pub(super) fn belongs(&mut self, incidents: &HashMap<LabelSet, String>) {
        for alert in &mut self.told {
            alert.incident = incidents.get(&alert.labels).cloned();
        }
    }

    /// What becomes of the group.
    pub(super) fn changes(self, now: Timestamp) -> Vec<Change> {
        let Self {
            id,
            mut group,
            over,
            ..
        } = self;
        if over.len() == group.members.len() {
            return vec![Change::ForgetGroup(id)];
        }
        group.next_flush = now + self.route.group_interval;
        group.has_flushed = true;
        let leave = over
            .into_iter()
            .map(|alert| Change::Leave(id.clone(), alert));
        let mut changes: Vec<Change> = leave.collect();
        changes.push(Change::Group(id, group));
        changes
    }
}

impl Alerts {
    /// Puts into the outbox what a group's receiver does not know yet, and into the notification
    /// log that it knows.
    pub(super) async fn notify_group(
        &self,
        tx: &mut SqliteConnection,
        flush: &Flush,
        now: Timestamp,
    ) -> Result<usize, sqlx::Error> {
        if flush.told.is_empty() {
            return Ok(0);
        }
        let config = self.routing.config();
        let which = |firing: bool| {
            let alerts = flush
                .told
                .iter()
                .filter(move |alert| alert.firing == firing);
            alerts.map(|alert| alert.fingerprint.clone()).collect()
        };
        let entry = LogEntry {
            at: now,
            firing: which(true),
            resolved: which(false),
        };
        let mut notified = 0;
        let repeat_interval = flush.route.repeat_interval;
        let integrations = config.receivers.integrations(&flush.group.receiver);
        for (index, integration) in integrations.iter().enumerate() {
            let key = (flush.id.key.as_str(), integration.name.as_str());
            let known = notification_log::entry(tx, key.0, key.1).await?;
            let wishes = Wishes {
                send_resolved: integration.send_resolved,
                repeat_interval,
            };
            let Some(reason) = reason(known.as_ref(), &entry, wishes) else {
                continue;
            };
            let notice = GroupNotice {
                receiver: flush.group.receiver.clone(),
                integration: index,
                group_key: flush.id.key.clone(),
                group_labels: flush.group.labels.clone(),
                alerts: flush.told.clone(),
                reason,
                external_url: self.alertmanager_url(),
                at: now,
            };
            self.outbox.enqueue_group(tx, &notice).await?;
            notification_log::write(tx, key, &entry, repeat_interval).await?;
            notified += 1;
        }
        Ok(notified)
    }
}

fn group_alert(alert: &RoutedAlert, now: Timestamp) -> GroupAlert {
    GroupAlert {
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        firing: !alert.is_resolved(now),
        starts_at: alert.starts_at,
        ends_at: alert.ends_at.unwrap_or(now),
        generator_url: alert.generator_url.clone(),
        fingerprint: hex(alert.fingerprint()),
        incident: None,
    }
}
