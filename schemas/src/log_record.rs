use std::str::FromStr;

use serde_json::Value;

use crate::{
    Attributes, Exception, SeverityNumber, SeverityRange, SpanId, Timestamp, TraceId, flatten,
};

/// One log record: the fields that the contract names, and every other key as an attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// When it happened, by the emitter's clock.
    pub timestamp: Timestamp,
    /// When we received it. Not part of the line; kept beside it.
    pub observed_timestamp: Timestamp,
    /// How bad it is.
    pub severity: SeverityNumber,
    /// `service.name`.
    pub service: String,
    /// What it says.
    pub message: String,
    /// `event_name`: which kind of event this is, if the emitter names kinds.
    pub event_name: Option<String>,
    /// The trace that it belongs to.
    pub trace_id: Option<TraceId>,
    /// The span that it belongs to.
    pub span_id: Option<SpanId>,
    /// The exception that it tells of.
    pub exception: Option<Exception>,
    /// The group of that exception. Found at intake; not part of the emitter's line.
    pub exception_group: Option<String>,
    /// The pattern of its message. Found at intake; not part of the emitter's line.
    pub pattern_id: Option<String>,
    /// Every other key: dotted flat keys, `service.version`, `http.route`, …
    pub attributes: Attributes,
}

/// Why a JSON object is not a [`LogRecord`]. The contract's validator finds the same faults and
/// more, with paths; this is what remains for one who reads a line without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogRecordError {
    /// Not JSON, or not an object.
    #[error("expected one JSON object: {0}")]
    NotAnObject(String),
    /// A required key is missing or of the wrong type.
    #[error("{key}: {reason}")]
    Key {
        /// Which key.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Whether JSON writes the byte as it is within a text.
fn is_written_as_it_is(byte: u8) -> bool {
    (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\'
}

fn is_reserved(key: &str) -> bool {
    matches!(
        key,
        "timestamp"
            | "severity"
            | "severity_number"
            | "service.name"
            | "message"
            | "event_name"
            | "trace_id"
            | "span_id"
            | "exception.type"
            | "exception.message"
            | "exception.stacktrace"
            | "exception_group"
            | "pattern_id"
    )
}

impl LogRecord {
    /// A record with the required fields and nothing else, observed when it happened.
    pub fn new(
        at: Timestamp,
        severity: SeverityNumber,
        service: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            timestamp: at,
            observed_timestamp: at,
            severity,
            service: service.into(),
            message: message.into(),
            event_name: None,
            trace_id: None,
            span_id: None,
            exception: None,
            exception_group: None,
            pattern_id: None,
            attributes: Attributes::new(),
        }
    }

    /// The record that a line's object tells of. Nested objects are flattened first.
    pub fn from_object(object: Attributes, observed: Timestamp) -> Result<Self, LogRecordError> {
        let mut object = flatten(object);
        let timestamp = parsed(&mut object, "timestamp")?.ok_or_else(|| missing("timestamp"))?;
        let range: SeverityRange =
            parsed(&mut object, "severity")?.ok_or_else(|| missing("severity"))?;
        let severity = match object.remove("severity_number") {
            None => range.number(),
            Some(number) => number
                .as_i64()
                .and_then(SeverityNumber::new)
                .filter(|number| number.range() == range)
                .ok_or_else(|| {
                    key_error(
                        "severity_number",
                        "expected 1 to 24, within the range of severity",
                    )
                })?,
        };
        Ok(Self {
            timestamp,
            observed_timestamp: observed,
            severity,
            service: text(&mut object, "service.name")?.ok_or_else(|| missing("service.name"))?,
            message: text(&mut object, "message")?.ok_or_else(|| missing("message"))?,
            event_name: text(&mut object, "event_name")?,
            trace_id: parsed(&mut object, "trace_id")?,
            span_id: parsed(&mut object, "span_id")?,
            exception: exception(&mut object)?,
            exception_group: text(&mut object, "exception_group")?,
            pattern_id: text(&mut object, "pattern_id")?,
            attributes: object,
        })
    }

    /// The record that one JSON line tells of.
    pub fn from_line(line: &[u8], observed: Timestamp) -> Result<Self, LogRecordError> {
        let object: Attributes = serde_json::from_slice(line)
            .map_err(|error| LogRecordError::NotAnObject(error.to_string()))?;
        Self::from_object(object, observed)
    }

    /// The canonical line: reserved keys first, then the attributes; no line feed at the end.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut put = |key: &str, value: &dyn erased::Json| {
            out.push(if out.len() == start { b'{' } else { b',' });
            if key.bytes().all(is_written_as_it_is) {
                out.push(b'"');
                out.extend_from_slice(key.as_bytes());
                out.push(b'"');
            } else {
                erased::Json::write(&key, out);
            }
            out.push(b':');
            value.write(out);
        };
        put("timestamp", &self.timestamp);
        put("severity", &self.severity.as_str());
        if self.severity != self.severity.range().number() {
            put("severity_number", &self.severity.get());
        }
        put("service.name", &self.service);
        put("message", &self.message);
        if let Some(name) = &self.event_name {
            put("event_name", name);
        }
        if let Some(id) = &self.trace_id {
            put("trace_id", id);
        }
        if let Some(id) = &self.span_id {
            put("span_id", id);
        }
        if let Some(exception) = &self.exception {
            let parts = [
                ("exception.type", &exception.kind),
                ("exception.message", &exception.message),
                ("exception.stacktrace", &exception.stacktrace),
            ];
            for (key, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
                put(key, part);
            }
        }
        if let Some(group) = &self.exception_group {
            put("exception_group", group);
        }
        if let Some(pattern) = &self.pattern_id {
            put("pattern_id", pattern);
        }
        for (key, value) in &self.attributes {
            // An attribute cannot take the place of a reserved key.
            if !is_reserved(key) {
                put(key, value);
            }
        }
        out.push(b'}');
    }

    /// The canonical line as text.
    pub fn to_line(&self) -> String {
        let mut out = Vec::with_capacity(256);
        self.write_line(&mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    /// `service.version`, if the emitter says it.
    pub fn version(&self) -> Option<&str> {
        self.attributes
            .get("service.version")
            .and_then(Value::as_str)
    }

    /// `deployment.environment.name`, if the emitter says it.
    pub fn environment(&self) -> Option<&str> {
        self.attributes
            .get("deployment.environment.name")
            .and_then(Value::as_str)
    }
}

/// Serialising a JSON value into a byte buffer cannot fail; this says so once.
mod erased {
    use serde::Serialize;

    pub(super) trait Json {
        fn write(&self, out: &mut Vec<u8>);
    }

    impl<T: Serialize> Json for T {
        fn write(&self, out: &mut Vec<u8>) {
            serde_json::to_writer(out, self).expect("writing JSON to memory does not fail");
        }
    }
}

fn exception(object: &mut Attributes) -> Result<Option<Exception>, LogRecordError> {
    let exception = Exception {
        kind: text(object, "exception.type")?.unwrap_or_default(),
        message: text(object, "exception.message")?.unwrap_or_default(),
        stacktrace: text(object, "exception.stacktrace")?.unwrap_or_default(),
    };
    Ok((exception != Exception::default()).then_some(exception))
}

fn text(object: &mut Attributes, key: &'static str) -> Result<Option<String>, LogRecordError> {
    match object.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(key_error(key, "expected a string")),
    }
}

