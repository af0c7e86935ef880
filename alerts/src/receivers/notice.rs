//! What the dispatcher says to delivery.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use watchfire_schemas::{LabelSet, Timestamp};

use crate::notification::EventAction;

/// Why a group's receiver is told, in Alertmanager's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeReason {
    First,
    NewAlerts,
    SomeResolved,
    AllResolved,
    RepeatInterval,
    Unknown,
}

impl NoticeReason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts added",
            Self::SomeResolved => "some alerts resolved",
            Self::AllResolved => "all alerts resolved",
            Self::RepeatInterval => "repeat interval elapsed",
            Self::Unknown => "unknown",
        }
    }
}

/// An alert of a group, as it was when the group was flushed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GroupAlert {
    pub labels: LabelSet,
    pub annotations: LabelSet,
    pub firing: bool,
    pub starts_at: Timestamp,
    /// Only told of an alert that is resolved.
    pub ends_at: Timestamp,
    pub generator_url: String,
    /// 16 hex digits.
    pub fingerprint: String,
    /// The incident that it belongs to.
    #[serde(default)]
    pub incident: Option<String>,
}

/// A group of alerts for one integration of one receiver. It holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GroupNotice {
    pub receiver: String,
    /// Its place among the receiver's integrations.
    pub integration: usize,
    /// Alertmanager's: `{}:{alertname="Down"}`.
    pub group_key: String,
    pub group_labels: LabelSet,
    /// In the order in which they are shown. Never empty.
    pub alerts: Vec<GroupAlert>,
    pub reason: NoticeReason,
    /// The address that links lead to.
    pub external_url: String,
    pub at: Timestamp,
}

impl GroupNotice {
    /// A group fires as long as one of its alerts does.
    pub(crate) fn fires(&self) -> bool {
        self.alerts.iter().any(|alert| alert.firing)
    }

    pub(crate) fn action(&self) -> EventAction {
        if self.fires() {
            EventAction::Trigger
        } else {
            EventAction::Resolve
        }
    }

    /// Alertmanager's: SHA-256 of the group's key, 64 hex digits.
    pub(crate) fn dedup_key(&self) -> String {
        let digest = Sha256::digest(self.group_key.as_bytes());
        digest.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes every write");
            hex
        })
    }

    /// What an integration that does not send what is resolved says; none if there is nothing.
    pub(crate) fn only_firing(&self) -> Option<Self> {
        let mut notice = self.clone();
        notice.alerts.retain(|alert| alert.firing);
        (!notice.alerts.is_empty()).then_some(notice)
    }

    /// The incidents of its alerts, each once.
    pub(crate) fn incidents(&self) -> Vec<&str> {
        let known = self.alerts.iter().filter_map(|a| a.incident.as_deref());
        let mut incidents: Vec<&str> = known.collect();
        incidents.sort_unstable();
        incidents.dedup();
        incidents
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    fn alert(instance: &str, firing: bool, fingerprint: u64) -> GroupAlert {
        GroupAlert {
            labels: LabelSet::new([
                ("alertname", "Down"),
                ("job", "api"),
                ("instance", instance),
            ]),
            annotations: LabelSet::new([("summary", "a target is down")]),
            firing,
            starts_at: "2026-11-22T08:00:00Z".parse().expect("a time"),
            ends_at: "2026-11-22T08:01:00.5Z".parse().expect("a time"),
            generator_url: "http://prom.example/graph".to_owned(),
            fingerprint: format!("{fingerprint:016x}"),
            incident: Some("inc-1".to_owned()),
        }
    }

    /// One alert fires, one is over.
    pub(crate) fn notice() -> GroupNotice {
        GroupNotice {
            receiver: "team".to_owned(),
            integration: 0,
            group_key: "{}:{alertname=\"Down\"}".to_owned(),
            group_labels: LabelSet::new([("alertname", "Down")]),
            alerts: vec![alert("a:1", true, 1), alert("b:1", false, 2)],
            reason: NoticeReason::First,
            external_url: "http://am.example".to_owned(),
            at: "2026-11-22T08:02:00Z".parse().expect("a time"),
        }
    }
}
