use serde::{Deserialize, Serialize};
use std::time::Duration;
use watchfire_schemas::Timestamp;

use crate::messages::catalogue::{Catalogue, TemplateVersion};
use crate::messages::channel::{Category, Channel};
use crate::messages::recipient::Recipient;
use crate::messages::template::Variables;
use crate::messages::wording::{Fault, Wording};

/// A message as it is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Submission {
    pub(crate) channel: Channel,
    pub(crate) to: String,
    #[serde(default = "transactional")]
    category: Category,
    template: Option<String>,
    template_version: Option<i64>,
    locale: Option<String>,
    #[serde(default)]
    variables: Variables,
    experiment: Option<String>,
    content: Option<Wording>,
    send_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

/// A message that can be sent as it is.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) channel: Channel,
    pub(crate) recipient: Recipient,
    pub(crate) category: Category,
    pub(crate) template: Option<(String, i64)>,
    pub(crate) locale: Option<String>,
    /// The names of the experiment and of the variant.
    pub(crate) experiment: Option<(String, String)>,
    pub(crate) wording: Wording,
    pub(crate) accepted_at: Timestamp,
    pub(crate) due_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// How far ahead a message may be asked for.
const FURTHEST: Duration = Duration::from_hours(30 * 24);
/// How long a message is worth sending if nothing else is said.
const WORTH: Duration = Duration::from_hours(24);

const fn transactional() -> Category {
    Category::Transactional
}

impl Submission {
    /// Checks everything and fills the template in, so that what is accepted can be sent.
    pub(crate) fn compose(&self, catalogue: &Catalogue, now: Timestamp) -> Result<Draft, Fault> {
        let recipient = Recipient::parse(self.channel, &self.to)
            .map_err(|expected| Fault::new("/to", expected))?;
        let (due_at, expires_at) = self.times(now)?;
        let mut draft = Draft {
            channel: self.channel,
            recipient,
            category: self.category,
            template: None,
            locale: None,
            experiment: None,
            wording: Wording {
                subject: None,
                text: None,
                html: None,
            },
            accepted_at: now,
            due_at,
            expires_at,
        };
        match (&self.template, &self.experiment, &self.content) {
            (Some(name), None, None) => {
                let template = catalogue.template(name, self.template_version);
                let template = template.ok_or_else(|| self.no_template())?;
                self.fill_in(&template, &mut draft)?;
            }
            (None, Some(name), None) => self.take_part(catalogue, name, &mut draft)?,
            (None, None, Some(content)) => {
                content
                    .check(self.channel)
                    .map_err(|fault| fault.beneath("/content"))?;
                draft.wording = content.clone();
            }
            _ => {
                let detail = "expected exactly one of template, experiment and content";
                return Err(Fault::new("", detail));
            }
        }
        Ok(draft)
    }

    fn no_template(&self) -> Fault {
        match self.template_version {
            Some(_) => Fault::new(
                "/template_version",
                "there is no such version of this template",
            ),
            None => Fault::new("/template", "there is no template of this name"),
        }
    }

    fn take_part(&self, catalogue: &Catalogue, name: &str, draft: &mut Draft) -> Result<(), Fault> {
        let experiment = catalogue.experiment(name);
        let experiment = experiment
            .ok_or_else(|| Fault::new("/experiment", "there is no experiment of this name"))?;
        let variant = experiment.assign(draft.recipient.as_str());
        let template = catalogue.template(&variant.template, None);
        let template = template
            .ok_or_else(|| Fault::new("/experiment", "a template of this experiment is gone"))?;
        draft.experiment = Some((experiment.name.clone(), variant.name.clone()));
        self.fill_in(&template, draft)
    }

    fn fill_in(&self, template: &TemplateVersion, draft: &mut Draft) -> Result<(), Fault> {
        if template.channel != self.channel {
            let detail = format!(
                "the template {} is one for {}",
                template.name,
                template.channel.as_str()
            );
            return Err(Fault::new("/channel", detail));
        }
        let (locale, wording) = template.wording(self.locale.as_deref());
        let rendered = wording.render(&self.variables);
        draft.wording = rendered.map_err(|error| {
            let pointer = format!("/variables/{}", error.variable());
            Fault::new(pointer, error.to_string())
        })?;
        let filled = draft.wording.check(self.channel);
        filled.map_err(|fault| Fault::new("/variables", format!("filled in: {}", fault.detail)))?;
        draft.template = Some((template.name.clone(), template.version));
        draft.locale = Some(locale.to_owned());
        Ok(())
    }

