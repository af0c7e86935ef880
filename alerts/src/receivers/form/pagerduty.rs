//! An event of `PagerDuty`, without the key.

use serde_json::{Map, Value, json};

use super::Payload;
use crate::notification::EventAction;
use crate::notify::truncate;
use crate::receivers::teller::Teller;
use crate::rules::template::Template;

const MAX_SUMMARY: usize = 1024;
/// `PagerDuty` takes 512 KB; the key is still to come.
const MAX_BODY_BYTES: usize = 512_000 - 100;

#[derive(Debug, Clone)]
pub(crate) struct PagerDutyForm {
    /// Of the older API.
    pub is_v1: bool,
    pub description: Template,
    pub client: Template,
    pub client_url: Template,
    pub source: Template,
    pub severity: Template,
    pub class: Option<Template>,
    pub component: Option<Template>,
    pub group: Option<Template>,
    pub details: Vec<(String, Payload)>,
    /// `src`, `alt`, `href`.
    pub images: Vec<[Template; 3]>,
    /// `href`, `text`.
    pub links: Vec<[Template; 2]>,
}

impl PagerDutyForm {
    pub(super) fn render(&self, teller: &Teller<'_>) -> String {
        let event = self.event(teller, self.details(teller));
        let body = Value::Object(event).to_string();
        if body.len() <= MAX_BODY_BYTES {
            return body;
        }
        let reason = "left out: the event was over PagerDuty's limit of 512 KB";
        Value::Object(self.event(teller, json!({ "error": reason }))).to_string()
    }

    fn details(&self, teller: &Teller<'_>) -> Value {
        let filled = self
            .details
            .iter()
            .map(|(name, it)| (name.clone(), it.filled(teller)));
        Value::Object(filled.collect())
    }

    fn event(&self, teller: &Teller<'_>, details: Value) -> Map<String, Value> {
        let notice = teller.notice();
        let action = notice.action().as_str();
        let summary = truncate(&teller.text(&self.description), MAX_SUMMARY);
        let mut event = Map::new();
        let mut put = |name: &str, value: Value| {
            event.insert(name.to_owned(), value);
        };
        if self.is_v1 {
            put("event_type", json!(action));
            put("incident_key", json!(notice.dedup_key()));
            put("description", json!(summary));
            put("details", details);
            if notice.action() == EventAction::Trigger {
                put("client", json!(teller.text(&self.client)));
                put("client_url", json!(teller.text(&self.client_url)));
            }
            return event;
        }
        let mut payload = json!({
            "summary": summary,
            "source": teller.text(&self.source),
            "severity": teller.text(&self.severity),
            "custom_details": details,
        });
        let optional = [
            ("class", &self.class),
            ("component", &self.component),
            ("group", &self.group),
        ];
        for (name, template) in optional {
            if let Some(text) = teller.maybe(template.as_ref()) {
                payload[name] = json!(text);
            }
        }
        put("event_action", json!(action));
        put("dedup_key", json!(notice.dedup_key()));
        put("payload", payload);
        put("client", json!(teller.text(&self.client)));
        put("client_url", json!(teller.text(&self.client_url)));
        put("images", self.images(teller));
        put("links", self.links(teller));
        event
    }

    fn images(&self, teller: &Teller<'_>) -> Value {
        let images = self.images.iter().map(|image| {
            let [src, alt, href] = image.each_ref().map(|template| teller.text(template));
            json!({ "src": src, "alt": alt, "href": href })
        });
        images.filter(|image| image["src"] != "").collect()
    }

    fn links(&self, teller: &Teller<'_>) -> Value {
        let links = self.links.iter().map(|link| {
            let [href, text] = link.each_ref().map(|template| teller.text(template));
            json!({ "href": href, "text": text })
        });
        links.filter(|link| link["href"] != "").collect()
    }
}
