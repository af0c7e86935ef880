use std::str::FromStr;

use serde_json::Value;

use super::LogRecord;
use crate::{Attributes, Exception, SeverityNumber, SeverityRange, Timestamp, flatten};

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

impl LogRecord {
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
        if let Some(record) = Self::from_plain_line(line, observed) {
            return Ok(record);
        }
        let object: Attributes = serde_json::from_slice(line)
            .map_err(|error| LogRecordError::NotAnObject(error.to_string()))?;
        Self::from_object(object, observed)
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
