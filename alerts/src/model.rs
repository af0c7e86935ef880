//! Plain data that the console and the API show.

use serde::{Deserialize, Serialize};
use watchfire_schemas::{AlertSeverity, ChangeEvent, LabelSet, Timestamp, TraceId};

use crate::Triage;

use crate::{AlertJoin, Cause, IncidentLink};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentStatus {
    Triggered,
    Acknowledged,
    /// The telemetry is quiet again; nobody has closed it yet.
    Recovered,
    Resolved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnsetSource {
    /// Estimated from the telemetry.
    Estimated,
    /// No signal changed: the first evaluation at which a rule was true.
    RuleFirstTrue,
    Human,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnsetMethod {
    /// Version 1: CUSUM with back-dating, a step.
    StepV1,
    /// Version 1, a ramp fits better.
    RampV1,
    /// Version 2: windows over the baseline, dated by the probability of steps and ramps; a step.
    StepV2,
    /// Version 2, a ramp is more probable.
    RampV2,
    RuleFirstTrue,
    Human,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Onset {
    pub at: Timestamp,
    pub earliest: Timestamp,
    pub latest: Timestamp,
    pub source: OnsetSource,
    pub method: OnsetMethod,
    /// What the estimate was made of; none for a human's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<OnsetEvidence>,
    /// Who set it and why, where a human did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The series that gave the onset, as it was when the onset was computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnsetEvidence {
    /// The signal in a few words: "server errors of content".
    pub signal: String,
    /// The selector that gives it.
    pub selector: String,
    pub start: Timestamp,
    pub bin_seconds: f64,
    pub counts: Vec<f64>,
    /// The expected count of each bin.
    pub baseline: Vec<f64>,
    pub dispersion: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimelineKind {
    Onset,
    Change,
    AlertPending,
    AlertFiring,
    AlertResolved,
    Detected,
    Notified,
    NotifyFailed,
    Acknowledged,
    Recovered,
    Resolved,
    Reopened,
    OnsetSet,
    Note,
    Unacknowledged,
    SeveritySet,
    Linked,
    CauseSet,
    Assigned,
    Merged,
    Split,
    /// A page was due, and all alerts that ask for it are silenced, inhibited or muted.
    Suppressed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub at: Timestamp,
    pub kind: TimelineKind,
    pub text: String,
    /// A person, a rule or a destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// Definitions in `response_times.rs`: TTD = detected − onset, TTA = acknowledged − notified, TTR = recovered − onset.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ResponseTimes {
    pub ttd_seconds: Option<f64>,
    pub tta_seconds: Option<f64>,
    pub ttr_seconds: Option<f64>,
}

/// A part of the time from onset to resolution, and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// `data_delay`, `evaluation`, `hold` (`for:`), `grouping`, `delivery`, `human`, `repair`.
    pub name: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub seconds: f64,
}

/// An exception group as it behaved around an incident, ranked by change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentException {
    pub group: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub message: String,
    pub service: String,
    /// Occurrences since onset.
    pub count: u64,
    /// Times the rate before onset; none if there was none before.
    pub ratio: Option<f64>,
    pub is_new: bool,
    pub is_regressed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: String,
    pub title: String,
    pub severity: AlertSeverity,
    pub status: IncidentStatus,
    pub services: Vec<String>,
    pub onset: Onset,
    /// When the first alert fired that pages; of an incident that is only a warning, the first.
    pub detected_at: Timestamp,
    pub notified_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
    pub recovered_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    #[serde(flatten)]
    pub times: ResponseTimes,
    pub phases: Vec<Phase>,
    pub alerts: Vec<AlertInstance>,
    pub exceptions: Vec<IncidentException>,
    pub changes: Vec<ChangeEvent>,
    pub timeline: Vec<TimelineEntry>,
    pub runbook: Option<String>,
    /// Why each alert is part of it.
    pub joins: Vec<AlertJoin>,
    pub cause: Option<Cause>,
    pub assignee: Option<String>,
    pub links: Vec<IncidentLink>,
    /// The incident that took this one over.
    pub merged_into: Option<String>,
    /// Those that were merged into it.
    pub merged: Vec<String>,
    pub split_from: Option<String>,
    /// How often it failed again after its recovery.
    pub reopened: u32,
}

/// In the order of how much they matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    Inactive,
    Pending,
    Firing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertInstance {
    pub rule: String,
    pub labels: LabelSet,
    pub annotations: LabelSet,
    pub state: AlertState,
    #[serde(with = "sample_value")]
    pub value: f64,
    pub active_at: Timestamp,
    pub fired_at: Option<Timestamp>,
    /// Since when it fires only because of `keep_firing_for`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_since: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    Alerting,
    /// Writes what its expression gives as series; it has no alerts and is always inactive.
    Recording,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleStatus {
    /// By which it is known: its group, its name and, if that comes twice, its number.
    pub key: String,
    pub kind: RuleKind,
    pub group: String,
    /// The file that it was read from.
    pub file: String,
    /// The alert, or the metric that is written.
    pub name: String,
    pub expr: String,
    pub hold_seconds: f64,
    pub keep_firing_seconds: f64,
    pub labels: LabelSet,
    pub annotations: LabelSet,
    pub state: AlertState,
    pub last_evaluation: Option<Timestamp>,
    pub evaluation_seconds: f64,
    /// How many series its last evaluation wrote.
    pub series: usize,
    pub last_error: Option<String>,
    pub alerts: Vec<AlertInstance>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupStatus {
    Open,
    Resolved,
    Ignored,
    /// Until it escalates.
    Archived,
}

impl GroupStatus {
    /// Its name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Ignored => "ignored",
            Self::Archived => "archived",
        }
    }
}

/// An exception group's human state. Counts and trends are asked from the stores, not kept here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExceptionGroup {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub message: String,
    pub culprit: String,
    pub service: String,
    pub status: GroupStatus,
    pub assignee: Option<String>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub releases: Vec<String>,
    pub regressed_at: Option<Timestamp>,
    pub last_trace: Option<TraceId>,
    #[serde(flatten)]
    pub triage: Triage,
}

impl ExceptionGroup {
    /// Its own fingerprint and those that were merged into it.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        let members = self.triage.members.iter().map(String::as_str);
        std::iter::once(self.id.as_str()).chain(members)
    }

    /// The selector of its counters.
    pub fn selector(&self) -> String {
        if self.triage.members.is_empty() {
            return format!("exceptions_total{{group={:?}}}", self.id);
        }
        let all: Vec<&str> = self.fingerprints().collect();
        format!("exceptions_total{{group=~{:?}}}", all.join("|"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    Queued,
    Delivered,
    /// Given up: the destination refused it for good.
    Dead,
    /// Superseded before it was sent.
    Dropped,
}

/// One notification and what came of it: delivery proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub id: i64,
    pub incident: String,
    pub destination: String,
    pub kind: String,
    pub action: String,
    pub state: DeliveryState,
    pub attempts: u32,
    pub queued_at: Timestamp,
    pub last_attempt_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub http_status: Option<u16>,
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DestinationStatus {
    pub name: String,
    pub kind: String,
    pub queued: u64,
    pub delivered: u64,
    pub dead: u64,
    pub last_success_at: Option<Timestamp>,
    pub last_error: Option<String>,
    pub breaker_open: bool,
}

/// JSON has no word for what is not finite; Prometheus' spelling stands in.
mod sample_value {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Finite(f64),
        Word(String),
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks for this form"
    )]
    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        let written = match *value {
            v if v.is_nan() => Written::Word("NaN".to_owned()),
            f64::INFINITY => Written::Word("+Inf".to_owned()),
            f64::NEG_INFINITY => Written::Word("-Inf".to_owned()),
            v => Written::Finite(v),
        };
        written.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        match Written::deserialize(from)? {
            Written::Finite(value) => Ok(value),
            Written::Word(word) => word.parse().map_err(de::Error::custom),
        }
    }
}
