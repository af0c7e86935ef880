use std::error::Error;
use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};
use watchfire_schemas::{Attributes, Exception, SeverityNumber, SeverityRange};

use super::error_text::{chain, debug_text, kind, leading_name, shortened};
use crate::span_data::number;

/// Keys of a record that are not attributes; an event's field of that name takes another.
const RESERVED: [&str; 9] = [
    "timestamp",
    "severity",
    "severity_number",
    "service.name",
    "trace_id",
    "span_id",
    "exception_group",
    "pattern_id",
    "id",
];

/// Keys that the contract says are texts.
const TEXTS: [&str; 8] = [
    "service.version",
    "service.namespace",
    "service.instance.id",
    "deployment.environment.name",
    "host.name",
    "http.request.method",
    "http.route",
    "url.path",
];

/// What an event says.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: Option<String>,
    pub(super) event_name: Option<String>,
    pub(super) severity: Option<SeverityNumber>,
    pub(super) attributes: Attributes,
    exception: Exception,
    /// The value of a field `error` that came as a text.
    error_text: Option<String>,
}

impl Fields {
    /// The exception that the event tells of. A text in the field `error` makes one only of an
    /// event that is an error itself.
    pub(super) fn exception(&mut self, severity: SeverityNumber) -> Option<Exception> {
        let mut exception = std::mem::take(&mut self.exception);
        if let Some(text) = self.error_text.take() {
            if severity < SeverityNumber::ERROR {
                self.attributes
                    .insert("error".to_owned(), Value::String(text));
            } else if exception.message.is_empty() {
                if exception.kind.is_empty() {
                    leading_name(&text)
                        .unwrap_or("Error")
                        .clone_into(&mut exception.kind);
                }
                exception.message = text;
            }
        }
        if !exception.stacktrace.is_empty()
            && exception
                == (Exception {
                    stacktrace: exception.stacktrace.clone(),
                    ..Exception::default()
                })
        {
            "Error".clone_into(&mut exception.kind);
        }
        let is_one = !exception.kind.is_empty() || !exception.message.is_empty();
        is_one.then_some(exception)
    }

    /// What a span or a request around the event says; the event itself comes first.
    pub(super) fn inherit(&mut self, key: &str, text: &str) {
        if !self.attributes.contains_key(key) {
            self.attributes.insert(key.to_owned(), text.into());
        }
    }

    fn text(&mut self, key: &'static str, text: String) {
        let text = shortened(text);
        match key {
            "message" => self.message = Some(text),
            "event_name" if !text.is_empty() => {
                self.event_name = Some(text.chars().take(256).collect());
            }
            "exception.type" => self.exception.kind = text,
            "exception.message" => self.exception.message = text,
            "exception.stacktrace" => self.exception.stacktrace = text,
            "error" => self.error_text = Some(text),
            "severity" if text.parse::<SeverityRange>().is_ok() => {
                self.severity = text.parse().ok().map(SeverityRange::number);
            }
            _ => self.attribute(key, Value::String(text)),
        }
    }

    /// Keeps the contract: reserved keys move aside, typed keys get their type.
    fn attribute(&mut self, key: &'static str, value: Value) {
        // The bridge from the crate `log` says things that the metadata say better.
        if key.is_empty() || key.starts_with("log.") {
            return;
        }
        let is_size = matches!(key, "http.request.body.size" | "http.response.body.size");
        let aside = RESERVED.contains(&key)
            || matches!(
                key,
                "message"
                    | "event_name"
                    | "exception.type"
                    | "exception.message"
                    | "exception.stacktrace"
            )
            || (key == "http.response.status_code"
                && !value
                    .as_u64()
                    .is_some_and(|code| (100..600).contains(&code)))
            || (is_size && !value.is_u64());
        if aside {
            self.attributes.insert(format!("field.{key}"), value);
        } else if !value.is_string() && TEXTS.contains(&key) {
            self.attributes
                .insert(key.to_owned(), Value::String(value.to_string()));
        } else {
            self.attributes.insert(key.to_owned(), value);
        }
    }

    fn error(&mut self, error: &(dyn Error + 'static)) {
        if self.exception.kind.is_empty() {
            self.exception.kind = kind(error);
        }
        if self.exception.message.is_empty() {
            self.exception.message = shortened(chain(error));
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.attribute(field.name(), number(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.attribute(field.name(), value.into()),
            Err(_) => self.attribute(field.name(), value.into()),
        }
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.attribute(field.name(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attribute(field.name(), value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value.to_owned());
    }
    fn record_error(&mut self, _: &Field, value: &(dyn Error + 'static)) {
        self.error(value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), debug_text(value));
    }
}
