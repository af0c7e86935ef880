//! What people decide of an exception group, and what ends that decision.

use serde::{Deserialize, Serialize};
use watchfire_schemas::{ExceptionSeen, Timestamp};

use super::releases::ReleaseOrder;

/// By what a group is said to be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum Resolution {
    /// As of when it was said.
    Now,
    /// By a release: it may still happen in those before it.
    Release { release: String },
    /// By the release after the newest one known then; none was, if there is none.
    NextRelease {
        #[serde(default)]
        after: Option<String>,
    },
}

/// Until when a group is not to be heard of. Nothing said means for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IgnoredUntil {
    /// This time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// It happened so many times more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// So many users were affected since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
}

/// What was decided of a group, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Triage {
    /// How it was resolved, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// Until when it is ignored, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<IgnoredUntil>,
    /// When its status was last set by somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// The release in which it came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regressed_in: Option<String>,
    /// When it outgrew what it was ignored or archived for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// The release of the earliest event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_release: Option<String>,
    /// The release of the latest event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_release: Option<String>,
    /// The other fingerprints that are of this group, merged by hand or joined by a hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

impl Resolution {
    /// Whether an event shows that it is back: it happened after the word was given, and in a release
    /// that should have been without it. Both go by the event, not by when it came here.
    pub(super) fn is_broken_by(
        &self,
        seen: &ExceptionSeen,
        said_at: Timestamp,
        order: &ReleaseOrder,
    ) -> bool {
        let release = seen.release.as_deref();
        seen.at > said_at
            && match (self, release) {
                (Self::Now | Self::Release { .. }, None) | (Self::Now, Some(_)) => true,
                (Self::Release { release: fixed }, Some(release)) => {
                    release == fixed || order.is_newer(release, fixed)
                }
                (Self::NextRelease { after: None }, _) => release.is_some(),
                (Self::NextRelease { after: Some(after) }, release) => {
                    release.is_some_and(|release| order.is_newer(release, after))
                }
            }
    }

    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Now => "resolved".to_owned(),
            Self::Release { release } => format!("resolved in {release}"),
            Self::NextRelease { after: Some(after) } => {
                format!("resolved in the release after {after}")
            }
            Self::NextRelease { after: None } => "resolved in the next release".to_owned(),
        }
    }
}

impl IgnoredUntil {
    pub(super) fn in_words(&self) -> String {
        let parts: Vec<String> = [
            self.until.map(|until| format!("until {until}")),
            self.count.map(|count| format!("until {count} more")),
            self.users.map(|users| format!("until {users} users")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() {
            return "ignored".to_owned();
        }
        format!("ignored {}", parts.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exception_groups::tests::seen;

    fn order() -> ReleaseOrder {
        let known = [("2.9.0", 10), ("2.10.0", 20), ("2.10.1", 400)];
        let known = known.map(|(release, at)| (release.to_owned(), Timestamp::from_secs(at)));
        ReleaseOrder::new(known.into_iter().collect())
    }

    fn is_back(resolution: &Resolution, release: Option<&str>, at: i64) -> bool {
        let event = ExceptionSeen {
            release: release.map(str::to_owned),
            ..seen("a", at)
        };
        resolution.is_broken_by(&event, Timestamp::from_secs(300), &order())
    }

    #[test]
    fn an_old_release_does_not_bring_it_back() {
        let fixed = Resolution::Release {
            release: "2.10.0".to_owned(),
        };
        assert!(!is_back(&fixed, Some("2.9.0"), 500));
        assert!(is_back(&fixed, Some("2.10.0"), 500));
        assert!(is_back(&fixed, Some("2.10.1"), 500));
        assert!(!is_back(&fixed, Some("2.10.0"), 200), "it happened before");
        let next = Resolution::NextRelease {
            after: Some("2.10.0".to_owned()),
        };
        assert!(!is_back(&next, Some("2.10.0"), 500));
        assert!(!is_back(&next, None, 500));
        assert!(is_back(&next, Some("2.10.1"), 500));
        assert!(is_back(&Resolution::Now, Some("2.9.0"), 301));
        assert!(!is_back(&Resolution::Now, None, 300));
    }
}
