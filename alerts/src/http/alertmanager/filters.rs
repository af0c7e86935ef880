//! What a request for alerts, groups or silences asks for.

use axum::http::StatusCode;
use axum::response::Response;
use watchfire_schemas::LabelSet;

use super::answer::{failed, refused};
use crate::routing::{Matcher, Matchers, Pattern};
use crate::{Silence, Suppression};

/// What a query string holds; a name may come several times.
pub(super) type Pairs = Vec<(String, String)>;

#[derive(Debug)]
pub(super) struct AlertFilter {
    /// The states of which no alert is wanted.
    left_out: Vec<&'static str>,
    matchers: Vec<Matcher>,
    receivers: ReceiverFilter,
}

#[derive(Debug, Default)]
pub(super) struct ReceiverFilter {
    pattern: Option<Pattern>,
    matchers: Vec<Matcher>,
}

impl AlertFilter {
    pub(super) fn read(pairs: &Pairs) -> Result<Self, Box<Response>> {
        let mut left_out = Vec::new();
        // Of those that are unprocessed there is none: an alert is routed when it is taken.
        for state in ["active", "silenced", "inhibited", "unprocessed", "muted"] {
            if !flag(pairs, state)? {
                left_out.push(state);
            }
        }
        Ok(Self {
            left_out,
            matchers: matchers(pairs, "filter")?,
            receivers: ReceiverFilter::read(pairs)?,
        })
    }

    pub(super) fn wants(&self, labels: &LabelSet, suppression: &Suppression) -> bool {
        let silenced = !suppression.silenced_by.is_empty();
        let inhibited = !suppression.inhibited_by.is_empty();
        let is_left_out = |state: &&'static str| match *state {
            "active" => !silenced && !inhibited,
            "silenced" => silenced,
            "inhibited" => inhibited,
            _ => false,
        };
        !self.left_out.iter().any(is_left_out)
            && self.matchers.iter().all(|matcher| matcher.matches(labels))
    }

    pub(super) fn wants_muted(&self) -> bool {
        !self.left_out.contains(&"muted")
    }

    pub(super) fn wants_receiver(&self, name: &str) -> bool {
        self.receivers.wants(name)
    }
}

impl ReceiverFilter {
    pub(super) fn read(pairs: &Pairs) -> Result<Self, Box<Response>> {
        let pattern = pairs.iter().find(|(key, _)| key == "receiver");
        let pattern = pattern.map(|(_, text)| Pattern::parse(text)).transpose();
        let wrong = |reason: String| {
            Box::new(refused(&format!(
                "failed to parse receiver param: {reason}"
            )))
        };
        Ok(Self {
            pattern: pattern.map_err(wrong)?,
            matchers: matchers(pairs, "receiver_matchers")?,
        })
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        let labels = LabelSet::new([("name", name)]);
        self.pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(name))
            && self.matchers.iter().all(|matcher| matcher.matches(&labels))
    }
}

#[derive(Debug)]
pub(super) struct SilenceFilter {
    states: [bool; 3],
    matchers: Vec<Matcher>,
}

impl SilenceFilter {
    pub(super) fn read(pairs: &Pairs) -> Result<Self, Box<Response>> {
        Ok(Self {
            states: [
                flag(pairs, "active")?,
                flag(pairs, "pending")?,
                flag(pairs, "expired")?,
            ],
            matchers: matchers(pairs, "filter")?,
        })
    }

    /// A filter is held to what the silence's own matchers say of the same label.
    pub(super) fn wants(&self, silence: &Silence) -> bool {
        let fits = |matcher: &Matcher| {
            let own = silence.matchers.iter().rev();
            let mut own = own.filter(|own| own.name == matcher.name);
            let said = own.next().map(|own| own.value.as_str());
            let is_about_presence = matcher.value.is_empty();
            (is_about_presence && said.is_some() != matcher.op.is_equal())
                || matcher.matches_value(said.unwrap_or_default())
        };
        self.states[silence.state as usize] && self.matchers.iter().all(fits)
    }
}

/// True where nothing is said.
fn flag(pairs: &Pairs, name: &str) -> Result<bool, Box<Response>> {
    let Some((_, text)) = pairs.iter().find(|(key, _)| key == name) else {
        return Ok(true);
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "ok" | "y" | "on" | "selected" | "checked" | "t" | "enabled" => {
            Ok(true)
        }
        "false" | "0" | "no" | "n" | "off" | "f" | "unselected" | "disabled" | "" => Ok(false),
        _ => {
            let reason = format!("{name} in query must be of type boolean: {text:?}");
            Err(Box::new(failed(
                StatusCode::UNPROCESSABLE_ENTITY,
                601,
                &reason,
            )))
        }
    }
}

fn matchers(pairs: &Pairs, name: &str) -> Result<Vec<Matcher>, Box<Response>> {
    let texts = pairs.iter().filter(|(key, _)| key == name);
    let mut all = Vec::new();
    for (_, text) in texts {
        all.extend(Matchers::parse(text).map_err(|reason| Box::new(refused(&reason)))?);
    }
    Ok(all)
}
