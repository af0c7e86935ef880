//! Exception groups: what humans decided of them, and what is new or back again.
//!
//! A row is kept for each fingerprint, and a group is a row with those that were merged into it: so
//! that each can be taken out again as it was. Counts are asked of the telemetry, never kept here.

mod decide;
mod escalation;
mod intake;
mod log;
mod ranking;
pub(crate) mod releases;
pub(crate) mod store;
mod triage;
mod upkeep;
mod view;

use std::collections::BTreeSet;

use watchfire_schemas::{ExceptionSeen, Timestamp};

use crate::{ExceptionGroup, GroupStatus};

pub use decide::{GroupAct, ResolveIn};
pub use log::{GroupEvent, GroupLogEntry};
pub(crate) use ranking::ranked;
pub use releases::GroupRelease;
pub use triage::{IgnoredUntil, Resolution, Triage};
pub(crate) use view::list;

/// How many releases a group names by itself; all are kept beside it.
const MAX_RELEASES: usize = 100;
/// How much of a message is kept.
const MAX_MESSAGE: usize = 1000;

/// The row of a fingerprint. What was decided stands in the row that others were merged into.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredGroup {
    pub group: ExceptionGroup,
    pub resolved_at: Option<Timestamp>,
    /// The fingerprint whose group this one is of.
    pub merged_into: Option<String>,
    /// Users affected since it is ignored until so many are, as hashes.
    pub users: BTreeSet<u64>,
}

impl StoredGroup {
    fn first(seen: &ExceptionSeen) -> Self {
        Self {
            group: ExceptionGroup {
                id: seen.group.clone(),
                kind: seen.kind.clone(),
                message: seen.message.chars().take(MAX_MESSAGE).collect(),
                culprit: seen.culprit.clone(),
                service: seen.service.clone(),
                status: GroupStatus::Open,
                assignee: None,
                first_seen: seen.at,
                last_seen: seen.at,
                releases: Vec::new(),
                regressed_at: None,
                last_trace: seen.trace_id,
                triage: Triage {
                    first_release: seen.release.clone(),
                    last_release: seen.release.clone(),
                    ..Triage::default()
                },
            },
            resolved_at: None,
            merged_into: None,
            users: BTreeSet::new(),
        }
    }

    /// Takes one occurrence in. Taking it twice is as taking it once, in any order.
    fn take(&mut self, seen: &ExceptionSeen) {
        let group = &mut self.group;
        if seen.at < group.first_seen {
            group.first_seen = seen.at;
            group.triage.first_release.clone_from(&seen.release);
        }
        if seen.at >= group.last_seen {
            group.last_seen = seen.at;
            group.message = seen.message.chars().take(MAX_MESSAGE).collect();
            group.last_trace = seen.trace_id.or(group.last_trace);
            group.triage.last_release.clone_from(&seen.release);
        }
        if let Some(release) = &seen.release
            && !group.releases.contains(release)
            && group.releases.len() < MAX_RELEASES
        {
            group.releases.push(release.clone());
        }
    }

    /// What an occurrence of the group makes of what was decided of it.
    fn answer(&mut self, seen: &ExceptionSeen, order: &releases::ReleaseOrder) {
        match self.group.status {
            GroupStatus::Resolved => self.answer_resolved(seen, order),
            GroupStatus::Ignored => self.answer_ignored(seen),
            GroupStatus::Open => {
                if let (Some(regressed), Some(resolved)) =
                    (self.group.regressed_at, self.resolved_at)
                    && seen.at > resolved
                {
                    self.group.regressed_at = Some(regressed.min(seen.at));
                }
            }
            GroupStatus::Archived => {}
        }
    }

    fn answer_resolved(&mut self, seen: &ExceptionSeen, order: &releases::ReleaseOrder) {
        let now = Resolution::Now;
        let resolution = self.group.triage.resolution.as_ref().unwrap_or(&now);
        let Some(resolved_at) = self.resolved_at else {
            return;
        };
        if resolution.is_broken_by(seen, resolved_at, order) {
            self.group.status = GroupStatus::Open;
            self.group.regressed_at = Some(seen.at);
            self.group.triage.regressed_in.clone_from(&seen.release);
            self.group.triage.resolution = None;
        }
    }

