//! What deliveries mean for incidents: when people were told, and what the timeline says.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use crate::TimelineKind;
use crate::incident::{entry, store};
use crate::notification::{DeliveryFeedback, DeliveryOutcome, EventAction};

/// Writes outcomes into incidents.
#[derive(Debug)]
pub(crate) struct IncidentFeedback;

#[async_trait]
impl DeliveryFeedback for IncidentFeedback {
    async fn delivery_attempted(
        &self,
        tx: &mut SqliteConnection,
        outcome: &DeliveryOutcome,
    ) -> Result<(), sqlx::Error> {
        for incident in &outcome.incidents {
            write(tx, incident, outcome).await?;
        }
        Ok(())
    }
}

async fn write(
    tx: &mut SqliteConnection,
    id: &str,
    outcome: &DeliveryOutcome,
) -> Result<(), sqlx::Error> {
    let (kind, text) = match &outcome.error {
        None => (TimelineKind::Notified, delivered_text(outcome)),
        Some(reason) => (TimelineKind::NotifyFailed, failed_text(outcome, reason)),
    };
    let told = entry(outcome.at, kind, text, &outcome.destination);
    if outcome.error.is_none() {
        if outcome.action == EventAction::Trigger {
            store::set_notified(tx, id, outcome.at).await?;
        }
        return store::tell(tx, id, &[told]).await;
    }
    // A destination that is down for an hour is one line, or two: when it began to fail and
    // when it was given up.
    let first = !store::has_told(tx, id, TimelineKind::NotifyFailed, &outcome.destination).await?;
    if first || outcome.is_final {
        store::tell(tx, id, &[told]).await?;
    }
    Ok(())
}

fn delivered_text(outcome: &DeliveryOutcome) -> String {
    let answer = outcome.answer.as_deref();
    let answer = answer.map_or_else(String::new, |answer| format!(" ({answer})"));
    let instead = outcome.instead_of.as_deref();
    let instead = instead.map_or_else(String::new, |it| format!(", in the place of {it}"));
    format!("{} taken{answer}{instead}", outcome.action.as_str())
}

fn failed_text(outcome: &DeliveryOutcome, reason: &str) -> String {
    let end = if outcome.is_final {
        "given up"
    } else {
        "will be tried again"
    };
    format!("{} not delivered: {reason}; {end}", outcome.action.as_str())
}