fn parsed<T: FromStr>(
    object: &mut Attributes,
    key: &'static str,
) -> Result<Option<T>, LogRecordError>
where
    T::Err: std::fmt::Display,
{
    let Some(text) = text(object, key)? else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|error: T::Err| key_error(key, &error.to_string()))
}

fn missing(key: &'static str) -> LogRecordError {
    key_error(key, "is required")
}

fn key_error(key: &'static str, reason: &str) -> LogRecordError {
    LogRecordError::Key {
        key,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"timestamp":"2026-11-22T05:57:27.5Z","severity":"ERROR","service":{"name":"payments"},
        "message":"capture failed","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","exception.type":"Timeout",
        "http":{"route":"/pay","status":504},"tags":["a",1]}"#;

    #[test]
    fn a_line_survives_the_record() {
        let record = LogRecord::from_line(LINE.as_bytes(), Timestamp::default()).unwrap();
        assert_eq!(record.service, "payments");
        assert_eq!(record.attributes["http.status"], 504);
        assert_eq!(
            record.exception.as_ref().map(|e| e.kind.as_str()),
            Some("Timeout")
        );
        let again =
            LogRecord::from_line(record.to_line().as_bytes(), Timestamp::default()).unwrap();
        assert_eq!(again, record);
    }

    #[test]
    fn a_fault_names_its_key() {
        let check = |line: &str, expected: &str| {
            let error = LogRecord::from_line(line.as_bytes(), Timestamp::default()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(r#"{"severity":"INFO"}"#, "timestamp: is required");
        check(r#"{"timestamp":5}"#, "timestamp: expected a string");
        check(
            r#"{"timestamp":"1970-01-01T00:00:00Z","severity":"BAD"}"#,
            "severity: expected one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL",
        );
        check(
            r#"{"timestamp":"1970-01-01T00:00:00Z","severity":"INFO","severity_number":17}"#,
            "severity_number: expected 1 to 24, within the range of severity",
        );
    }
}