    fn answer_ignored(&mut self, seen: &ExceptionSeen) {
        let triage = &mut self.group.triage;
        let (Some(ignored), Some(since)) = (triage.ignored, triage.decided_at) else {
            return;
        };
        if seen.at <= since {
            return;
        }
        if let (Some(most), Some(user)) = (ignored.users, seen.user) {
            self.users.insert(user);
            if self.users.len() as u64 >= most {
                self.escalate(seen.at);
            }
        }
    }

    /// It is heard of again.
    fn escalate(&mut self, at: Timestamp) {
        self.reopen();
        self.group.triage.escalated_at = Some(at);
    }

    fn reopen(&mut self) {
        self.group.status = GroupStatus::Open;
        self.group.triage.ignored = None;
        self.group.triage.resolution = None;
        self.users.clear();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use watchfire_schemas::Origin;

    pub(crate) fn seen(group: &str, at: i64) -> ExceptionSeen {
        ExceptionSeen {
            group: group.to_owned(),
            service: "content".to_owned(),
            kind: "TimeoutError".to_owned(),
            message: format!("at {at}"),
            culprit: "places::find".to_owned(),
            at: Timestamp::from_secs(at),
            release: Some(format!("v{}", at / 100)),
            environment: None,
            trace_id: None,
            span_id: None,
            origin: Origin::Log,
            hashes: watchfire_schemas::ExceptionHashes::default(),
            user: None,
        }
    }

    fn taken(seen: &[ExceptionSeen]) -> StoredGroup {
        let mut stored = StoredGroup::first(&seen[0]);
        for one in seen {
            stored.take(one);
        }
        stored
    }

    #[test]
    fn a_replay_changes_nothing() {
        let batch = [seen("a", 100), seen("a", 50)];
        let once = taken(&batch);
        let mut again = once.clone();
        for one in &batch {
            again.take(one);
        }
        assert_eq!(again, once);
        let group = &once.group;
        assert_eq!(
            (group.first_seen, group.last_seen),
            (Timestamp::from_secs(50), Timestamp::from_secs(100))
        );
        assert_eq!(group.message, "at 100");
        assert_eq!(group.releases, ["v1", "v0"]);
        let releases = (&group.triage.first_release, &group.triage.last_release);
        assert_eq!(releases, (&Some("v0".to_owned()), &Some("v1".to_owned())));
    }

    #[test]
    fn what_comes_after_its_resolution_is_a_regression() {
        let order = releases::ReleaseOrder::default();
        let mut group = taken(&[seen("a", 100)]);
        group.group.status = GroupStatus::Resolved;
        group.resolved_at = Some(Timestamp::from_secs(200));
        let mut late = group.clone();
        late.answer(&seen("a", 150), &order);
        assert_eq!(late.group.status, GroupStatus::Resolved);
        group.answer(&seen("a", 250), &order);
        assert_eq!(group.group.status, GroupStatus::Open);
        assert_eq!(group.group.regressed_at, Some(Timestamp::from_secs(250)));
    }

    #[test]
    fn so_many_users_end_an_ignorance() {
        let order = releases::ReleaseOrder::default();
        let mut group = taken(&[seen("a", 100)]);
        group.group.status = GroupStatus::Ignored;
        group.group.triage.decided_at = Some(Timestamp::from_secs(200));
        group.group.triage.ignored = Some(IgnoredUntil {
            users: Some(2),
            ..IgnoredUntil::default()
        });
        let of = |user, at| ExceptionSeen {
            user: Some(user),
            ..seen("a", at)
        };
        for (user, at) in [(1, 210), (1, 220), (2, 190)] {
            group.answer(&of(user, at), &order);
            assert_eq!(group.group.status, GroupStatus::Ignored);
        }
        group.answer(&of(2, 230), &order);
        assert_eq!(group.group.status, GroupStatus::Open);
        assert_eq!(
            group.group.triage.escalated_at,
            Some(Timestamp::from_secs(230))
        );
    }
}
