use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::format::shortest;
use super::message;
use super::moment::{Local, duration_text, moment_text};
use super::{QuerySample, TemplateError};

/// What an expression in a template is worth.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Nothing,
    Truth(bool),
    Int(i64),
    Number(f64),
    Text(String),
    /// Of a label that is not there, the empty text.
    Labels(Arc<BTreeMap<String, String>>),
    /// Of a name that is not there, nothing.
    Map(Arc<BTreeMap<String, Value>>),
    List(Arc<Vec<Value>>),
    Sample(Arc<QuerySample>),
    /// Nanoseconds since the epoch.
    Moment(i64),
    /// Nanoseconds.
    Span(i64),
    /// A text that is markup already.
    Safe(String),
    /// A set of labels or annotations, of a message.
    Kv(Arc<BTreeMap<String, String>>),
    Pairs(Arc<Vec<(String, String)>>),
    /// The alerts of a message.
    Alerts(Arc<Vec<Value>>),
    /// Something with fields.
    Record(Arc<Record>),
    /// A time in a zone.
    Local(Arc<Local>),
    /// What the template is made of: the labels and the value of an alert.
    Root,
}

/// Something with fields: their names in templates and in JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// Its type in Go's words.
    pub kind: &'static str,
    pub fields: Vec<(&'static str, &'static str, Value)>,
}

impl Value {
    pub(super) fn labels<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self::Labels(Arc::new(pairs.collect()))
    }

    pub(super) fn samples(samples: Vec<QuerySample>) -> Self {
        let samples = samples.into_iter().map(|one| Self::Sample(Arc::new(one)));
        Self::List(Arc::new(samples.collect()))
    }

    /// Whether `if` takes it for true: what is not empty and not zero.
    pub(super) fn is_something(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Truth(truth) => *truth,
            Self::Int(int) => *int != 0,
            Self::Number(number) => *number != 0.0,
            Self::Text(text) | Self::Safe(text) => !text.is_empty(),
            Self::Labels(labels) | Self::Kv(labels) => !labels.is_empty(),
            Self::Pairs(pairs) => !pairs.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::List(list) | Self::Alerts(list) => !list.is_empty(),
            Self::Span(nanos) => *nanos != 0,
            Self::Sample(_) | Self::Moment(_) | Self::Local(_) | Self::Record(_) | Self::Root => {
                true
            }
        }
    }

    /// Its type in Go's words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "<nil>",
            Self::Truth(_) => "bool",
            Self::Int(_) => "int",
            Self::Number(_) => "float64",
            Self::Text(_) => "string",
            Self::Labels(_) => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::List(_) => "template.queryResult",
            Self::Sample(_) => "*template.sample",
            Self::Moment(_) => "*time.Time",
            Self::Span(_) => "*time.Duration",
            Self::Safe(_) => "template.HTML",
            Self::Kv(_) => "template.KV",
            Self::Pairs(_) => "template.Pairs",
            Self::Alerts(_) => "template.Alerts",
            Self::Record(record) => record.kind,
            Self::Local(_) => "time.Time",
            Self::Root => "struct",
        }
    }

    /// What stands under a name in it; `root` gives what stands in [`Self::Root`].
    pub(super) fn field(
        &self,
        name: &str,
        root: &dyn Fn(&str) -> Option<Self>,
    ) -> Result<Self, TemplateError> {
        if let Some(found) = message::field(self, name) {
            return found;
        }
        let found = match self {
            Self::Labels(labels) => Some(Self::Text(labels.get(name).cloned().unwrap_or_default())),
            Self::Map(map) => Some(map.get(name).cloned().unwrap_or(Self::Nothing)),
            Self::Sample(sample) => match name {
                "Labels" => Some(Self::labels(sample.labels.iter())),
                "Value" => Some(Self::Number(sample.value)),
                _ => None,
            },
            Self::Root => root(name),
            Self::Nothing => {
                let reason = format!("nil data; no entry for key {name:?}");
                return Err(TemplateError::Failed(reason));
            }
            _ => None,
        };
        found.ok_or_else(|| {
            let kind = self.kind();
            TemplateError::Failed(format!("can't evaluate field {name} in type {kind}"))
        })
    }
}

impl fmt::Display for Value {
    /// As Go's `%v`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("<no value>"),
            Self::Truth(truth) => truth.fmt(f),
            Self::Int(int) => int.fmt(f),
            Self::Number(number) => f.write_str(&shortest(*number)),
            Self::Text(text) | Self::Safe(text) => f.write_str(text),
            Self::Kv(set) => f.write_str(&message::shown_set(set)),
            Self::Pairs(pairs) => f.write_str(&message::shown(pairs)),
            Self::Record(record) => {
                let values = record.fields.iter().map(|(_, _, value)| value.to_string());
                write!(f, "{{{}}}", values.collect::<Vec<_>>().join(" "))
            }
            Self::Local(local) => local.fmt(f),
            Self::Labels(labels) => bracketed(f, "map[", pairs(labels)),
            Self::Map(map) => bracketed(f, "map[", pairs(map)),
            Self::List(list) | Self::Alerts(list) => {
                bracketed(f, "[", list.iter().map(ToString::to_string))
            }
            Self::Sample(sample) => {
                let labels = Self::labels(sample.labels.iter());
                write!(f, "{{{labels} {}}}", shortest(sample.value))
            }
            Self::Moment(nanos) => f.write_str(&moment_text(*nanos)),
            Self::Span(nanos) => f.write_str(&duration_text(*nanos)),
            Self::Root => f.write_str("{}"),
        }
    }
}

fn pairs<V: fmt::Display>(map: &BTreeMap<String, V>) -> impl Iterator<Item = String> {
    map.iter().map(|(name, value)| format!("{name}:{value}"))
}

fn bracketed(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    parts: impl Iterator<Item = String>,
) -> fmt::Result {
    let parts: Vec<String> = parts.collect();
    write!(f, "{open}{}]", parts.join(" "))
}
