//! A message of Slack with one attachment.

use serde_json::{Map, Value, json};

use crate::notify::truncate;
use crate::receivers::teller::Teller;
use crate::rules::template::Template;

const MAX_TITLE: usize = 1024;

#[derive(Debug, Clone)]
pub(crate) struct SlackForm {
    /// Of the message: the channel, the user name, the icons, its own text.
    pub message: Vec<(&'static str, Template)>,
    /// Of the attachment.
    pub attachment: Vec<(&'static str, Template)>,
    pub fields: Vec<SlackField>,
    pub actions: Vec<SlackAction>,
    pub link_names: bool,
    pub mrkdwn_in: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct SlackField {
    pub title: Template,
    pub value: Template,
    pub short: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct SlackAction {
    pub parts: Vec<(&'static str, Template)>,
    pub confirm: Vec<(&'static str, Template)>,
}

impl SlackForm {
    pub(super) fn render(&self, teller: &Teller<'_>) -> String {
        let mut message = filled(&self.message, teller);
        if self.link_names {
            message.insert("link_names".to_owned(), json!(true));
        }
        let mut attachment = filled(&self.attachment, teller);
        if let Some(title) = attachment.get("title").and_then(Value::as_str) {
            let title = truncate(title, MAX_TITLE);
            attachment.insert("title".to_owned(), json!(title));
        }
        attachment.insert("mrkdwn_in".to_owned(), json!(self.mrkdwn_in));
        let fields = self.fields.iter().map(|field| {
            let (title, value) = (teller.text(&field.title), teller.text(&field.value));
            json!({ "title": title, "value": value, "short": field.short })
        });
        let fields: Vec<Value> = fields.collect();
        if !fields.is_empty() {
            attachment.insert("fields".to_owned(), json!(fields));
        }
        let actions = self.actions.iter().map(|action| {
            let mut shown = filled(&action.parts, teller);
            let confirm = filled(&action.confirm, teller);
            if !confirm.is_empty() {
                shown.insert("confirm".to_owned(), Value::Object(confirm));
            }
            Value::Object(shown)
        });
        let actions: Vec<Value> = actions.collect();
        if !actions.is_empty() {
            attachment.insert("actions".to_owned(), json!(actions));
        }
        message.insert("attachments".to_owned(), json!([attachment]));
        Value::Object(message).to_string()
    }
}

/// Those that say something.
pub(super) fn filled(
    templates: &[(&'static str, Template)],
    teller: &Teller<'_>,
) -> Map<String, Value> {
    let filled = templates
        .iter()
        .map(|(name, template)| ((*name).to_owned(), teller.text(template)));
    filled
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name, json!(text)))
        .collect()
}
