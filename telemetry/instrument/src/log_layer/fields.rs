use std::error::Error;
use std::fmt::{self, Write as _};

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use serde_json::Value;
use tracing::field::{Field, Visit};
use watchfire_schemas::{Attributes, Exception, SeverityNumber, SeverityRange};

use crate::span_data::number;

/// The longest text kept of one value.
const LONGEST: usize = 64 << 10;

/// How many causes of an error are told.
const DEEPEST: usize = 16;

/// Fields of spans that every record within them repeats.
const INHERITED: [&str; 6] = [
    "http.request.method",
    "http.route",
    "url.path",
    "request.id",
    "user.id",
    "session.id",
];

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
        let is_one = !exception.kind.is_empty() || !exception.message.is_empty();
        is_one.then_some(exception)
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

/// Records the exception on the span that is active here, too, as OpenTelemetry has it.
pub(super) fn add_to_span(exception: &Exception) {
    Context::map_current(|context| {
        let span = context.span();
        if !span.is_recording() {
            return;
        }
        let parts = [
            ("exception.type", &exception.kind),
            ("exception.message", &exception.message),
            ("exception.stacktrace", &exception.stacktrace),
        ];
        let attributes = parts
            .into_iter()
            .filter(|(_, part)| !part.is_empty())
            .map(|(key, part)| KeyValue::new(key, part.clone()))
            .collect();
        span.add_event("exception", attributes);
    });
}

/// The best name of an error's type that a `dyn Error` gives away: what its `Debug` begins with.
fn kind(error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        return format!("std::io::Error::{:?}", error.kind());
    }
    let text = debug_text(&error);
    leading_name(&text).unwrap_or("Error").to_owned()
}

/// `Timeout` of `Timeout { after: 5s }` and of `Timeout(5)`, but nothing of `Timeout after 5 s`.
fn leading_name(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let ends_like_a_name = rest.is_empty() || rest.starts_with('(') || rest.starts_with(" {");
    (ends_like_a_name && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
}

/// What an error says, and its causes after it. A cause that the text before has already told is left out.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    for _ in 0..DEEPEST {
        let Some(cause) = source else { break };
        let told = cause.to_string();
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = cause.source();
    }
    text
}

/// A `Debug` or `Display` that fails or panics must not take the service with it; failing is told.
fn debug_text(value: &dyn fmt::Debug) -> String {
    let mut text = String::new();
    if write!(text, "{value:?}").is_err() {
        text.push_str("(cannot be shown)");
    }
    text
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Capture {
        #[error("capture of {order} failed")]
        Refused {
            order: u32,
            #[source]
            source: std::io::Error,
        },
    }

    #[test]
    fn an_error_gives_its_type_and_its_causes() {
        let source = std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer");
        assert_eq!(kind(&source), "std::io::Error::TimedOut");
        let error = Capture::Refused { order: 7, source };
        assert_eq!(kind(&error), "Refused");
        assert_eq!(chain(&error), "capture of 7 failed: no answer");
    }

    #[test]
    fn a_name_is_told_from_a_sentence() {
        let check = |text, expected| assert_eq!(leading_name(text), expected, "{text}");
        check("Timeout", Some("Timeout"));
        check("Timeout(5)", Some("Timeout"));
        check("Database { code: 5 }", Some("Database"));
        check("Timeout after 5 s", None);
        check("\"text\"", None);
        check("", None);
    }
}
