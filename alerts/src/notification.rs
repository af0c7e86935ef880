//! What incidents tell delivery, and what delivery tells back: the seam between the two halves.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use watchfire_schemas::{AlertSeverity, ChangeEvent, LabelSet, Timestamp};

use crate::{AlertInstance, IncidentException, IncidentStatus};

/// What a destination is asked to do with its alert of the same dedup key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EventAction {
    Trigger,
    Acknowledge,
    Resolve,
    /// Something else about it has changed; only for those that show how it stands.
    Update,
    /// A deploy, or another change, whatever incident there may be.
    Change,
}

impl EventAction {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
            Self::Update => "update",
            Self::Change => "change",
        }
    }
}

/// A link that a message carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    pub text: String,
    pub href: String,
}

/// An incident as a message shows it, taken when the message was put into the outbox. It holds no
/// secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NotificationContent {
    pub incident: String,
    /// What broke, in words.
    pub title: String,
    /// The summary annotation of the gravest alert; may be empty.
    pub summary: String,
    /// The description annotation of the gravest alert; may be empty.
    pub description: String,
    pub severity: AlertSeverity,
    pub status: IncidentStatus,
    /// The first is where it began.
    pub services: Vec<String>,
    pub onset_at: Timestamp,
    pub onset_earliest: Timestamp,
    pub onset_latest: Timestamp,
    pub detected_at: Timestamp,
    pub acknowledged_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
    pub recovered_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    pub ttd_seconds: Option<f64>,
    pub ttr_seconds: Option<f64>,
    /// Ranked by change, the most telling first.
    pub exceptions: Vec<IncidentException>,
    /// Changes near the onset, the nearest first.
    #[serde(default)]
    pub changes: Vec<ChangeEvent>,
    /// The incident's page comes first.
    pub links: Vec<Link>,
    pub runbook: Option<String>,
    /// Labels that all alerts share.
    pub labels: LabelSet,
    /// Annotations that all alerts share.
    pub annotations: LabelSet,
    pub alerts: Vec<AlertInstance>,
    /// Alertmanager's group key: stable over the life of the incident.
    pub group_key: String,
    /// The console's address.
    pub external_url: String,
}

/// One message for one destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NewNotification {
    pub incident_id: String,
    /// The name of a configured destination.
    pub destination: String,
    /// At most 64 characters; the same for all messages of an incident.
    pub dedup_key: String,
    pub action: EventAction,
    pub content: NotificationContent,
    /// It is not sent before this time.
    pub not_before: Timestamp,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeliveryOutcome {
    /// The incident that the message told of, or those that the alerts of a group belong to.
    pub incidents: Vec<String>,
    pub destination: String,
    /// The one in whose place it is told.
    pub instead_of: Option<String>,
    pub action: EventAction,
    pub at: Timestamp,
    /// What it said: `HTTP 202`, `SMTP 250`.
    pub answer: Option<String>,
    /// Why it failed, without a secret; none means that it was delivered.
    pub error: Option<String>,
    /// Whether the row is done with: delivered, or given up.
    pub is_final: bool,
}

/// Told of each attempt within the transaction that marks its row, so that both are kept or
/// neither. The transaction was begun with `BEGIN IMMEDIATE`.
#[async_trait]
pub(crate) trait DeliveryFeedback: Send + Sync + std::fmt::Debug {
    async fn delivery_attempted(
        &self,
        tx: &mut SqliteConnection,
        outcome: &DeliveryOutcome,
    ) -> Result<(), sqlx::Error>;
}
