use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{self as proto, exemplar};
use watchfire_schemas::{Exemplar, LabelSet, SpanId, Timestamp, TraceId};

use super::super::metric_name::{MetricNames, label_name};
use super::super::{attributes, time_of};
use super::target::{Target, label_value};
use crate::OtlpMetrics;

/// The labels that all series of one point share.
#[derive(Debug)]
pub(super) struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The point's attributes, then what names the target, which an attribute cannot take the place
    /// of. Keys that become the same label share it, their values joined.
    pub(super) fn of_point(pairs: &[KeyValue], target: &Target, rules: &OtlpMetrics) -> Self {
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in attributes::attributes(pairs) {
            let text = label_value(&value);
            all.entry(label_name(&key, rules.names))
                .and_modify(|values| {
                    values.push(';');
                    values.push_str(&text);
                })
                .or_insert(text);
        }
        for (name, value) in &target.promoted {
            all.entry(name.clone()).or_insert_with(|| value.clone());
        }
        all.extend(target.fixed.iter().cloned());
        Self(all)
    }

    /// The labels of a series; `extra` names a bucket or a quantile.
    pub(super) fn of_series(&self, name: &str, extra: Option<(&str, f64)>) -> LabelSet {
        let own = self.0.iter();
        let own = own.map(|(name, value)| (name.as_str().into(), value.as_str().into()));
        let extra: Option<(Box<str>, Box<str>)> =
            extra.map(|(label, bound)| (label.into(), number_label(bound).into()));
        LabelSet::metric(name, own.chain(extra))
    }
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
    let labels = labels.into_iter().map(|(key, value)| {
        let name = label_name(&key, MetricNames::default());
        (name, label_value(&value))
    });
    Some(Exemplar {
        t: time_of(&[exemplar.time_unix_nano], Timestamp::default()).millis(),
        v,
        trace_id: TraceId::from_slice(&exemplar.trace_id),
        labels: LabelSet::new(labels.chain(span)),
    })
}
