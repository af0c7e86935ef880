//! Members of JSON that may be missing or of another type: what is not as expected is not there.

use serde_json::Value;
use watchfire_schemas::Timestamp;

/// A text that is not empty; a number or boolean as text.
pub(crate) fn text(of: &Value, key: &str) -> Option<String> {
    as_text(of.get(key)?)
}

pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A text at a path of keys.
pub(crate) fn text_at(of: &Value, path: &[&str]) -> Option<String> {
    let found = path.iter().try_fold(of, |value, key| value.get(*key))?;
    as_text(found)
}

pub(crate) fn number(of: &Value, key: &str) -> Option<f64> {
    match of.get(key)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The elements of an array, or of an object's `values` where clients write either.
pub(crate) fn list<'v>(of: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    let found = of.get(key);
    let found = found.map(|value| value.get("values").unwrap_or(value));
    let elements = found.and_then(Value::as_array);
    elements.into_iter().flatten()
}

/// Seconds since the epoch, or RFC 3339 with or without a zone.
pub(crate) fn time(of: &Value, key: &str) -> Option<Timestamp> {
    match of.get(key)? {
        Value::Number(number) => seconds(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            let parsed = text.parse().ok();
            let parsed = parsed.or_else(|| format!("{text}Z").parse().ok());
            parsed.or_else(|| seconds(text.parse().ok()?))
        }
        _ => None,
    }
}

/// To the microsecond: a double holds no more of today.
fn seconds(seconds: f64) -> Option<Timestamp> {
    let micros = (seconds * 1e6).round();
    let fits = micros.is_finite() && micros.abs() < 9.2e15;
    fits.then(|| Timestamp::from_nanos(micros as i64 * 1_000))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_come_in_three_forms() {
        let check = |value: Value, expected: Option<&str>| {
            let found = time(&json!({"t": value}), "t").map(|at| at.to_string());
            assert_eq!(found.as_deref(), expected);
        };
        check(json!(1_700_000_000.25), Some("2023-11-14T22:13:20.250Z"));
        check(
            json!("2023-11-14T22:13:20.25Z"),
            Some("2023-11-14T22:13:20.250Z"),
        );
        check(
            json!("2023-11-14T22:13:20.250000"),
            Some("2023-11-14T22:13:20.250Z"),
        );
        check(json!("1700000000"), Some("2023-11-14T22:13:20Z"));
        check(json!(1e300), None);
        check(json!("yesterday"), None);
    }
}
