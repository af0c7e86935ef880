//! Spans as OTLP writes them in JSON.

use std::collections::HashMap;

use serde_json::{Value, json};
use watchfire_schemas::{Attributes, Span, SpanKind, SpanStatus};

const SCOPE_VERSION: &str = "otel.scope.version";

/// Spans by their resource and scope, as text, so that many of them never lie in memory as values.
#[derive(Debug, Default)]
pub(super) struct OtlpText {
    /// The heads of the groups in the order of their first span, each with its spans.
    groups: Vec<(String, String)>,
    index: HashMap<String, usize>,
}

impl OtlpText {
    pub(super) fn add(&mut self, span: &Span) {
        let head = head(span);
        let groups = &mut self.groups;
        let at = *self.index.entry(head).or_insert_with_key(|head| {
            groups.push((head.clone(), String::new()));
            groups.len() - 1
        });
        let spans = &mut self.groups[at].1;
        if !spans.is_empty() {
            spans.push(',');
        }
        spans.push_str(&shown(span).to_string());
    }

    /// `TracesData`.
    pub(super) fn end(self) -> String {
        let groups = self.groups.iter();
        let groups = groups.map(|(head, spans)| format!("{head}{spans}]}}]}}"));
        format!(
            "{{\"resourceSpans\":[{}]}}",
            groups.collect::<Vec<_>>().join(",")
        )
    }
}

/// All of a group before its spans.
fn head(span: &Span) -> String {
    let mut attributes = vec![pair("service.name", &Value::from(span.service.as_str()))];
    attributes.extend(pairs(&span.resource));
    let mut scope = serde_json::Map::new();
    if !span.scope.is_empty() {
        scope.insert("name".to_owned(), span.scope.as_str().into());
    }
    if let Some(version) = span.attributes.get(SCOPE_VERSION) {
        scope.insert("version".to_owned(), version.clone());
    }
    format!(
        "{{\"resource\":{},\"scopeSpans\":[{{\"scope\":{},\"spans\":[",
        json!({"attributes": attributes}),
        Value::Object(scope)
    )
}

fn shown(span: &Span) -> Value {
    let events = span.events.iter().map(|event| {
        json!({
            "timeUnixNano": event.timestamp.nanos().to_string(),
            "name": event.name,
            "attributes": pairs(&event.attributes),
        })
    });
    let links = span.links.iter().map(|link| {
        json!({
            "traceId": link.trace_id,
            "spanId": link.span_id,
            "attributes": pairs(&link.attributes),
        })
    });
    let own = span.attributes.iter();
    let own = own.filter(|(name, _)| *name != SCOPE_VERSION);
    json!({
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "traceState": span.trace_state,
        "parentSpanId": span.parent_span_id.map(|id| id.to_string()).unwrap_or_default(),
        "name": span.name,
        "kind": kind(span.kind),
        "startTimeUnixNano": span.start.nanos().to_string(),
        "endTimeUnixNano": span.end.nanos().to_string(),
        "attributes": own.map(|(name, value)| pair(name, value)).collect::<Vec<_>>(),
        "events": events.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "status": status(&span.status),
    })
}

fn kind(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn status(status: &SpanStatus) -> Value {
    match status {
        SpanStatus::Unset => json!({}),
        SpanStatus::Ok => json!({"code": 1}),
        SpanStatus::Error { message } => json!({"code": 2, "message": message}),
    }
}

fn pairs(attributes: &Attributes) -> Vec<Value> {
    let all = attributes.iter();
    all.map(|(name, value)| pair(name, value)).collect()
}

fn pair(name: &str, value: &Value) -> Value {
    json!({"key": name, "value": any(value)})
}

fn any(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(values) => {
            json!({"arrayValue": {"values": values.iter().map(any).collect::<Vec<_>>()}})
        }
        Value::Object(pairs) => json!({"kvlistValue": {"values": self::pairs(pairs)}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn spans_are_grouped_by_who_made_them() {
        let spans = samples::trace();
        let mut text = OtlpText::default();
        for span in spans.iter().chain(&spans) {
            text.add(span);
        }
        let whole: Value = serde_json::from_str(&text.end()).unwrap();
        let groups = whole["resourceSpans"].as_array().unwrap();
        let count = |group: &Value| group["scopeSpans"][0]["spans"].as_array().unwrap().len();
        assert_eq!(groups.iter().map(count).sum::<usize>(), 2 * spans.len());
        assert!(groups.len() < spans.len(), "{} groups", groups.len());
        let first = &groups[0];
        let service = &first["resource"]["attributes"][0];
        assert_eq!(service["value"]["stringValue"], spans[0].service);
        let span = &first["scopeSpans"][0]["spans"][0];
        assert_eq!(
            span["startTimeUnixNano"],
            spans[0].start.nanos().to_string()
        );
        assert_eq!(span["parentSpanId"], "");
    }

    #[test]
    fn values_are_those_of_otlp() {
        for (value, expected) in [
            (json!(true), json!({"boolValue": true})),
            (json!(5), json!({"intValue": "5"})),
            (json!(0.5), json!({"doubleValue": 0.5})),
            (json!("a"), json!({"stringValue": "a"})),
            (
                json!(["a"]),
                json!({"arrayValue": {"values": [{"stringValue": "a"}]}}),
            ),
            (
                json!({"k": 1}),
                json!({"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "1"}}]}}),
            ),
        ] {
            assert_eq!(any(&value), expected);
        }
    }
}
