//! `OpsGenie` and `VictorOps`: alerts that are opened and closed by an alias.

use serde_json::{Map, Value, json};

use super::slack::filled;
use crate::notification::EventAction;
use crate::notify::truncate;
use crate::receivers::teller::Teller;
use crate::rules::template::{Template, url_query};

const MAX_MESSAGE: usize = 130;
const MAX_STATE_MESSAGE: usize = 20_480;

#[derive(Debug, Clone)]
pub(crate) struct OpsGenieForm {
    pub message: Template,
    /// What is put in as text: `description`, `source`, `note`, `entity`, `priority`.
    pub texts: Vec<(&'static str, Template)>,
    pub details: Vec<(String, Template)>,
    pub responders: Vec<Responder>,
    /// Separated by commas.
    pub tags: Template,
    pub actions: Template,
}

#[derive(Debug, Clone)]
pub(crate) struct Responder(pub Vec<(&'static str, Template)>);

impl OpsGenieForm {
    pub(super) fn render(&self, teller: &Teller<'_>) -> String {
        let alias = teller.notice().dedup_key();
        let mut body = filled(&self.texts, teller);
        if teller.notice().action() == EventAction::Resolve {
            body.retain(|name, _| name == "source");
            let path = format!("v2/alerts/{}/close?identifierType=alias", url_query(&alias));
            return json!({ "path": path, "json": body }).to_string();
        }
        body.insert("alias".to_owned(), json!(alias));
        let message = truncate(&teller.text(&self.message), MAX_MESSAGE);
        body.insert("message".to_owned(), json!(message));
        let labels =
            super::super::teller::common(teller.notice().alerts.iter().map(|alert| &alert.labels));
        let mut details: Map<String, Value> = labels
            .into_iter()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        for (name, template) in &self.details {
            details.insert(name.clone(), json!(teller.text(template)));
        }
        body.insert("details".to_owned(), Value::Object(details));
        let responders = self
            .responders
            .iter()
            .map(|Responder(parts)| filled(parts, teller));
        let responders: Vec<_> = responders.filter(|parts| parts.len() > 1).collect();
        if !responders.is_empty() {
            body.insert("responders".to_owned(), json!(responders));
        }
        for (name, template) in [("tags", &self.tags), ("actions", &self.actions)] {
            let text = teller.text(template);
            let all: Vec<&str> = text
                .split(',')
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .collect();
            if !all.is_empty() {
                body.insert(name.to_owned(), json!(all));
            }
        }
        json!({ "path": "v2/alerts", "json": body }).to_string()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct VictorOpsForm {
    pub routing_key: Template,
    pub message_type: Template,
    pub state_message: Template,
    /// `entity_display_name`, `monitoring_tool`.
    pub texts: Vec<(&'static str, Template)>,
    pub custom: Vec<(String, Template)>,
}

impl VictorOpsForm {
    pub(super) fn render(&self, teller: &Teller<'_>) -> String {
        let mut body = filled(&self.texts, teller);
        let resolved = teller.notice().action() == EventAction::Resolve;
        let kind = if resolved {
            "RECOVERY".to_owned()
        } else {
            match teller.text(&self.message_type).as_str() {
                known @ ("CRITICAL" | "WARNING" | "INFO") => known.to_owned(),
                _ => "CRITICAL".to_owned(),
            }
        };
        body.insert("message_type".to_owned(), json!(kind));
        body.insert("entity_id".to_owned(), json!(teller.notice().dedup_key()));
        let message = truncate(&teller.text(&self.state_message), MAX_STATE_MESSAGE);
        body.insert("state_message".to_owned(), json!(message));
        for (name, template) in &self.custom {
            body.insert(name.clone(), json!(teller.text(template)));
        }
        let path = url_query(&teller.text(&self.routing_key));
        json!({ "path": path, "json": body }).to_string()
    }
}
