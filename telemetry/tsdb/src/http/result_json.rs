//! Values as Prometheus writes them in JSON.

use std::fmt::Write as _;
use std::time::Duration;

use watchfire_schemas::{Exemplar, LabelSet, Sample};

use super::histogram_json::push_histogram;
use super::reply::Data;
use crate::number::{push_time, push_value};
use crate::{ExemplarSeries, InstantSample, QueryValue, RangeSeries};

/// The answer to an instant query; `took` if the request wants to know.
pub(super) fn value_data(value: &QueryValue, took: Option<Duration>) -> Data {
    let mut json = String::new();
    let kind = match value {
        QueryValue::Scalar(sample) => {
            push_sample(&mut json, *sample);
            "scalar"
        }
        QueryValue::String(at, text) => {
            json.push('[');
            push_time(&mut json, at.millis());
            json.push(',');
            push_text(&mut json, text);
            json.push(']');
            "string"
        }
        QueryValue::Vector(samples) => {
            push_list(&mut json, samples, push_instant);
            "vector"
        }
        QueryValue::Matrix(series) => return matrix_data(series, took),
    };
    typed(kind, &json, took)
}

/// The answer to a range query.
pub(super) fn matrix_data(series: &[RangeSeries], took: Option<Duration>) -> Data {
    let mut json = String::new();
    push_list(&mut json, series, push_range);
    typed("matrix", &json, took)
}

/// Labels as a JSON object.
pub(super) fn push_labels(json: &mut String, labels: &LabelSet) {
    json.push('{');
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        push_text(json, name);
        json.push(':');
        push_text(json, value);
    }
    json.push('}');
}

/// Series with their exemplars as a JSON list.
pub(super) fn push_exemplars(json: &mut String, series: &[ExemplarSeries]) {
    push_list(json, series, |json, one| {
        json.push_str("{\"seriesLabels\":");
        push_labels(json, &one.labels);
        json.push_str(",\"exemplars\":");
        push_list(json, &one.exemplars, push_exemplar);
        json.push('}');
    });
}

/// A list, its entries written by `push`.
pub(super) fn push_list<T>(json: &mut String, list: &[T], push: impl Fn(&mut String, &T)) {
    json.push('[');
    for (at, one) in list.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        push(json, one);
    }
    json.push(']');
}

fn typed(kind: &str, result: &str, took: Option<Duration>) -> Data {
    let mut json = format!("{{\"resultType\":\"{kind}\",\"result\":{result}");
    if let Some(took) = took {
        let seconds = took.as_secs_f64();
        let _infallible = write!(
            json,
            ",\"stats\":{{\"timings\":{{\"evalTotalTime\":{seconds},\"execTotalTime\":{seconds}}}}}"
        );
    }
    json.push('}');
    Data::new(json)
}

fn push_instant(json: &mut String, one: &InstantSample) {
    push_metric(json, &one.labels);
    if let Some(histogram) = &one.histogram {
        json.push_str(",\"histogram\":[");
        push_time(json, one.sample.t);
        json.push(',');
        push_histogram(json, histogram);
        json.push(']');
    } else {
        json.push_str(",\"value\":");
        push_sample(json, one.sample);
    }
    json.push('}');
}

fn push_range(json: &mut String, one: &RangeSeries) {
    push_metric(json, &one.labels);
    if !one.samples.is_empty() {
        json.push_str(",\"values\":");
        push_list(json, &one.samples, |json, &sample| {
            push_sample(json, sample);
        });
    }
    if !one.histograms.is_empty() {
        json.push_str(",\"histograms\":");
        push_list(json, &one.histograms, |json, sample| {
            json.push('[');
            push_time(json, sample.t);
            json.push(',');
            push_histogram(json, &sample.h);
            json.push(']');
        });
    }
    json.push('}');
}

fn push_metric(json: &mut String, labels: &LabelSet) {
    json.push_str("{\"metric\":");
    push_labels(json, labels);
}

fn push_sample(json: &mut String, sample: Sample) {
    json.push('[');
    push_time(json, sample.t);
    json.push(',');
    push_value(json, sample.v);
    json.push(']');
}

fn push_exemplar(json: &mut String, exemplar: &Exemplar) {
    json.push_str("{\"labels\":");
    match exemplar.trace_id {
        Some(id) if exemplar.labels.get("trace_id").is_none() => {
            push_labels(json, &exemplar.labels.with("trace_id", &id.to_string()));
        }
        _ => push_labels(json, &exemplar.labels),
    }
    json.push_str(",\"value\":");
    push_value(json, exemplar.v);
    json.push_str(",\"timestamp\":");
    push_time(json, exemplar.t);
    json.push('}');
}

/// A JSON string. Most texts need no escape.
fn push_text(json: &mut String, text: &str) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&serde_json::Value::from(text).to_string());
    }
}
