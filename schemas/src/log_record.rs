mod plain;
mod read;

use serde_json::Value;

use crate::{Attributes, Exception, SeverityNumber, SpanId, Timestamp, TraceId};

pub use read::LogRecordError;

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
}
