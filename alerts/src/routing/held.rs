//! The alerts and groups that routing holds, as last committed, and what changes them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use watchfire_schemas::{LabelSet, Timestamp};

use super::alert::RoutedAlert;
use super::route::Route;

/// How long a resolved alert that is in no group is remembered.
const RESOLVED_RETENTION: Duration = Duration::from_mins(15);

/// A group is found by its route's place and its key: two routes may have the same matchers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupId {
    pub route: String,
    pub key: String,
}

/// Alerts that are notified together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub receiver: String,
    pub labels: LabelSet,
    pub next_flush: Timestamp,
    pub has_flushed: bool,
    /// The fingerprints of its alerts.
    pub members: BTreeSet<u64>,
}

/// One change, written to the database and then taken over in memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Alert(RoutedAlert),
    ForgetAlert(u64),
    /// All of a group but its members.
    Group(GroupId, Group),
    ForgetGroup(GroupId),
    Join(GroupId, u64),
    Leave(GroupId, u64),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    pub alerts: HashMap<u64, RoutedAlert>,
    pub groups: BTreeMap<GroupId, Group>,
    /// Another one with every change.
    pub version: u64,
}

impl Held {
    pub(crate) fn apply(&mut self, changes: Vec<Change>) {
        self.version += 1;
        for change in changes {
            match change {
                Change::Alert(alert) => drop(self.alerts.insert(alert.fingerprint(), alert)),
                Change::ForgetAlert(fingerprint) => drop(self.alerts.remove(&fingerprint)),
                Change::Group(id, group) => {
                    let members = self.groups.remove(&id).map(|known| known.members);
                    let members = members.unwrap_or_default();
                    self.groups.insert(id, Group { members, ..group });
                }
                Change::ForgetGroup(id) => drop(self.groups.remove(&id)),
                Change::Join(id, fingerprint) => {
                    if let Some(group) = self.groups.get_mut(&id) {
                        group.members.insert(fingerprint);
                    }
                }
                Change::Leave(id, fingerprint) => {
                    if let Some(group) = self.groups.get_mut(&id) {
                        group.members.remove(&fingerprint);
                    }
                }
            }
        }
    }

    /// What follows from alerts that are told: they join the groups of their routes, which are
    /// made where there are none.
    pub(crate) fn told(
        &self,
        alerts: Vec<RoutedAlert>,
        root: &Route,
        now: Timestamp,
    ) -> Vec<Change> {
        let mut latest: HashMap<u64, RoutedAlert> = HashMap::new();
        let mut groups: BTreeMap<GroupId, Group> = BTreeMap::new();
        let mut changes = Vec::new();
        let mut joins = BTreeSet::new();
        for alert in alerts {
            let fingerprint = alert.fingerprint();
            let known = latest
                .get(&fingerprint)
                .or_else(|| self.alerts.get(&fingerprint));
            let alert = match known {
                Some(known) => alert.told_anew(known, now),
                None => alert,
            };
            for route in root.of(&alert.labels) {
                let id = group_id(route, &alert.labels);
                let known = groups.get(&id).or_else(|| self.groups.get(&id));
                let mut group = known.cloned().unwrap_or_else(|| Group {
                    receiver: route.receiver.clone(),
                    labels: route.group_labels(&alert.labels),
                    next_flush: now + route.group_wait,
                    has_flushed: false,
                    members: BTreeSet::new(),
                });
                let is_new = known.is_none();
                // One that has fired for longer than the group would wait need not wait.
                let is_late = !group.has_flushed && alert.starts_at + route.group_wait < now;
                if is_late {
                    group.next_flush = group.next_flush.min(now);
                }
                if !group.members.contains(&fingerprint) {
                    joins.insert((id.clone(), fingerprint));
                }
                if is_new || is_late {
                    groups.insert(id, group);
                }
            }
            latest.insert(fingerprint, alert);
        }
        changes.extend(latest.into_values().map(Change::Alert));
        changes.extend(
            groups
                .into_iter()
                .map(|(id, group)| Change::Group(id, group)),
        );
        changes.extend(
            joins
                .into_iter()
                .map(|(id, member)| Change::Join(id, member)),
        );
        changes
    }

    /// Puts all alerts that matter into the groups of another tree. A group that there was already
    /// keeps its time.
    pub(crate) fn regrouped(&self, root: &Route, now: Timestamp) -> Vec<Change> {
        let in_groups: BTreeSet<u64> = self.members().collect();
        let mut empty = Self {
            alerts: self.alerts.clone(),
            ..Self::default()
        };
        let matters = |(fingerprint, alert): &(&u64, &RoutedAlert)| {
            !alert.is_resolved(now) || in_groups.contains(fingerprint)
        };
        let alerts = self.alerts.iter().filter(matters);
        let alerts = alerts.map(|(_, alert)| alert.clone()).collect();
        let changes = empty.told(alerts, root, now);
        empty.apply(changes);
        let mut changes = Vec::new();
        for id in self.groups.keys() {
            changes.push(Change::ForgetGroup(id.clone()));
        }
        for (id, mut group) in empty.groups {
            if let Some(known) = self.same_group(&id, &group) {
                group.next_flush = known.next_flush;
                group.has_flushed = known.has_flushed;
            }
            let members = std::mem::take(&mut group.members);
            changes.push(Change::Group(id.clone(), group));
            changes.extend(members.into_iter().map(|one| Change::Join(id.clone(), one)));
        }
        changes
    }

    fn same_group(&self, id: &GroupId, group: &Group) -> Option<&Group> {
        let is_same = |(known_id, known): &(&GroupId, &Group)| {
            known_id.key == id.key && known.receiver == group.receiver
        };
        let here = self.groups.get_key_value(id).filter(is_same);
        here.or_else(|| self.groups.iter().find(is_same))
            .map(|(_, known)| known)
    }

    /// Alerts that are over, in no group, and have not been told of for a while.
    pub(crate) fn outlived(&self, now: Timestamp) -> Vec<Change> {
        let in_groups: BTreeSet<u64> = self.members().collect();
        let outlived = self.alerts.iter().filter(|(fingerprint, alert)| {
            let over = alert
                .ends_at
                .is_some_and(|end| end + RESOLVED_RETENTION < now);
            over && !in_groups.contains(fingerprint)
        });
        outlived.map(|(id, _)| Change::ForgetAlert(*id)).collect()
    }

    fn members(&self) -> impl Iterator<Item = u64> {
        self.groups
            .values()
            .flat_map(|group| group.members.iter().copied())
    }

    /// Those that fire, in no certain order.
    pub(crate) fn firing(&self, now: Timestamp) -> impl Iterator<Item = (&LabelSet, u64)> {
        let firing = self
            .alerts
            .iter()
            .filter(move |(_, alert)| !alert.is_resolved(now));
        firing.map(|(fingerprint, alert)| (&alert.labels, *fingerprint))
    }
}

pub(crate) fn group_id(route: &Route, labels: &LabelSet) -> GroupId {
    GroupId {
        route: route.path.clone(),
        key: route.group_key(&route.group_labels(labels)),
    }
}
