//! What is said to a destination: built once, when the message is put into the outbox.

mod pagerduty;
mod slack;
mod webhook;

use crate::notification::{EventAction, NewNotification, NotificationContent};

use super::{DestinationKind, Secret};

/// Why a message is sent, as the reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Nothing was said about the incident before.
    Opened,
    /// It was told before and has become graver.
    Changed,
    Acknowledged,
    Resolved,
}

impl Occasion {
    pub(crate) const fn of(action: EventAction, told_before: bool) -> Self {
        match (action, told_before) {
            (EventAction::Trigger, false) => Self::Opened,
            (EventAction::Trigger, true) => Self::Changed,
            (EventAction::Acknowledge, _) => Self::Acknowledged,
            (EventAction::Resolve, _) => Self::Resolved,
        }
    }
}

/// The JSON that is kept. It holds no secret: [`wire_body`] adds the routing key.
pub(crate) fn render(kind: DestinationKind, row: &NewNotification, occasion: Occasion) -> String {
    match kind {
        DestinationKind::PagerDuty => pagerduty::render(row),
        DestinationKind::Slack => slack::render(&row.content, occasion),
        DestinationKind::Webhook => webhook::render(row, occasion),
    }
}

/// The bytes that are sent. The same body and key give the same bytes.
pub(crate) fn wire_body(body: &str, routing_key: Option<&Secret>) -> Vec<u8> {
    match (routing_key, body.strip_prefix('{')) {
        (Some(key), Some(rest)) => {
            let key = serde_json::Value::from(key.expose());
            format!("{{\"routing_key\":{key},{rest}").into_bytes()
        }
        _ => body.as_bytes().to_vec(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routing_key_is_added_on_the_wire() {
        let key = Secret::from("k\"1");
        let bytes = wire_body(r#"{"event_action":"resolve"}"#, Some(&key));
        assert_eq!(
            String::from_utf8(bytes).expect("it is text"),
            r#"{"routing_key":"k\"1","event_action":"resolve"}"#
        );
        assert_eq!(wire_body("{}", None), b"{}");
    }
}
