//! Receivers that take a text, each in its own envelope.

use serde_json::{Map, Value, json};

use super::slack::filled;
use crate::notify::truncate;
use crate::receivers::teller::Teller;
use crate::rules::template::Template;

/// By the names that the other end has for them.
#[derive(Debug, Clone)]
pub(crate) enum ChatForm {
    Discord {
        title: Template,
        message: Template,
        /// `content`, `username`, `avatar_url`.
        texts: Vec<(&'static str, Template)>,
    },
    Telegram {
        message: Template,
        /// What does not depend on the notice.
        plain: Map<String, Value>,
        is_html: bool,
    },
    Pushover {
        title: Template,
        message: Template,
        /// `url`, `url_title`, `priority`, `sound`, `device`.
        texts: Vec<(&'static str, Template)>,
        plain: Map<String, Value>,
    },
    Webex {
        message: Template,
        room_id: Template,
    },
    MsTeams {
        title: Template,
        summary: Template,
        text: Template,
    },
    MsTeamsV2 {
        title: Template,
        text: Template,
    },
}

impl ChatForm {
    pub(super) fn render(&self, teller: &Teller<'_>) -> String {
        let fires = teller.notice().fires();
        match self {
            Self::Discord {
                title,
                message,
                texts,
            } => {
                let mut body = filled(texts, teller);
                let color = if fires { 10_038_562 } else { 3_066_993 };
                body.insert(
                    "embeds".to_owned(),
                    json!([{
                        "title": truncate(&teller.text(title), 256),
                        "description": truncate(&teller.text(message), 4096),
                        "color": color,
                    }]),
                );
                Value::Object(body)
            }
            Self::Telegram {
                message,
                plain,
                is_html,
            } => {
                let mut body = plain.clone();
                let text = if *is_html {
                    teller.html(message)
                } else {
                    teller.text(message)
                };
                body.insert("text".to_owned(), json!(truncate(&text, 4096)));
                Value::Object(body)
            }
            Self::Pushover {
                title,
                message,
                texts,
                plain,
            } => pushover(teller, (title, message), texts, plain),
            Self::Webex { message, room_id } => json!({
                "markdown": truncate(&teller.text(message), 7000),
                "roomId": teller.text(room_id),
            }),
            Self::MsTeams {
                title,
                summary,
                text,
            } => json!({
                "@context": "http://schema.org/extensions",
                "type": "MessageCard",
                "title": teller.text(title),
                "summary": teller.text(summary),
                "text": teller.text(text),
                "themeColor": if fires { "8C1A1A" } else { "2DC72D" },
            }),
            Self::MsTeamsV2 { title, text } => card(
                &teller.text(title),
                &teller.text(text),
                if fires { "Attention" } else { "Good" },
            ),
        }
        .to_string()
    }
}

fn pushover(
    teller: &Teller<'_>,
    (title, message): (&Template, &Template),
    texts: &[(&'static str, Template)],
    plain: &Map<String, Value>,
) -> Value {
    let mut body = filled(texts, teller);
    body.extend(plain.clone());
    // Only an emergency is repeated.
    if body.get("priority").and_then(Value::as_str) != Some("2") {
        body.retain(|name, _| name != "retry" && name != "expire");
    }
    let title = truncate(&teller.text(title), 250);
    body.insert("title".to_owned(), json!(title));
    let message = truncate(&teller.text(message), 1024);
    let message = match message.trim() {
        "" => "(no details)",
        message => message,
    };
    body.insert("message".to_owned(), json!(message));
    Value::Object(body)
}

/// An adaptive card.
fn card(title: &str, text: &str, color: &str) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    {
                        "type": "TextBlock",
                        "text": title,
                        "style": "heading",
                        "weight": "Bolder",
                        "size": "Medium",
                        "color": color,
                        "wrap": true,
                    },
                    { "type": "TextBlock", "text": text, "wrap": true },
                ],
                "msteams": { "width": "full" },
            },
        }],
    })
}
