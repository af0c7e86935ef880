use serde::{Deserialize, Serialize};

use crate::messages::channel::Channel;
use crate::messages::template::{Escape, RenderError, Template, TemplateError, Variables};

/// The words of a message, or of a template in one locale. Which of them there are depends on the
/// channel: see [`Wording::check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wording {
    /// An e-mail's subject, a push message's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) html: Option<String>,
}

/// One thing that is wrong with what was sent, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// A JSON pointer.
    pub(crate) pointer: String,
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }

    /// The same, seen from one level above.
    #[must_use]
    pub(crate) fn beneath(self, parent: &str) -> Self {
        Self::new(format!("{parent}{}", self.pointer), self.detail)
    }
}

/// A wording whose templates have been read.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    subject: Option<Template>,
    text: Option<Template>,
    html: Option<Template>,
}

const LONGEST_SUBJECT: usize = 400;
/// Ten parts of a concatenated SMS.
const LONGEST_SMS: usize = 1_530;
/// What the push services take at most is 4 KiB with the envelope.
const LONGEST_PUSH: usize = 3_000;
const LONGEST_EMAIL: usize = 200_000;

impl Wording {
    /// Whether these are the words that a channel needs, and no more than it takes.
    pub(crate) fn check(&self, channel: Channel) -> Result<(), Fault> {
        let fault = |pointer: &str, detail: &str| Err(Fault::new(pointer, detail));
        let missing =
            |part: &Option<String>| part.as_ref().is_none_or(|part| part.trim().is_empty());
        match channel {
            Channel::Email if missing(&self.subject) => {
                fault("/subject", "an e-mail needs a subject")
            }
            Channel::Email if missing(&self.text) && missing(&self.html) => {
                fault("/text", "an e-mail needs a text or html")
            }
            Channel::Sms if self.subject.is_some() => fault("/subject", "an SMS has no subject"),
            Channel::Sms | Channel::Push if self.html.is_some() => {
                fault("/html", "only an e-mail has html")
            }
            Channel::Sms | Channel::Push if missing(&self.text) => {
                fault("/text", "a text is needed")
            }
            _ => self.check_lengths(channel),
        }
    }

    fn check_lengths(&self, channel: Channel) -> Result<(), Fault> {
        let longest = match channel {
            Channel::Email => LONGEST_EMAIL,
            Channel::Sms => LONGEST_SMS,
            Channel::Push => LONGEST_PUSH,
        };
        let parts = [
            ("/subject", &self.subject, LONGEST_SUBJECT),
            ("/text", &self.text, longest),
            ("/html", &self.html, longest),
        ];
        for (pointer, part, longest) in parts {
            if part.as_ref().is_some_and(|part| part.len() > longest) {
                return Err(Fault::new(pointer, format!("it may hold {longest} bytes")));
            }
        }
        Ok(())
    }

    /// Reads the templates in it.
    pub(crate) fn parse(&self) -> Result<Parsed, Fault> {
        let parse = |pointer, source: &Option<String>| {
            let parsed = source.as_deref().map(Template::parse).transpose();
            parsed.map_err(|error: TemplateError| Fault::new(pointer, error.to_string()))
        };
        Ok(Parsed {
            subject: parse("/subject", &self.subject)?,
            text: parse("/text", &self.text)?,
            html: parse("/html", &self.html)?,
        })
    }
}

impl Parsed {
    pub(crate) fn render(&self, variables: &Variables) -> Result<Wording, RenderError> {
        let render = |part: &Option<Template>, escape| {
            let part = part.as_ref().map(|part| part.render(variables, escape));
            part.transpose()
        };
        Ok(Wording {
            subject: render(&self.subject, Escape::Line)?,
            text: render(&self.text, Escape::Text)?,
            html: render(&self.html, Escape::Html)?,
        })
    }

    /// The names of what has to be filled in, sorted.
    pub(crate) fn variables(&self) -> Vec<String> {
        let parts = [&self.subject, &self.text, &self.html];
        let names = parts.into_iter().flatten().flat_map(Template::variables);
        let names: std::collections::BTreeSet<&str> = names.collect();
        names.into_iter().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(channel: Channel, wording: &Value, expected: Option<&str>) {
        let wording: Wording = serde_json::from_value(wording.clone()).unwrap();
        let fault = wording.check(channel).err().map(|fault| fault.pointer);
        assert_eq!(fault.as_deref(), expected, "{wording:?}");
    }

    #[test]
    fn a_channel_has_its_words() {
        check(
            Channel::Email,
            &json!({ "subject": "s", "html": "<p>" }),
            None,
        );
        check(Channel::Email, &json!({ "text": "t" }), Some("/subject"));
        check(
            Channel::Email,
            &json!({ "subject": "s", "text": " " }),
            Some("/text"),
        );
        check(Channel::Sms, &json!({ "text": "t" }), None);
        check(
            Channel::Sms,
            &json!({ "subject": "s", "text": "t" }),
            Some("/subject"),
        );
        check(
            Channel::Sms,
            &json!({ "text": "x".repeat(1_531) }),
            Some("/text"),
        );
        check(Channel::Push, &json!({ "subject": "s", "text": "t" }), None);
        check(
            Channel::Push,
            &json!({ "text": "t", "html": "h" }),
            Some("/html"),
        );
    }

    #[test]
    fn each_part_is_filled_in_by_its_own_rules() {
        let wording: Wording = serde_json::from_value(json!({
            "subject": "For {{who}}", "text": "{{who}}", "html": "<i>{{who}}</i> {{n}}"
        }))
        .unwrap();
        let parsed = wording.parse().unwrap();
        assert_eq!(parsed.variables(), ["n", "who"]);
        let variables = serde_json::from_value(json!({ "who": "A&B\n", "n": 1 })).unwrap();
        let rendered = parsed.render(&variables).unwrap();
        assert_eq!(rendered.subject.as_deref(), Some("For A&B "));
        assert_eq!(rendered.text.as_deref(), Some("A&B\n"));
        assert_eq!(rendered.html.as_deref(), Some("<i>A&amp;B\n</i> 1"));
    }
}
