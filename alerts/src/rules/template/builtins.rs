//! What Go's templates bring along themselves: comparisons, indices, printing, escapes, and the
//! methods of times and durations.

use std::cmp::Ordering;

use super::TemplateError;
pub(super) use super::functions::Arguments;
use super::moment::{formatted, month_and_weekday, part};
use super::printf::printf;
use super::value::Value;

pub(super) const NAMES: [&str; 19] = [
    "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js",
    "urlquery", "eq", "ne", "lt", "le", "gt", "ge", "call",
];

/// Calls a function by its name; none if it is not one of these.
pub(super) fn call(name: &str, arguments: &Arguments<'_>) -> Option<Result<Value, TemplateError>> {
    let text = |text: String| Ok(Value::Text(text));
    Some(match name {
        "not" => arguments
            .at(0)
            .map(|value| Value::Truth(!value.is_something())),
        "len" => length(arguments),
        "index" => index(arguments),
        "slice" => slice(arguments),
        "print" => text(print(arguments.all())),
        "println" => {
            let parts: Vec<String> = arguments.all().iter().map(ToString::to_string).collect();
            text(format!("{}\n", parts.join(" ")))
        }
        "printf" => match arguments.text(0) {
            Ok(format) => text(printf(&format, &arguments.all()[1..])),
            Err(error) => Err(error),
        },
        "html" => text(html(&print(arguments.all()))),
        "js" => text(javascript(&print(arguments.all()))),
        "urlquery" => text(url_query(&print(arguments.all()))),
        "eq" => equal(arguments),
        "ne" => equal(arguments).map(|value| Value::Truth(!value.is_something())),
        "lt" => ordered(arguments, Ordering::is_lt),
        "le" => ordered(arguments, Ordering::is_le),
        "gt" => ordered(arguments, Ordering::is_gt),
        "ge" => ordered(arguments, Ordering::is_ge),
        "call" => Err(arguments.failed("no value is a function")),
        _ => return None,
    })
}

