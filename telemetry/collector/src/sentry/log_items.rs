use serde_json::Value;
use watchfire_schemas::{Attributes, LogRecord, SeverityNumber, Timestamp};

use super::event::severity;
use super::{Sender, given};

/// Clients put what OpenTelemetry has a name for under names of their own.
const RENAMED: [(&str, &str); 6] = [
    ("sentry.release", "service.version"),
    ("sentry.environment", "deployment.environment.name"),
    ("sentry.server.address", "host.name"),
    ("server.address", "host.name"),
    ("sentry.sdk.name", "telemetry.sdk.name"),
    ("sentry.sdk.version", "telemetry.sdk.version"),
];

/// The records of an item that holds structured logs, and how many could not be read.
pub(super) fn records(item: &Value, sender: &Sender, arrived: Timestamp) -> (Vec<LogRecord>, u64) {
    let (mut records, mut broken) = (Vec::new(), 0);
    for log in given::list(item, "items") {
        match record(log, sender, arrived) {
            Some(record) => records.push(record),
            None => broken += 1,
        }
    }
    (records, broken)
}

fn record(log: &Value, sender: &Sender, arrived: Timestamp) -> Option<LogRecord> {
    let body = given::text(log, "body")?;
    let number = given::number(log, "severity_number");
    let level = given::text(log, "level").unwrap_or_default();
    let severity = number
        .and_then(|number| SeverityNumber::new(number as i64))
        .or_else(|| severity(&level))
        .unwrap_or(SeverityNumber::INFO);
    let mut attributes = Attributes::new();
    let given = log.get("attributes").and_then(Value::as_object);
    for (key, value) in given.into_iter().flatten() {
        let renamed = RENAMED.iter().find(|(from, _)| from == key);
        let key = renamed.map_or(key.as_str(), |(_, to)| to);
        // A typed value, or the bare one.
        let value = value.get("value").unwrap_or(value);
        attributes.insert(key.to_owned(), value.clone());
    }
    let service = attributes.remove("service.name");
    let service = service.as_ref().and_then(given::as_text);
    let at = given::time(log, "timestamp").unwrap_or(arrived);
    let mut record = LogRecord::new(
        at,
        severity,
        service.unwrap_or_else(|| sender.service()),
        body,
    );
    record.observed_timestamp = arrived;
    record.trace_id = given::text(log, "trace_id").and_then(|id| id.parse().ok());
    let span = given::text(log, "span_id");
    record.span_id = span.and_then(|id| id.parse().ok());
    record.attributes = attributes;
    Some(record)
}