    fn times(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), Fault> {
        let due_at = self.send_at.map_or(now, |send_at| send_at.max(now));
        if due_at.since(now) > FURTHEST {
            return Err(Fault::new(
                "/send_at",
                "expected a time within the next 30 days",
            ));
        }
        let expires_at = self.expires_at.unwrap_or(due_at + WORTH);
        if expires_at <= due_at {
            return Err(Fault::new(
                "/expires_at",
                "expected a time after that of sending",
            ));
        }
        if expires_at.since(due_at) > FURTHEST {
            return Err(Fault::new(
                "/expires_at",
                "expected a time within 30 days of that of sending",
            ));
        }
        Ok((due_at, expires_at))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::messages::catalogue::TemplateSource;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn compose(given: &Value) -> Result<Draft, Fault> {
        let catalogue = Catalogue::default();
        let source = TemplateSource {
            name: "shipped".to_owned(),
            channel: Channel::Sms,
            default_locale: "en".to_owned(),
            locales: serde_json::from_value(
                json!({ "en": { "text": "Order {{order}} is on its way" } }),
            )
            .unwrap(),
        };
        catalogue.add_template(Arc::new(TemplateVersion::new(source, 1, NOW).unwrap()));
        let mut whole = json!({ "channel": "sms", "to": "+41791234567" });
        whole
            .as_object_mut()
            .unwrap()
            .extend(given.as_object().unwrap().clone());
        let submission: Submission = serde_json::from_value(whole).unwrap();
        submission.compose(&catalogue, NOW)
    }

    fn refused(given: &Value, expected: &str) {
        let fault = compose(given).unwrap_err();
        assert_eq!(fault.pointer, expected, "{given}: {}", fault.detail);
    }

    #[test]
    fn a_template_is_filled_in_when_a_message_is_accepted() {
        let draft =
            compose(&json!({ "template": "shipped", "variables": { "order": 7 } })).unwrap();
        assert_eq!(draft.wording.text.as_deref(), Some("Order 7 is on its way"));
        assert_eq!(draft.template, Some(("shipped".to_owned(), 1)));
        assert_eq!((draft.due_at, draft.expires_at), (NOW, NOW + WORTH));
    }

    #[test]
    fn a_time_that_is_over_means_now() {
        let draft =
            compose(&json!({ "content": { "text": "t" }, "send_at": "2020-01-01T00:00:00Z" }))
                .unwrap();
        assert_eq!(draft.due_at, NOW);
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        refused(&json!({ "template": "shipped" }), "/variables/order");
        refused(
            &json!({ "template": "shipped", "variables": { "order": [] } }),
            "/variables/order",
        );
        refused(&json!({ "template": "shiped" }), "/template");
        refused(
            &json!({ "template": "shipped", "template_version": 2 }),
            "/template_version",
        );
        refused(&json!({ "experiment": "none" }), "/experiment");
        refused(&json!({ "content": { "text": "" } }), "/content/text");
        refused(&json!({}), "");
        refused(
            &json!({ "template": "shipped", "content": { "text": "t" } }),
            "",
        );
        refused(&json!({ "content": { "text": "t" }, "to": "079" }), "/to");
        refused(
            &json!({ "content": { "text": "t" }, "send_at": "2100-01-01T00:00:00Z" }),
            "/send_at",
        );
        refused(
            &json!({ "content": { "text": "t" }, "expires_at": "2020-01-01T00:00:00Z" }),
            "/expires_at",
        );
        refused(
            &json!({ "channel": "push", "to": "device-0123456789", "template": "shipped", "variables": { "order": 1 } }),
            "/channel",
        );
        let long = "x".repeat(1_600);
        refused(
            &json!({ "template": "shipped", "variables": { "order": long } }),
            "/variables",
        );
    }
}
