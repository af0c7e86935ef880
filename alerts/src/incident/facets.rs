//! What people and the grouping say of an incident, beside its times.

use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

/// What brought a failure about, as a human says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    BadDeploy,
    Configuration,
    Dependency,
    Capacity,
    Infrastructure,
    Data,
    Human,
    FalseAlarm,
    Unknown,
    Other,
}

impl CauseKind {
    pub const ALL: [Self; 10] = [
        Self::BadDeploy,
        Self::Configuration,
        Self::Dependency,
        Self::Capacity,
        Self::Infrastructure,
        Self::Data,
        Self::Human,
        Self::FalseAlarm,
        Self::Unknown,
        Self::Other,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadDeploy => "bad_deploy",
            Self::Configuration => "configuration",
            Self::Dependency => "dependency",
            Self::Capacity => "capacity",
            Self::Infrastructure => "infrastructure",
            Self::Data => "data",
            Self::Human => "human",
            Self::FalseAlarm => "false_alarm",
            Self::Unknown => "unknown",
            Self::Other => "other",
        }
    }

    /// In words, for people.
    pub fn words(self) -> String {
        self.as_str().replace('_', " ")
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The cause of an incident, who said so and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    pub kind: CauseKind,
    pub text: String,
    pub by: String,
    pub at: Timestamp,
}

/// A pull request, a post-mortem, a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentLink {
    pub url: String,
    pub text: String,
    pub by: String,
    pub at: Timestamp,
}

/// Why an alert is part of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum JoinReason {
    /// It was the first.
    Opened,
    /// Of a service that was part of it.
    SharedService { service: String },
    /// Its service calls, or is called by, one that was part of it, through so many calls.
    Dependency {
        client: String,
        server: String,
        hops: usize,
    },
    /// Of the same host, target or job.
    SharedSubject { label: String, value: String },
    /// It became true at about the same time.
    BeganTogether { seconds: f64 },
    /// A human put it there.
    ByHand { who: String },
}

impl JoinReason {
    pub fn words(&self) -> String {
        match self {
            Self::Opened => "opened the incident".to_owned(),
            Self::SharedService { service } => format!("same service: {service}"),
            Self::Dependency {
                client,
                server,
                hops: 1,
            } => format!("{client} calls {server}"),
            Self::Dependency {
                client,
                server,
                hops,
            } => format!("{client} calls {server} through {} others", hops - 1),
            Self::SharedSubject { label, value } => format!("same {label}: {value}"),
            Self::BeganTogether { seconds } if *seconds >= 0.0 => {
                format!("began together: true {seconds:.0} s after the onset")
            }
            Self::BeganTogether { seconds } => {
                format!("began together: true {:.0} s before the onset", -seconds)
            }
            Self::ByHand { who } => format!("put here by {who}"),
        }
    }
}

/// An alert of an incident, by its id, and why it is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertJoin {
    /// The id of the alert, for splitting.
    pub alert: String,
    pub rule: String,
    #[serde(flatten)]
    pub reason: JoinReason,
    pub text: String,
}
