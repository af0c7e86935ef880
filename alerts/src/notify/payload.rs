//! What is said to a destination: built once, when the message is put into the outbox.

mod change;
mod mail;
mod pagerduty;
mod slack;
mod slack_bot;
mod webhook;

use crate::IncidentStatus;
use crate::notification::{EventAction, NewNotification, NotificationContent};

use super::{Destination, DestinationKind};

pub(crate) use change::render_change;
pub(crate) use slack_bot::{ACKNOWLEDGE, RESOLVE};

/// Why a message is sent, as the reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Nothing was said about the incident before.
    Opened,
    /// It was told before and has become graver.
    Changed,
    Acknowledged,
    /// The telemetry is quiet again.
    Recovered,
    /// Nothing that would be said again.
    Updated,
    Resolved,
}

impl Occasion {
    pub(crate) fn of(row: &NewNotification, told_before: bool) -> Self {
        match (row.action, told_before) {
            (EventAction::Trigger, false) => Self::Opened,
            (EventAction::Trigger, true) => Self::Changed,
            (EventAction::Acknowledge, _) => Self::Acknowledged,
            (EventAction::Resolve, _) => Self::Resolved,
            (EventAction::Update | EventAction::Change, _) => {
                if row.content.status == IncidentStatus::Recovered {
                    Self::Recovered
                } else {
                    Self::Updated
                }
            }
        }
    }
}

/// The body that is kept. It holds no secret: keys are added when it is sent.
pub(crate) fn render(to: &Destination, row: &NewNotification, occasion: Occasion) -> String {
    match to.kind {
        DestinationKind::PagerDuty => pagerduty::render(row),
        DestinationKind::Slack => slack::render(&row.content, occasion),
        DestinationKind::SlackBot => slack_bot::render(row, occasion),
        DestinationKind::Email => mail::render(to, row, occasion),
        _ => webhook::render(row, occasion),
    }
}

/// The incident's page, or the console if there is none.
fn page(content: &NotificationContent) -> &str {
    content
        .links
        .first()
        .map_or(&content.external_url, |link| &link.href)
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("payloads have text keys and no failing serialiser")
}

#[cfg(test)]
pub(crate) mod samples;