/// Calls a method of a time or a duration; none if the value has no such method.
pub(super) fn method(
    value: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Option<Value>, TemplateError> {
    let called = Arguments::new(name, arguments);
    if let Some(found) = super::message::method(value, name, arguments)? {
        return Ok(Some(found));
    }
    Ok(match value {
        Value::Local(local) => match name {
            "Format" => Some(Value::Text(local.formatted(&called.text(0)?))),
            "UTC" => Some(Value::Moment(local.nanos())),
            "String" => Some(Value::Text(value.to_string())),
            _ => None,
        },
        Value::Moment(nanos) => match name {
            "IsZero" => Some(Value::Truth(*nanos == i64::MIN)),
            "Sub" => match called.at(0)? {
                Value::Moment(other) => Some(Value::Span(nanos.saturating_sub(*other))),
                _ => return Err(called.failed("expected time.Time")),
            },
            "Format" => Some(Value::Text(formatted(*nanos, &called.text(0)?))),
            "UTC" => Some(value.clone()),
            "String" => Some(Value::Text(value.to_string())),
            "Month" => Some(Value::Text(month_and_weekday(*nanos).0.to_owned())),
            "Weekday" => Some(Value::Text(month_and_weekday(*nanos).1.to_owned())),
            _ => part(*nanos, name).map(Value::Int),
        },
        Value::Span(nanos) => {
            let seconds = *nanos as f64 / 1e9;
            match name {
                "Seconds" => Some(Value::Number(seconds)),
                "Minutes" => Some(Value::Number(seconds / 60.0)),
                "Hours" => Some(Value::Number(seconds / 3600.0)),
                "Milliseconds" => Some(Value::Int(nanos / 1_000_000)),
                "String" => Some(Value::Text(value.to_string())),
                _ => None,
            }
        }
        _ => None,
    })
}

fn length(arguments: &Arguments<'_>) -> Result<Value, TemplateError> {
    let length = match arguments.at(0)? {
        Value::Text(text) => text.len(),
        Value::List(list) | Value::Alerts(list) => list.len(),
        Value::Pairs(pairs) => pairs.len(),
        Value::Map(map) => map.len(),
        Value::Labels(labels) | Value::Kv(labels) => labels.len(),
        other => return Err(arguments.failed(&format!("len of type {}", other.kind()))),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn index(arguments: &Arguments<'_>) -> Result<Value, TemplateError> {
    let mut value = arguments.at(0)?.clone();
    for key in &arguments.all()[1..] {
        value = match (&value, key) {
            (Value::Labels(_) | Value::Map(_) | Value::Kv(_), Value::Text(name)) => {
                value.field(name, &|_| None)?
            }
            (Value::List(list) | Value::Alerts(list), Value::Int(at)) => {
                let found = usize::try_from(*at).ok().and_then(|at| list.get(at));
                let missing = || arguments.failed(&format!("index out of range: {at}"));
                found.cloned().ok_or_else(missing)?
            }
            (Value::Text(text), Value::Int(at)) => {
                let found = usize::try_from(*at)
                    .ok()
                    .and_then(|at| text.as_bytes().get(at));
                let missing = || arguments.failed(&format!("index out of range: {at}"));
                Value::Int(i64::from(*found.ok_or_else(missing)?))
            }
            (other, _) => {
                return Err(arguments.failed(&format!("can't index item of type {}", other.kind())));
            }
        };
    }
    Ok(value)
}

fn slice(arguments: &Arguments<'_>) -> Result<Value, TemplateError> {
    let bound = |at: usize, otherwise: usize| match arguments.all().get(at) {
        None => Ok(otherwise),
        Some(Value::Int(bound)) => usize::try_from(*bound)
            .map_err(|_| arguments.failed(&format!("index out of range: {bound}"))),
        Some(_) => Err(arguments.failed("cannot index slice with a value that is no int")),
    };
    let outside = || arguments.failed("index out of range");
    match arguments.at(0)? {
        Value::Text(text) => {
            let part = text.get(bound(1, 0)?..bound(2, text.len())?);
            Ok(Value::Text(part.ok_or_else(outside)?.to_owned()))
        }
        Value::List(list) => {
            let part = list.get(bound(1, 0)?..bound(2, list.len())?);
            Ok(Value::List(part.ok_or_else(outside)?.to_vec().into()))
        }
        other => Err(arguments.failed(&format!("can't slice item of type {}", other.kind()))),
    }
}

/// Go puts a blank between two that are both no text.
pub(super) fn print(values: &[Value]) -> String {
    let mut text = String::new();
    for (at, value) in values.iter().enumerate() {
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        if at > 0 && !is_text(value) && !is_text(&values[at - 1]) {
            text.push(' ');
        }
        text.push_str(&value.to_string());
    }
    text
}

fn equal(arguments: &Arguments<'_>) -> Result<Value, TemplateError> {
    let first = arguments.at(0)?;
    arguments.at(1)?;
    for other in &arguments.all()[1..] {
        let is_same = match (first, other) {
            (Value::Number(_), Value::Number(_))
            | (Value::Int(_), Value::Int(_))
            | (Value::Text(_), Value::Text(_))
            | (Value::Truth(_), Value::Truth(_))
            | (Value::Nothing, _)
            | (_, Value::Nothing) => first == other,
            _ => return Err(arguments.failed("incompatible types for comparison")),
        };
        if is_same {
            return Ok(Value::Truth(true));
        }
    }
    Ok(Value::Truth(false))
}

fn ordered(arguments: &Arguments<'_>, fits: fn(Ordering) -> bool) -> Result<Value, TemplateError> {
    let order = match (arguments.at(0)?, arguments.at(1)?) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Int(b)) | (Value::Span(a), Value::Span(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        _ => return Err(arguments.failed("incompatible types for comparison")),
    };
    Ok(Value::Truth(order.is_some_and(fits)))
}

pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '\0' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

fn javascript(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\'' => escaped.push_str("\\'"),
            '"' => escaped.push_str("\\\""),
            c if c < ' ' || matches!(c, '<' | '>' | '&' | '=') => {
                let code = format!("\\u{:04X}", u32::from(c));
                escaped.push_str(&code);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// As a value in a URL's query.
pub(crate) fn url_query(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            other => {
                let code = format!("%{other:02X}");
                escaped.push_str(&code);
            }
        }
    }
    escaped
}
