//! Exception groups: what humans decided of them, and what is new or back again.

mod ranking;
pub(crate) mod store;

use std::collections::BTreeMap;

use watchfire_schemas::{ExceptionSeen, Timestamp};

use crate::{ExceptionGroup, GroupStatus};

pub(crate) use ranking::ranked;

/// How many releases a group remembers.
const MAX_RELEASES: usize = 20;
/// How much of a message is kept.
const MAX_MESSAGE: usize = 1000;

/// A group and when it was resolved, which decides what counts as a regression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredGroup {
    pub group: ExceptionGroup,
    pub resolved_at: Option<Timestamp>,
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
            },
            resolved_at: None,
        }
    }

    /// Takes one occurrence in. Taking it twice is as taking it once, in any order.
    fn take(&mut self, seen: &ExceptionSeen) {
        let group = &mut self.group;
        group.first_seen = group.first_seen.min(seen.at);
        if seen.at >= group.last_seen {
            group.last_seen = seen.at;
            group.message = seen.message.chars().take(MAX_MESSAGE).collect();
            group.last_trace = seen.trace_id.or(group.last_trace);
        }
        if let Some(release) = &seen.release
            && !group.releases.contains(release)
            && group.releases.len() < MAX_RELEASES
        {
            group.releases.push(release.clone());
        }
        let back = self.resolved_at.is_some_and(|resolved| seen.at > resolved);
        if group.status == GroupStatus::Resolved && back {
            group.status = GroupStatus::Open;
            group.regressed_at = Some(seen.at);
        } else if let Some(regressed) = group.regressed_at
            && back
        {
            group.regressed_at = Some(regressed.min(seen.at));
        }
    }
}

/// What a batch of occurrences makes of the groups that are known.
pub(crate) fn taken(
    mut known: BTreeMap<String, StoredGroup>,
    seen: &[ExceptionSeen],
) -> BTreeMap<String, StoredGroup> {
    for occurrence in seen {
        known
            .entry(occurrence.group.clone())
            .or_insert_with(|| StoredGroup::first(occurrence))
            .take(occurrence);
    }
    known
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

    #[test]
    fn a_replay_changes_nothing() {
        let batch = [seen("a", 100), seen("b", 210), seen("a", 50)];
        let once = taken(BTreeMap::new(), &batch);
        assert_eq!(taken(once.clone(), &batch), once);
        let a = &once["a"].group;
        assert_eq!(
            (a.first_seen, a.last_seen),
            (Timestamp::from_secs(50), Timestamp::from_secs(100))
        );
        assert_eq!(a.message, "at 100");
        assert_eq!(a.releases, ["v1", "v0"]);
    }

    #[test]
    fn what_comes_after_its_resolution_is_a_regression() {
        let mut known = taken(BTreeMap::new(), &[seen("a", 100)]);
        let group = known.get_mut("a").unwrap();
        group.group.status = GroupStatus::Resolved;
        group.resolved_at = Some(Timestamp::from_secs(200));
        let late = taken(known.clone(), &[seen("a", 150)]);
        assert_eq!(late["a"].group.status, GroupStatus::Resolved);
        let back = taken(known, &[seen("a", 250)]);
        assert_eq!(back["a"].group.status, GroupStatus::Open);
        assert_eq!(
            back["a"].group.regressed_at,
            Some(Timestamp::from_secs(250))
        );
    }
}
