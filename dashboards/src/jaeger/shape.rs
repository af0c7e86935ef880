//! Spans as Jaeger's page draws them.

use std::collections::{HashMap, HashSet};

use serde_json::{Number, Value, json};
use watchfire_schemas::{Attributes, Span, SpanEvent, SpanId, SpanStatus, Timestamp, TraceId};

use super::answer::{or_null, text};

/// A trace as text, span by span, so that one of a hundred thousand spans never lies in memory as a
/// tree of values.
#[derive(Debug)]
pub(super) struct TraceText {
    known: HashSet<SpanId>,
    /// By their content: the name and the content again.
    processes: HashMap<String, String>,
    text: String,
    is_pretty: bool,
    has_spans: bool,
}

impl TraceText {
    /// With the ids of all spans that it will have, to tell a parent that is missing.
    pub(super) fn new(id: TraceId, known: HashSet<SpanId>, is_pretty: bool) -> Self {
        Self {
            known,
            processes: HashMap::new(),
            text: format!("{{\"traceID\":\"{}\",\"spans\":[", short(id)),
            is_pretty,
            has_spans: false,
        }
    }

    /// What stands before the trace.
    pub(super) fn begin_with(&mut self, text: &str) {
        self.text.insert_str(0, text);
    }

    pub(super) fn add(&mut self, span: &Span) {
        let process = process(span).to_string();
        let next = format!("p{}", self.processes.len() + 1);
        let name = self.processes.entry(process).or_insert(next);
        let shown = span_shown(span, name, &self.known);
        if self.has_spans {
            self.text.push(',');
        }
        self.has_spans = true;
        self.text.push_str(&text(&shown, self.is_pretty));
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The rest, with what is to be said of the whole trace.
    pub(super) fn end(mut self, warnings: &[Value]) -> String {
        let mut processes: Vec<(String, String)> = self.processes.drain().collect();
        processes.sort_by(|(_, a), (_, b)| (a.len(), a).cmp(&(b.len(), b)));
        let written = processes
            .iter()
            .map(|(process, name)| format!("\"{name}\":{process}"));
        let processes = written.collect::<Vec<_>>().join(",");
        let warnings = or_null(warnings);
        let rest = format!("],\"processes\":{{{processes}}},\"warnings\":{warnings}}}");
        self.text + &rest
    }
}

/// Jaeger leaves out the upper half of an id where it is zero.
pub(super) fn short(id: TraceId) -> String {
    let whole = id.to_string();
    match whole.strip_prefix("0000000000000000") {
        Some(lower) => lower.to_owned(),
        None => whole,
    }
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
        references.push(reference("CHILD_OF", span.trace_id, parent));
        if !known.contains(&parent) {
            warnings.push(Value::from(format!("its parent {parent} is not there")));
        }
    }
    for link in &span.links {
        // As a bridge from OpenTracing tells a second parent.
        let kind = match link.attributes.get("opentracing.ref_type") {
            Some(Value::String(kind)) if kind == "child_of" => "CHILD_OF",
            _ => "FOLLOWS_FROM",
        };
        references.push(reference(kind, link.trace_id, link.span_id));
    }
    json!({
        "traceID": short(span.trace_id),
        "spanID": span.span_id,
        "flags": 1,
        "operationName": span.name,
        "references": references,
        "startTime": micros(span.start),
        "duration": span.duration().as_micros() as u64,
        "tags": tags(span),
        "logs": span.events.iter().map(log).collect::<Vec<_>>(),
        "processID": process,
        "warnings": or_null(&warnings),
    })
}

fn reference(kind: &str, trace: TraceId, span: SpanId) -> Value {
    json!({"refType": kind, "traceID": short(trace), "spanID": span})
}

/// The span's attributes, and as tags what Jaeger has no fields for.
fn tags(span: &Span) -> Vec<Value> {
    let mut tags = all(&span.attributes);
    let mut put = |key: &str, value: Value| tags.push(tag(key, &value));
    put("span.kind", span.kind.as_str().into());
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
    let name = Some(event.name.as_str()).filter(|name| !name.is_empty());
    let mut fields: Vec<Value> = name
        .map(|name| tag("event", &Value::from(name)))
        .into_iter()
        .collect();
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
        Value::Number(number) if !is_safe(number) => Value::from(number.to_string()),
        plain => plain.clone(),
    };
    json!({"key": key, "type": kind, "value": value})
}

/// Whether a program in JavaScript reads the very number.
fn is_safe(number: &Number) -> bool {
    const MOST: u64 = (1 << 53) - 1;
    number.is_f64() || number.as_i64().is_some_and(|n| n.unsigned_abs() <= MOST)
}

fn micros(at: Timestamp) -> i64 {
    at.nanos() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    fn trace(spans: &[Span], is_pretty: bool) -> Value {
        let known = spans.iter().map(|span| span.span_id).collect();
        let mut text = TraceText::new(spans[0].trace_id, known, is_pretty);
        let mut whole = String::new();
        for span in spans {
            text.add(span);
            whole.push_str(&text.take());
        }
        whole.push_str(&text.end(&[]));
        serde_json::from_str(&whole).unwrap()
    }

    #[test]
    fn a_trace_has_jaegers_shape() {
        let spans = samples::trace();
        let shown = trace(&spans, false);
        assert_eq!(shown, trace(&spans, true));
        assert_eq!(shown["traceID"], spans[0].trace_id.to_string());
        let first = &shown["spans"][0];
        assert_eq!(first["startTime"], spans[0].start.nanos() / 1_000);
        let process = first["processID"].as_str().unwrap();
        assert_eq!(shown["processes"][process]["serviceName"], spans[0].service);
        let services: HashSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
        assert!(shown["processes"].as_object().unwrap().len() >= services.len());
        assert_eq!(shown["warnings"], Value::Null);
        let failed = spans.iter().position(Span::is_error).unwrap();
        let tags = shown["spans"][failed]["tags"].as_array().unwrap();
        assert!(tags.contains(&json!({"key": "error", "type": "bool", "value": true})));
    }

    #[test]
    fn a_missing_parent_is_told_and_links_are_references() {
        let mut span = samples::trace().remove(0);
        span.trace_id = "0000000000000000f0f067aa0ba902b7".parse().unwrap();
        span.parent_span_id = "00000000000000ff".parse().ok();
        let link = |kind: &str| watchfire_schemas::SpanLink {
            trace_id: span.trace_id,
            span_id: span.span_id,
            attributes: json!({"opentracing.ref_type": kind})
                .as_object()
                .unwrap()
                .clone(),
        };
        span.links = vec![link("follows_from"), link("child_of")];
        let shown = trace(&[span], false);
        assert_eq!(shown["traceID"], "f0f067aa0ba902b7");
        let first = &shown["spans"][0];
        assert_eq!(
            first["warnings"][0],
            "its parent 00000000000000ff is not there"
        );
        let kinds = [0, 1, 2].map(|index| first["references"][index]["refType"].clone());
        assert_eq!(kinds, ["CHILD_OF", "FOLLOWS_FROM", "CHILD_OF"]);
        assert_eq!(first["references"][0]["traceID"], "f0f067aa0ba902b7");
    }

    #[test]
    fn values_keep_their_types() {
        for (value, kind, shown) in [
            (json!(true), "bool", json!(true)),
            (json!(5), "int64", json!(5)),
            (json!(i64::MAX), "int64", json!("9223372036854775807")),
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
