//! Values as Go's `encoding/json` writes them.

use super::super::value::Value;
use super::values::sorted;

pub(super) fn json(value: &Value) -> String {
    match value {
        Value::Nothing | Value::Root => "null".to_owned(),
        Value::Truth(truth) => truth.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Number(number) if !number.is_finite() => "null".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) | Value::Safe(text) => string(text),
        Value::Labels(labels) => object(labels.iter().map(|(name, it)| (&**name, string(it)))),
        Value::Kv(set) => object(set.iter().map(|(name, it)| (&**name, string(it)))),
        Value::Map(map) => object(map.iter().map(|(name, it)| (&**name, json(it)))),
        Value::Pairs(pairs) => list(pairs.iter().map(|pair| json(&super::values::pair(pair)))),
        Value::List(all) | Value::Alerts(all) => list(all.iter().map(json)),
        Value::Record(record) => {
            object(record.fields.iter().map(|(_, name, it)| (*name, json(it))))
        }
        Value::Sample(sample) => {
            let labels = object(sample.labels.iter().map(|(name, it)| (name, string(it))));
            format!("{{\"Labels\":{labels},\"Value\":{}}}", sample.value)
        }
        Value::Moment(i64::MIN) => string("0001-01-01T00:00:00Z"),
        Value::Moment(nanos) => string(&go_time(*nanos)),
        Value::Local(local) => string(&local.to_string()),
        Value::Span(nanos) => nanos.to_string(),
    }
}

fn go_time(nanos: i64) -> String {
    let text = watchfire_schemas::Timestamp::from_nanos(nanos).to_string();
    match text.strip_suffix('Z') {
        Some(bare) if bare.contains('.') => {
            format!("{}Z", bare.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

fn string(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a text is JSON");
    quoted
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

fn list(elements: impl Iterator<Item = String>) -> String {
    format!("[{}]", elements.collect::<Vec<_>>().join(","))
}

fn object<'a>(members: impl Iterator<Item = (&'a str, String)>) -> String {
    let members = members.map(|(name, value)| format!("{}:{value}", string(name)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// `alertname=Down, job=api`.
pub(in super::super) fn shown(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(", ")
}

pub(in super::super) fn shown_set(set: &std::collections::BTreeMap<String, String>) -> String {
    shown(&sorted(set))
}
