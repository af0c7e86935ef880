//! Records of OTLP as their emitters nested them, for the contracts that speak of nested objects.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::Value;
use watchfire_schemas::Attributes;

use super::logs::FIELDS;
use super::{UNKNOWN_SERVICE, attributes};
use crate::admission::Verdict;
use crate::contracts::Held;

/// The attributes of each record that is held to a contract, in the order of the request; nothing
/// at all if there is no contract.
pub(crate) fn sent(request: &ExportLogsServiceRequest, held: &Held<'_>) -> Vec<Option<Attributes>> {
    if held.is_empty() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for of_resource in &request.resource_logs {
        let resource = of_resource.resource.as_ref();
        let resource = resource.map_or(&[][..], |resource| &resource.attributes);
        for of_scope in &of_resource.scope_logs {
            let scope = of_scope.scope.as_ref();
            let scope = scope.map_or(&[][..], |scope| &scope.attributes);
            let records = of_scope.log_records.iter();
            all.extend(records.map(|record| {
                let layers = [resource, scope, &record.attributes];
                let event_name = Some(record.event_name.as_str()).filter(|name| !name.is_empty());
                held.applies_to(event_name, service(layers))
                    .then(|| nested(layers, record))
            }));
        }
    }
    all
}

/// Holds a record to the contracts, in the form in which it was sent.
pub(crate) fn judged(held: &Held<'_>, verdict: Verdict, sent: Option<Attributes>) -> Verdict {
    let fields = match (&verdict, &sent) {
        (Verdict::Accepted(record), Some(_)) => serde_json::from_str(&record.to_line()).ok(),
        _ => None,
    };
    held.judge(verdict, None, || {
        let (mut sent, fields): (Attributes, Attributes) = (sent?, fields?);
        let is_field = |key: &str| FIELDS.contains(&key) || MADE.contains(&key);
        for (key, value) in fields {
            if is_field(&key) || !key.contains('.') {
                sent.entry(key).or_insert(value);
            }
        }
        Some(Value::Object(sent))
    })
}

/// Keys with a dot that are made of what OTLP has fields for.
const MADE: [&str; 4] = [
    "service.name",
    "otel.scope.name",
    "otel.scope.version",
    "otel.dropped_attributes_count",
];

/// The last layer that names it counts.
fn service(layers: [&[KeyValue]; 3]) -> &str {
    let pairs = layers.into_iter().flatten();
    let named = pairs.filter(|pair| pair.key == "service.name");
    let mut texts = named.filter_map(|pair| match pair.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.as_str()),
        _ => None,
    });
    texts
        .rfind(|name| !name.is_empty())
        .unwrap_or(UNKNOWN_SERVICE)
}

/// All attributes with their objects as they are, and a body that is no text as `body`.
fn nested(layers: [&[KeyValue]; 3], record: &LogRecord) -> Attributes {
    let mut object = Attributes::new();
    for pair in layers.into_iter().flatten() {
        let mut key = pair.key.clone();
        if FIELDS.contains(&key.as_str()) {
            key.insert_str(0, "attributes.");
        }
        object.insert(key, pair.value.as_ref().map_or(Value::Null, as_nested));
    }
    let body = record.body.as_ref().map(as_nested);
    if let Some(body) = body.filter(|body| body.is_object() || body.is_array()) {
        object.entry("body").or_insert(body);
    }
    object
}

fn as_nested(value: &AnyValue) -> Value {
    match &value.value {
        Some(any_value::Value::KvlistValue(list)) => {
            let pairs = list.values.iter().map(|pair| {
                let value = pair.value.as_ref().map_or(Value::Null, as_nested);
                (pair.key.clone(), value)
            });
            Value::Object(pairs.collect())
        }
        Some(any_value::Value::ArrayValue(array)) => {
            Value::Array(array.values.iter().map(as_nested).collect())
        }
        _ => attributes::any_value(value),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use watchfire_schemas::Timestamp;

    use super::*;
    use crate::admission::{Admission, Arrival};
    use crate::contracts::Contracts;
    use crate::otlp::json;

    /// The places at fault of one record with these attributes and this body, if it is refused.
    fn paths(schema: &Value, attributes: &Value, body: &Value) -> Vec<String> {
        let contracts = Contracts::default();
        let definition = json!({"name": "a", "event_name": "order", "schema": schema});
        contracts
            .register(serde_json::from_value(definition).unwrap())
            .unwrap();
        let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [
            {"eventName": "other"},
            {"eventName": "order", "attributes": attributes, "body": body}]}]}]});
        let request = json::logs(request.to_string().as_bytes()).unwrap();
        let arrival = Arrival {
            receiver: "otlp_http",
            at: Timestamp::from_secs(9),
        };
        let admission = Admission::new(Arc::new(contracts));
        let prepared = admission.otlp_logs(request, arrival);
        assert_eq!(prepared.receipt.accepted + prepared.receipt.quarantined, 2);
        let faults = prepared.faults.into_iter();
        let fault = faults.map(|(place, fault)| {
            assert_eq!(place, 2);
            fault
        });
        fault
            .flat_map(|fault| fault.violations)
            .map(|violation| violation.instance_path)
            .collect()
    }

    #[test]
    fn objects_are_judged_as_they_were_nested() {
        let payload = json!([{"key": "payload", "value": {"kvlistValue": {"values": [
            {"key": "a.b", "value": {"intValue": "5"}},
            {"key": "none"},
            {"key": "list", "value": {"arrayValue": {"values": [{"kvlistValue": {"values": [
                {"key": "x", "value": {"doubleValue": 1.5}}]}}]}}}]}}}]);
        let expected = json!({"a.b": 5, "none": null, "list": [{"x": 1.5}]});
        let text = json!({"stringValue": "m"});
        let exactly =
            json!({"properties": {"payload": {"const": expected}}, "required": ["payload"]});
        assert!(paths(&exactly, &payload, &text).is_empty());
        let other = json!({"properties": {"payload": {"properties": {"a.b": {"type": "string"}}}}});
        assert_eq!(paths(&other, &payload, &text), ["/payload/a.b"]);
        let flat = json!({"properties": {"payload.a.b": {"type": "string"}}});
        assert_eq!(paths(&flat, &payload, &text), ["/payload.a.b"]);
    }

    #[test]
    fn fields_and_a_body_that_is_an_object_are_there() {
        let body = json!({"kvlistValue": {"values": [{"key": "id", "value": {"intValue": "5"}}]}});
        let schema = json!({"required": ["timestamp", "severity", "message", "service.name"],
            "$ref": "log_record.v1",
            "properties": {"body": {"required": ["id", "total"]}, "event_name": {"const": "order"}}});
        assert_eq!(paths(&schema, &json!([]), &body), ["/body"]);
        let text = json!({"stringValue": "m"});
        assert!(paths(&schema, &json!([]), &text).is_empty());
    }
}
