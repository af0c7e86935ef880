//! One value of an attribute, and how attributes fall apart into values.

use serde_json::Value;

/// Texts are compared and indexed by their first bytes: a term of the index has a bound.
pub(crate) const MAX_TEXT_BYTES: usize = 8_192;

/// One value that a query can meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    /// Every number that fits, however it was written: `5` and `5.0` are one.
    Int(i64),
    /// Above what `Int` holds.
    Unsigned(u64),
    /// Not whole, or beyond 64 bits.
    Float(f64),
    Bool(bool),
}

impl Scalar<'_> {
    /// The number that a float is.
    pub(crate) fn from_f64(n: f64) -> Self {
        const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
        if n.fract() != 0.0 || !(-TWO_TO_63..2.0 * TWO_TO_63).contains(&n) {
            Self::Float(n)
        } else if n < TWO_TO_63 {
            Self::Int(n as i64)
        } else {
            Self::Unsigned(n as u64)
        }
    }

    /// The number that a text writes.
    pub(crate) fn parse_number(text: &str) -> Option<Self> {
        let int = text.parse().ok().map(Self::Int);
        let unsigned = || text.parse().ok().map(Self::Unsigned);
        let float = || {
            text.parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .map(Self::from_f64)
        };
        int.or_else(unsigned).or_else(float)
    }

    /// As a number, if it is one.
    pub(crate) fn as_f64(self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(n as f64),
            Self::Unsigned(n) => Some(n as f64),
            Self::Float(n) => Some(n),
            Self::Text(_) | Self::Bool(_) => None,
        }
    }

    /// As a query writes it.
    pub(crate) fn to_text(self) -> String {
        match self {
            Self::Text(text) => text.to_owned(),
            Self::Int(n) => n.to_string(),
            Self::Unsigned(n) => n.to_string(),
            Self::Float(n) => n.to_string(),
            Self::Bool(b) => b.to_string(),
        }
    }
}

/// The part of a text that is compared and indexed.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

/// Whether a query can ask for it.
pub(crate) fn is_name(key: &str) -> bool {
    let is_plain = key.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    !key.is_empty() && (is_plain || !key.contains(char::is_control))
}

/// Calls `each` with every value under `key`: the elements of arrays, the members of objects under
/// their dotted path. A null and an empty object are no value. A key with control characters
/// cannot be asked for, so its values are passed over.
pub(crate) fn each_scalar(key: &str, value: &Value, each: &mut dyn FnMut(&str, Scalar<'_>)) {
    if !is_name(key) {
        return;
    }
    match value {
        Value::Null => {}
        Value::Bool(b) => each(key, Scalar::Bool(*b)),
        Value::String(text) => each(key, Scalar::Text(cut(text))),
        Value::Number(number) => {
            if let Some(n) = number.as_i64() {
                each(key, Scalar::Int(n));
            } else if let Some(n) = number.as_u64() {
                each(key, Scalar::Unsigned(n));
            } else if let Some(n) = number.as_f64() {
                each(key, Scalar::from_f64(n));
            }
        }
        Value::Array(elements) => {
            for element in elements {
                each_scalar(key, element, each);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                each_scalar(&format!("{key}.{name}"), member, each);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_one_however_written() {
        let check = |text: &str, expected: Option<Scalar<'_>>| {
            assert_eq!(Scalar::parse_number(text), expected, "{text}");
        };
        check("5", Some(Scalar::Int(5)));
        check("5.0", Some(Scalar::Int(5)));
        check("-0.0", Some(Scalar::Int(0)));
        check("1e17", Some(Scalar::Int(100_000_000_000_000_000)));
        check("18446744073709551615", Some(Scalar::Unsigned(u64::MAX)));
        check("5.5", Some(Scalar::Float(5.5)));
        check("NaN", None);
        check("five", None);
    }

    #[test]
    fn attributes_fall_apart_into_values() {
        let value = json!([1, "a", {"b": 2.5, "c": null}, [true], 18_446_744_073_709_551_615_u64]);
        let mut found = Vec::new();
        each_scalar("k", &value, &mut |key, scalar| {
            found.push(format!("{key}={}", scalar.to_text()));
        });
        assert_eq!(
            found,
            ["k=1", "k=a", "k.b=2.5", "k=true", "k=18446744073709551615"]
        );
        assert_eq!(cut(&"é".repeat(5_000)).len(), MAX_TEXT_BYTES);
    }
}
