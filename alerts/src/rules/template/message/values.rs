//! `.Alerts`, `.CommonLabels` and what they are made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::value::{Record, Value};
use super::super::{TemplateError, builtins::Arguments};

const ALERT_NAME: &str = "alertname";

/// A set of labels or annotations.
pub(crate) fn kv<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Value::Kv(Arc::new(pairs.collect()))
}

/// One alert. `times` are nanoseconds since the epoch.
pub(crate) fn alert(
    is_firing: bool,
    (labels, annotations): (Value, Value),
    (starts_at, ends_at): (i64, Option<i64>),
    (generator_url, fingerprint): (&str, &str),
) -> Value {
    let status = if is_firing { "firing" } else { "resolved" };
    let text = |text: &str| Value::Text(text.to_owned());
    Value::Record(Arc::new(Record {
        kind: "template.Alert",
        fields: vec![
            ("Status", "status", text(status)),
            ("Labels", "labels", labels),
            ("Annotations", "annotations", annotations),
            ("StartsAt", "startsAt", Value::Moment(starts_at)),
            (
                "EndsAt",
                "endsAt",
                Value::Moment(ends_at.unwrap_or(i64::MIN)),
            ),
            ("GeneratorURL", "generatorURL", text(generator_url)),
            ("Fingerprint", "fingerprint", text(fingerprint)),
        ],
    }))
}

/// What the dot of a message is.
pub(crate) fn data(texts: [(&'static str, &'static str, &str); 4], sets: [Value; 4]) -> Value {
    let [alerts, group_labels, common_labels, common_annotations] = sets;
    let alerts = match alerts {
        Value::List(list) => Value::Alerts(list),
        other => other,
    };
    let texts = texts.map(|(name, json, text)| (name, json, Value::Text(text.to_owned())));
    let mut fields = texts.to_vec();
    fields.extend([
        ("Alerts", "alerts", alerts),
        ("GroupLabels", "groupLabels", group_labels),
        ("CommonLabels", "commonLabels", common_labels),
        ("CommonAnnotations", "commonAnnotations", common_annotations),
        ("RouteLabels", "routeLabels", kv(std::iter::empty())),
    ]);
    Value::Record(Arc::new(Record {
        kind: "*template.Data",
        fields,
    }))
}

/// What stands under a name in one of these values; none if it is another value.
pub(in super::super) fn field(value: &Value, name: &str) -> Option<Result<Value, TemplateError>> {
    match value {
        Value::Record(record) => {
            let found = record.fields.iter().find(|(known, _, _)| *known == name);
            let missing = || {
                let kind = record.kind;
                TemplateError::Failed(format!("can't evaluate field {name} in type {kind}"))
            };
            Some(found.map(|(_, _, value)| value.clone()).ok_or_else(missing))
        }
        Value::Kv(set) => Some(Ok(Value::Text(set.get(name).cloned().unwrap_or_default()))),
        _ => None,
    }
}

/// Calls a method of one of these values; none if it has no such method.
pub(in super::super) fn method(
    value: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Option<Value>, TemplateError> {
    let called = Arguments::new(name, arguments);
    Ok(match (value, name) {
        (Value::Kv(set), "SortedPairs") => Some(Value::Pairs(sorted(set))),
        (Value::Kv(set), "Names") => Some(names(&sorted(set))),
        (Value::Kv(set), "Values") => Some(values(&sorted(set))),
        (Value::Kv(set), "Remove") => {
            let gone: Vec<String> = called.list(0)?.iter().map(ToString::to_string).collect();
            let kept = set.iter().filter(|(name, _)| !gone.contains(name));
            let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
            Some(Value::Kv(Arc::new(kept.collect())))
        }
        (Value::Pairs(pairs), "Names") => Some(names(pairs)),
        (Value::Pairs(pairs), "Values") => Some(values(pairs)),
        (Value::Alerts(all), "Firing") => Some(of_status(all, "firing")),
        (Value::Alerts(all), "Resolved") => Some(of_status(all, "resolved")),
        (Value::List(all), "Join") => {
            let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
            Some(Value::Text(texts.join(&called.text(0)?)))
        }
        _ => None,
    })
}

/// By name, `alertname` before all others.
pub(in super::super) fn sorted(set: &BTreeMap<String, String>) -> Arc<Vec<(String, String)>> {
    let mut pairs: Vec<(String, String)> = set
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    pairs.sort_by_key(|(name, _)| name != ALERT_NAME);
    Arc::new(pairs)
}

/// What `range` sees of a pair.
pub(in super::super) fn pair((name, value): &(String, String)) -> Value {
    Value::Record(Arc::new(Record {
        kind: "template.Pair",
        fields: vec![
            ("Name", "Name", Value::Text(name.clone())),
            ("Value", "Value", Value::Text(value.clone())),
        ],
    }))
}

fn names(pairs: &[(String, String)]) -> Value {
    let names = pairs.iter().map(|(name, _)| Value::Text(name.clone()));
    Value::List(Arc::new(names.collect()))
}

fn values(pairs: &[(String, String)]) -> Value {
    let values = pairs.iter().map(|(_, value)| Value::Text(value.clone()));
    Value::List(Arc::new(values.collect()))
}

fn of_status(all: &[Value], status: &str) -> Value {
    let is = |alert: &&Value| matches!(field(alert, "Status"), Some(Ok(Value::Text(it))) if it == status);
    Value::List(Arc::new(all.iter().filter(is).cloned().collect()))
}
