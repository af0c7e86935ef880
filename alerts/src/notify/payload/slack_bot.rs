//! The message of a Slack app, with buttons that act, and what is said in its thread.

use serde_json::{Map, Value, json};

use super::{Occasion, slack, to_json};
use crate::IncidentStatus;
use crate::notification::{NewNotification, NotificationContent};
use crate::notify::BotMessage;
use crate::notify::wording::duration;

/// What the buttons are called where they come back.
pub(crate) const ACKNOWLEDGE: &str = "watchfire_acknowledge";
pub(crate) const RESOLVE: &str = "watchfire_resolve";

pub(super) fn render(row: &NewNotification, occasion: Occasion) -> String {
    let content = &row.content;
    // The message shows how it stands; the thread tells what happened.
    let shown = match content.status {
        IncidentStatus::Triggered => Occasion::Opened,
        IncidentStatus::Acknowledged => Occasion::Acknowledged,
        IncidentStatus::Recovered => Occasion::Recovered,
        IncidentStatus::Resolved => Occasion::Resolved,
    };
    let mut message: Map<String, Value> =
        serde_json::from_str(&slack::render(content, shown)).unwrap_or_default();
    let blocks = message.get_mut("blocks").and_then(Value::as_array_mut);
    let actions = blocks
        .into_iter()
        .flatten()
        .find(|it| it["type"] == "actions");
    if let Some(elements) = actions.and_then(|it| it["elements"].as_array_mut()) {
        elements.splice(0..0, buttons(content));
        elements.truncate(slack::MAX_BUTTONS);
    }
    to_json(&BotMessage {
        message,
        reply: reply(content, occasion),
    })
}

fn buttons(content: &NotificationContent) -> Vec<Value> {
    let button = |action: &str, text: &str, style: Option<&str>| {
        let mut button = json!({
            "type": "button",
            "action_id": action,
            "text": { "type": "plain_text", "text": text, "emoji": false },
            "value": content.incident,
        });
        if let Some(style) = style {
            button["style"] = json!(style);
        }
        button
    };
    let acknowledge = button(ACKNOWLEDGE, "Acknowledge", Some("primary"));
    let resolve = button(RESOLVE, "Resolve", None);
    match content.status {
        _ if content.incident.is_empty() => Vec::new(),
        IncidentStatus::Triggered => vec![acknowledge, resolve],
        IncidentStatus::Acknowledged | IncidentStatus::Recovered => vec![resolve],
        IncidentStatus::Resolved => Vec::new(),
    }
}

fn reply(content: &NotificationContent, occasion: Occasion) -> Option<String> {
    let who = content.acknowledged_by.as_deref().unwrap_or("somebody");
    Some(match occasion {
        Occasion::Opened | Occasion::Updated => return None,
        Occasion::Changed => slack::escape(&slack::title(content, Occasion::Changed), 500),
        Occasion::Acknowledged => format!("Acknowledged by {}", slack::escape(who, 200)),
        Occasion::Recovered => "Recovered: the telemetry is as it was before".to_owned(),
        Occasion::Resolved => match content.ttr_seconds {
            Some(seconds) => format!("Resolved; it took {} to recover", duration(seconds)),
            None => "Resolved".to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::notification::EventAction;

    fn buttons_of(row: &NewNotification, occasion: Occasion) -> (Vec<String>, Option<String>) {
        let kept: BotMessage = serde_json::from_str(&render(row, occasion)).expect("it is kept");
        let blocks = kept.message["blocks"].as_array().expect("blocks").clone();
        let actions = blocks.iter().find(|block| block["type"] == "actions");
        let elements = actions.and_then(|it| it["elements"].as_array()).cloned();
        let texts = elements.unwrap_or_default().into_iter().map(|element| {
            let text = element["text"]["text"].as_str();
            text.unwrap_or_default().to_owned()
        });
        (texts.collect(), kept.reply)
    }

    #[test]
    fn buttons_are_those_that_make_sense() {
        let opened = samples::notification(EventAction::Trigger);
        let (buttons, reply) = buttons_of(&opened, Occasion::Opened);
        assert_eq!(
            buttons,
            ["Acknowledge", "Resolve", "Open incident", "Runbook"]
        );
        assert_eq!(reply, None);
        let taken = samples::notification(EventAction::Acknowledge);
        let (buttons, reply) = buttons_of(&taken, Occasion::Acknowledged);
        assert_eq!(buttons, ["Resolve", "Open incident", "Runbook"]);
        assert_eq!(reply.as_deref(), Some("Acknowledged by Ada"));
        let over = samples::notification(EventAction::Resolve);
        let (buttons, reply) = buttons_of(&over, Occasion::Resolved);
        assert_eq!(buttons, ["Open incident", "Runbook"]);
        assert_eq!(
            reply.as_deref(),
            Some("Resolved; it took 10 min to recover")
        );
    }
}
