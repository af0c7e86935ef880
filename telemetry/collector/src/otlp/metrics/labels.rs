use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{self as proto, exemplar};
use serde_json::Value;
use watchfire_schemas::{Attributes, Exemplar, LabelSet, SpanId, Timestamp, TraceId};

use super::super::metric_name::label_name;
use super::super::{UNKNOWN_SERVICE, attributes, time_of};

/// `job` and `instance`, by the resource.
pub(super) fn target(resource: &Attributes) -> Vec<(String, String)> {
    let text = |key: &str| {
        let value = resource.get(key).and_then(Value::as_str);
        value.filter(|text| !text.is_empty())
    };
    let service = text("service.name").unwrap_or(UNKNOWN_SERVICE);
    let job = match text("service.namespace") {
        Some(namespace) => format!("{namespace}/{service}"),
        None => service.to_owned(),
    };
    let instance = text("service.instance.id").unwrap_or_default();
    vec![
        ("job".to_owned(), job),
        ("instance".to_owned(), instance.to_owned()),
    ]
}

/// The point's attributes, then what names the target and the bucket, which an attribute cannot
/// take the place of. Keys that become the same label share it, their values joined.
pub(super) fn labels(
    name: &str,
    target: &[(String, String)],
    pairs: &[KeyValue],
    extra: Option<(&str, f64)>,
) -> LabelSet {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in attributes::attributes(pairs) {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        all.entry(label_name(&key))
            .and_modify(|values| {
                values.push(';');
                values.push_str(&text);
            })
            .or_insert(text);
    }
    all.extend(target.iter().cloned());
    all.extend(extra.map(|(label, bound)| (label.to_owned(), number_label(bound))));
    LabelSet::metric(name, all)
}

fn number_label(bound: f64) -> String {
    if bound.is_infinite() {
        return if bound > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    bound.to_string()
}

pub(super) fn exemplar(exemplar: &proto::Exemplar) -> Option<Exemplar> {
    let v = match exemplar.value? {
        exemplar::Value::AsDouble(value) => value,
        exemplar::Value::AsInt(value) => value as f64,
    };
    let span =
        SpanId::from_slice(&exemplar.span_id).map(|id| ("span_id".to_owned(), id.to_string()));
    let labels = attributes::attributes(&exemplar.filtered_attributes);
    let labels = labels.into_iter().map(|(key, value)| match value {
        Value::String(text) => (label_name(&key), text),
        other => (label_name(&key), other.to_string()),
    });
    Some(Exemplar {
        t: time_of(&[exemplar.time_unix_nano], Timestamp::default()).millis(),
        v,
        trace_id: TraceId::from_slice(&exemplar.trace_id),
        labels: LabelSet::new(labels.chain(span)),
    })
}
