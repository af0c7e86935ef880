use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::Value;
use watchfire_schemas::{Attributes, SeverityNumber, SeverityRange, Timestamp};

use super::{UNKNOWN_SERVICE, attributes, time_of};

/// The fields of a line that an attribute of the same name must not take the place of. Such an
/// attribute is kept as `attributes.<name>`.
pub(super) const FIELDS: [&str; 9] = [
    "timestamp",
    "severity",
    "severity_number",
    "message",
    "event_name",
    "trace_id",
    "span_id",
    "exception_group",
    "pattern_id",
];

/// What the records of a scope share, as part of the object of a line.
pub(super) fn base(resource: Attributes, scope: Attributes) -> Attributes {
    let mut base = resource;
    base.extend(scope);
    if base.get("service.name").is_none_or(|name| name == "") {
        base.insert("service.name".to_owned(), Value::from(UNKNOWN_SERVICE));
    }
    set_aside_fields(base)
}

/// A record as the object of a log line. What is wrong in OTLP is wrong in the object too, so that
/// the contract finds it.
pub(super) fn object(record: &LogRecord, base: &Attributes, received_at: Timestamp) -> Attributes {
    let mut object = base.clone();
    object.extend(set_aside_fields(attributes::attributes(&record.attributes)));
    let times = [record.time_unix_nano, record.observed_time_unix_nano];
    let mut put = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    put("timestamp", time_of(&times, received_at).to_string().into());
    let range = severity(record);
    put("severity", range.as_str().into());
    let number = i64::from(record.severity_number);
    if number != 0 && number != i64::from(range.number().get()) {
        put("severity_number", number.into());
    }
    if !record.severity_text.is_empty()
        && !record.severity_text.eq_ignore_ascii_case(range.as_str())
    {
        put("severity_text", record.severity_text.as_str().into());
    }
    let message = record.body.clone().map(attributes::in_words);
    let message = message.unwrap_or_else(|| record.event_name.clone());
    put("message", message.into());
    if !record.event_name.is_empty() {
        put("event_name", record.event_name.as_str().into());
    }
    for (key, id) in [("trace_id", &record.trace_id), ("span_id", &record.span_id)] {
        // All zeros is how some say that there is none.
        if id.iter().any(|byte| *byte != 0) {
            put(key, hex(id).into());
        }
    }
    if record.flags & 0xff != 0 {
        put("trace_flags", (record.flags & 0xff).into());
    }
    if record.dropped_attributes_count > 0 {
        put(
            "otel.dropped_attributes_count",
            record.dropped_attributes_count.into(),
        );
    }
    object
}

/// The named range: by the number, else by the text, else INFO. A number that is none stays for
/// the contract to find.
pub(super) fn severity(record: &LogRecord) -> SeverityRange {
    if let Some(number) = SeverityNumber::new(i64::from(record.severity_number)) {
        return number.range();
    }
    let says = |name: &str| record.severity_text.eq_ignore_ascii_case(name);
    match () {
        () if says("TRACE") => SeverityRange::Trace,
        () if says("DEBUG") => SeverityRange::Debug,
        () if says("WARN") || says("WARNING") => SeverityRange::Warn,
        () if says("ERROR") || says("ERR") => SeverityRange::Error,
        () if says("FATAL") || says("CRITICAL") => SeverityRange::Fatal,
        () => SeverityRange::Info,
    }
}

fn set_aside_fields(mut all: Attributes) -> Attributes {
    if !all.keys().any(|key| FIELDS.contains(&key.as_str())) {
        return all;
    }
    for field in FIELDS {
        if let Some(value) = all.remove(field) {
            all.insert(format!("attributes.{field}"), value);
        }
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut text = String::with_capacity(2 * bytes.len());
    text.extend(digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
    text
}

/// Every record of a request as the object of a log line.
#[cfg(test)]
pub(super) fn objects(
    request: &opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest,
    received_at: Timestamp,
) -> impl Iterator<Item = Attributes> + '_ {
    request.resource_logs.iter().flat_map(move |of_resource| {
        let resource = attributes::resource(of_resource.resource.as_ref());
        of_resource.scope_logs.iter().flat_map(move |of_scope| {
            let base = base(resource.clone(), attributes::scope(of_scope.scope.as_ref()));
            let records = of_scope.log_records.iter();
            records.map(move |record| object(record, &base, received_at))
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::otlp::json;

    fn check(record: &Value, expected: &Value) {
        let request = json!({"resourceLogs": [{
            "resource": {"attributes": [
                {"key": "service.name", "value": {"stringValue": "shop"}},
                {"key": "host.name", "value": {"stringValue": "h1"}},
            ]},
            "scopeLogs": [{"scope": {"name": "lib"}, "logRecords": [record]}],
        }]});
        let request = json::logs(request.to_string().as_bytes()).unwrap();
        let mut object = objects(&request, Timestamp::from_secs(9)).next().unwrap();
        assert_eq!(object.remove("service.name"), Some(json!("shop")));
        assert_eq!(object.remove("otel.scope.name"), Some(json!("lib")));
        let host = object.remove("host.name");
        assert!(host.is_some());
        assert_eq!(Value::Object(object), *expected);
    }

    #[test]
    fn a_record_becomes_the_object_of_a_line() {
        check(
            &json!({}),
            &json!({"timestamp": "1970-01-01T00:00:09Z", "severity": "INFO", "message": ""}),
        );
        check(
            &json!({"observedTimeUnixNano": "5000000000", "severityNumber": 18, "severityText": "ERROR",
                "body": {"stringValue": "m"}, "eventName": "e", "flags": 1,
                "traceId": "4BF92F3577B34DA6A3CE929D0E0E4736", "spanId": "0000000000000000"}),
            &json!({"timestamp": "1970-01-01T00:00:05Z", "severity": "ERROR", "severity_number": 18,
                "message": "m", "event_name": "e", "trace_flags": 1,
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}),
        );
        check(
            &json!({"timeUnixNano": 1, "severityText": "Warning", "body": {"kvlistValue": {"values": [
                {"key": "a", "value": {"intValue": "9007199254740993"}}]}}}),
            &json!({"timestamp": "1970-01-01T00:00:00.000000001Z", "severity": "WARN",
                "severity_text": "Warning", "message": "{\"a\":9007199254740993}"}),
        );
    }

    #[test]
    fn attributes_keep_out_of_the_fields_and_over_the_resource() {
        check(
            &json!({"timeUnixNano": "1000000000", "attributes": [
                {"key": "message", "value": {"stringValue": "theirs"}},
                {"key": "host.name", "value": {"stringValue": "h2"}},
                {"key": "http", "value": {"kvlistValue": {"values": [{"key": "route", "value": {"stringValue": "/"}}]}}},
                {"key": "exception.type", "value": {"stringValue": "E"}}]}),
            &json!({"timestamp": "1970-01-01T00:00:01Z", "severity": "INFO", "message": "",
                "attributes.message": "theirs", "http.route": "/", "exception.type": "E"}),
        );
    }
}
