//! Spans as Jaeger's page draws them.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};
use watchfire_schemas::{Attributes, Span, SpanEvent, SpanId, SpanKind, SpanStatus, Timestamp};

/// A trace; none without spans.
pub(super) fn trace(spans: &[Span]) -> Option<Value> {
    let id = spans.first()?.trace_id.to_string();
    let known: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    let mut processes: BTreeMap<String, (String, Value)> = BTreeMap::new();
    let mut shown = Vec::with_capacity(spans.len());
    for span in spans {
        let process = process(span);
        let next = format!("p{}", processes.len() + 1);
        let of = processes
            .entry(process.to_string())
            .or_insert((next, process));
        shown.push(span_shown(span, &of.0, &known));
    }
    let processes: Map<String, Value> = processes.into_values().collect();
    Some(json!({"traceID": id, "spans": shown, "processes": processes, "warnings": Value::Null}))
}

fn process(span: &Span) -> Value {
    let own = |key: &String| key != "service.name";
    let tags = span.resource.iter().filter(|(key, _)| own(key));
    let tags: Vec<Value> = tags.map(|(key, value)| tag(key, value)).collect();
    json!({"serviceName": span.service, "tags": tags})
}

fn span_shown(span: &Span, process: &str, known: &HashSet<SpanId>) -> Value {
    let mut references = Vec::new();
    let mut warnings = Vec::new();
    if let Some(parent) = span.parent_span_id {
        references.push(reference("CHILD_OF", &span.trace_id.to_string(), parent));
        if !known.contains(&parent) {
            warnings.push(format!("its parent {parent} is not there"));
        }
    }
    for link in &span.links {
        references.push(reference(
            "FOLLOWS_FROM",
            &link.trace_id.to_string(),
            link.span_id,
        ));
    }
    let warnings = if warnings.is_empty() {
        Value::Null
    } else {
        json!(warnings)
    };
    json!({
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "flags": 1,
        "operationName": span.name,
        "references": references,
        "startTime": micros(span.start),
        "duration": span.duration().as_micros() as u64,
        "tags": tags(span),
        "logs": span.events.iter().map(log).collect::<Vec<_>>(),
        "processID": process,
        "warnings": warnings,
    })
}

fn reference(kind: &str, trace: &str, span: SpanId) -> Value {
    json!({"refType": kind, "traceID": trace, "spanID": span})
}

/// The span's attributes, and as tags what Jaeger has no fields for.
fn tags(span: &Span) -> Vec<Value> {
    let mut tags = all(&span.attributes);
    let mut put = |key: &str, value: Value| tags.push(tag(key, &value));
    if span.kind != SpanKind::Internal {
        put("span.kind", span.kind.as_str().into());
    }
    match &span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => put("otel.status_code", "OK".into()),
        SpanStatus::Error { message } => {
            put("otel.status_code", "ERROR".into());
            put("error", true.into());
            if !message.is_empty() {
                put("otel.status_description", message.as_str().into());
            }
        }
    }
    if !span.scope.is_empty() {
        put("otel.scope.name", span.scope.as_str().into());
    }
    if !span.trace_state.is_empty() {
        put("w3c.tracestate", span.trace_state.as_str().into());
    }
    tags
}

fn log(event: &SpanEvent) -> Value {
    let mut fields = vec![tag("event", &Value::from(event.name.as_str()))];
    fields.extend(all(&event.attributes));
    json!({"timestamp": micros(event.timestamp), "fields": fields})
}

fn all(attributes: &Attributes) -> Vec<Value> {
    attributes
        .iter()
        .map(|(key, value)| tag(key, value))
        .collect()
}

fn tag(key: &str, value: &Value) -> Value {
    let kind = match value {
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        _ => "string",
    };
    let value = match value {
        Value::Array(_) | Value::Object(_) | Value::Null => Value::from(value.to_string()),
        plain => plain.clone(),
    };
    json!({"key": key, "type": kind, "value": value})
}

fn micros(at: Timestamp) -> i64 {
    at.nanos() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn a_trace_has_jaegers_shape() {
        let spans = samples::trace();
        let shown = trace(&spans).unwrap();
        assert_eq!(shown["traceID"], spans[0].trace_id.to_string());
        let first = &shown["spans"][0];
        assert_eq!(first["startTime"], spans[0].start.nanos() / 1_000);
        let process = first["processID"].as_str().unwrap();
        assert_eq!(shown["processes"][process]["serviceName"], spans[0].service);
        let services: HashSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
        assert!(shown["processes"].as_object().unwrap().len() >= services.len());
        let failed = spans.iter().position(Span::is_error).unwrap();
        let tags = shown["spans"][failed]["tags"].as_array().unwrap();
        assert!(tags.contains(&json!({"key": "error", "type": "bool", "value": true})));
        assert!(trace(&[]).is_none());
    }

    #[test]
    fn values_keep_their_types() {
        for (value, kind, shown) in [
            (json!(true), "bool", json!(true)),
            (json!(5), "int64", json!(5)),
            (json!(0.5), "float64", json!(0.5)),
            (json!(["a"]), "string", json!("[\"a\"]")),
        ] {
            assert_eq!(
                tag("k", &value),
                json!({"key": "k", "type": kind, "value": shown})
            );
        }
    }
}
