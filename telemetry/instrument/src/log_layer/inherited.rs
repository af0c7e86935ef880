use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};

use super::error_text::debug_text;
use super::fields::Fields;

/// Fields of spans that every record within them repeats.
const INHERITED: [&str; 6] = [
    "http.request.method",
    "http.route",
    "url.path",
    "request.id",
    "user.id",
    "session.id",
];

/// The fields of a span that its events repeat.
#[derive(Debug, Default)]
pub(super) struct Inherited(Vec<(&'static str, Value)>);

impl Inherited {
    /// What the event, or a span further in, says itself comes first.
    pub(super) fn give_to(&self, fields: &mut Fields) {
        for (key, value) in &self.0 {
            if !fields.attributes.contains_key(*key) {
                fields.attributes.insert((*key).to_owned(), value.clone());
            }
        }
    }

    fn keep(&mut self, field: &Field, value: impl FnOnce() -> String) {
        if INHERITED.contains(&field.name()) {
            self.0.retain(|(key, _)| *key != field.name());
            self.0.push((field.name(), Value::String(value())));
        }
    }
}

impl Visit for Inherited {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, || value.to_owned());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, || debug_text(value));
    }
}
