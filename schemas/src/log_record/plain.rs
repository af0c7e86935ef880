//! The short way: a line of the plain form becomes a record in one pass, and a record is held
//! against `log_record.v1` by its types. Both say only yes or "perhaps not": whoever hears that
//! goes the long way over [`LogRecord::from_object`] and the validator, which find the words.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{LogRecord, is_reserved};
use crate::{Attributes, Exception, SeverityNumber, SeverityRange, Timestamp, flatten};

/// What the contract lets a name be, in characters.
const MOST_NAME: usize = 256;
/// So many attributes never break its limit of keys, whichever fields are there beside them.
const MOST_ATTRIBUTES: usize = 256 - 13;

impl LogRecord {
    /// The record of a line of the plain form: no key twice, each of its type, the time in RFC 3339.
    /// `None` means that the line must be read by [`Self::from_line`].
    pub fn from_plain_line(line: &[u8], observed: Timestamp) -> Option<Self> {
        let fields: Fields = serde_json::from_slice(line).ok()?;
        fields.into_record(observed)
    }

    /// Whether its canonical line is sure to keep the contract `log_record.v1`. If this says no,
    /// the validator decides.
    pub fn keeps_contract(&self) -> bool {
        let name = |text: &str| !text.is_empty() && is_short(text);
        name(&self.service)
            && self.event_name.as_deref().is_none_or(name)
            && self.attributes.len() <= MOST_ATTRIBUTES
            && self
                .attributes
                .iter()
                .all(|(key, value)| name(key) && is_plain(key, value))
    }

    /// The object of its canonical line.
    pub fn to_object(&self) -> Attributes {
        let line = self.to_line();
        serde_json::from_str(&line).expect("a canonical line is an object")
    }
}

fn is_short(text: &str) -> bool {
    text.len() <= MOST_NAME || text.chars().nth(MOST_NAME).is_none()
}

/// Whether the contract takes the attribute, and a line gives it back as it is.
fn is_plain(key: &str, value: &Value) -> bool {
    match key {
        "service.version"
        | "service.namespace"
        | "service.instance.id"
        | "deployment.environment.name"
        | "host.name"
        | "http.request.method"
        | "http.route"
        | "url.path"
        | "url.query" => value.is_string(),
        "http.response.status_code" => value.as_u64().is_some_and(|n| (100..=599).contains(&n)),
        "http.request.body.size" | "http.response.body.size" => value.is_u64(),
        _ => value.as_object().is_none_or(Attributes::is_empty) && !is_reserved(key),
    }
}

/// What was read of a line so far.
#[derive(Default)]
struct Fields {
    timestamp: Option<Timestamp>,
    severity: Option<SeverityRange>,
    severity_number: Option<SeverityNumber>,
    /// The fields that are texts, by their place in [`TEXTS`].
    texts: [Option<String>; TEXTS.len()],
    trace_id: Option<crate::TraceId>,
    span_id: Option<crate::SpanId>,
    attributes: Vec<(String, Value)>,
    /// Keys of objects whose keys were taken in their place.
    nested: Vec<String>,
}

const TEXTS: [&str; 8] = [
    "service.name",
    "message",
    "event_name",
    "exception.type",
    "exception.message",
    "exception.stacktrace",
    "exception_group",
    "pattern_id",
];

impl Fields {
    /// Takes a field that is written as a text; `None` if it is there already or not of its form.
    fn text(&mut self, key: &str, text: Cow<'_, str>) -> Option<()> {
        match key {
            "timestamp" if is_plain_time(text.as_bytes()) => {
                once(&mut self.timestamp, text.parse().ok()?)
            }
            "severity" => once(&mut self.severity, text.parse().ok()?),
            "trace_id" => once(&mut self.trace_id, text.parse().ok()?),
            "span_id" => once(&mut self.span_id, text.parse().ok()?),
            _ => {
                let place = TEXTS.iter().position(|name| *name == key)?;
                once(&mut self.texts[place], text.into_owned())
            }
        }
    }

    /// Takes a field, an attribute, or what is nested in it; `None` if it is not of the plain form.
    fn put(&mut self, key: String, value: Value) -> Option<()> {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                for (path, leaf) in flatten(inner) {
                    self.put(format!("{key}.{path}"), leaf)?;
                }
                self.nested.push(key);
            }
            other if !is_reserved(&key) => self.attributes.push((key, other)),
            Value::String(text) => self.text(&key, Cow::Owned(text))?,
            number if key == "severity_number" => {
                let number = SeverityNumber::new(number.as_i64()?)?;
                return once(&mut self.severity_number, number);
            }
            _ => return None,
        }
        Some(())
    }

    fn into_record(self, observed: Timestamp) -> Option<LogRecord> {
        let range = self.severity?;
        let severity = self.severity_number.unwrap_or(range.number());
        let [
            service,
            message,
            event_name,
            kind,
            said,
            stacktrace,
            group,
            pattern,
        ] = self.texts;
        let exception = Exception {
            kind: kind.unwrap_or_default(),
            message: said.unwrap_or_default(),
            stacktrace: stacktrace.unwrap_or_default(),
        };
        let count = self.attributes.len();
        let attributes: Attributes = self.attributes.into_iter().collect();
        let is_once = |(index, key): (usize, &String)| {
            !attributes.contains_key(key)
                && !is_reserved(key)
                && !self.nested[..index].contains(key)
        };
        let is_plain = severity.range() == range
            && attributes.len() == count
            && self.nested.iter().enumerate().all(is_once);
        is_plain.then_some(LogRecord {
            timestamp: self.timestamp?,
            observed_timestamp: observed,
            severity,
            service: service?,
            message: message?,
            event_name,
            trace_id: self.trace_id,
            span_id: self.span_id,
            exception: (exception != Exception::default()).then_some(exception),
            exception_group: group,
            pattern_id: pattern,
            attributes,
        })
    }
}

/// Fills an empty place.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// `2026-11-22T05:57:27[.fraction]` with `Z` or an offset of hours and minutes. Leap seconds and
/// other letters are left to those who know them.
fn is_plain_time(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    let Some((head, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let separators = [head[4], head[7], head[10], head[13], head[16]] == *b"--T::";
    let numbers = [0..4, 5..7, 8..10, 11..13, 14..16, 17..19];
    let zone = match rest {
        [b'.', rest @ ..] => {
            let end = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            match end {
                1..=9 => &rest[end..],
                _ => return false,
            }
        }
        rest => rest,
    };
    let is_zone = match zone {
        [b'Z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            digits(&[*h1, *h2, *m1, *m2]) && [*h1, *h2] < *b"24" && *m1 < b'6'
        }
        _ => false,
    };
    separators
        && numbers.into_iter().all(|range| digits(&head[range]))
        && head[17] < b'6'
        && is_zone
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log line of the plain form")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields {
            attributes: Vec::with_capacity(16),
            ..Fields::default()
        };
        let other_form = || de::Error::custom("not of the plain form");
        while let Some(Text(key)) = map.next_key()? {
            let taken = if key != "severity_number" && is_reserved(&key) {
                let Text(text) = map.next_value()?;
                fields.text(&key, text)
            } else {
                fields.put(key.into_owned(), map.next_value()?)
            };
            taken.ok_or_else(other_form)?;
        }
        Ok(fields)
    }
}

/// A text that is not copied where the line holds it as it is.
struct Text<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests;
