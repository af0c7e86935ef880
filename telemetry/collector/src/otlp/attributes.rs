use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::{Number, Value};
use watchfire_schemas::{Attributes, flatten};

/// Attributes as flat dotted keys. Of a key that comes twice the last value counts.
pub(super) fn attributes(pairs: &[KeyValue]) -> Attributes {
    let object = pairs.iter().map(|pair| {
        let value = pair.value.as_ref().map_or(Value::Null, any_value);
        (pair.key.clone(), value)
    });
    flatten(object.collect())
}

/// The same of what is not needed any more: nothing is copied.
pub(super) fn attributes_of(pairs: Vec<KeyValue>) -> Attributes {
    let object = pairs.into_iter().map(|pair| {
        let value = pair.value.map_or(Value::Null, value_of);
        (pair.key, value)
    });
    flatten(object.collect())
}

pub(super) fn resource(resource: Option<&Resource>) -> Attributes {
    resource
        .map(|resource| attributes(&resource.attributes))
        .unwrap_or_default()
}

/// What a scope adds to its records: its own attributes, its name and version.
pub(super) fn scope(scope: Option<&InstrumentationScope>) -> Attributes {
    let Some(scope) = scope else {
        return Attributes::new();
    };
    let mut all = attributes(&scope.attributes);
    for (key, value) in [
        ("otel.scope.name", &scope.name),
        ("otel.scope.version", &scope.version),
    ] {
        if !value.is_empty() {
            all.insert(key.to_owned(), Value::String(value.clone()));
        }
    }
    all
}

/// A value as JSON: bytes in base64, a number that JSON cannot write as its name.
pub(super) fn any_value(value: &AnyValue) -> Value {
    match &value.value {
        None => Value::Null,
        Some(any_value::Value::StringValue(text)) => Value::String(text.clone()),
        Some(any_value::Value::BoolValue(bool)) => Value::Bool(*bool),
        Some(any_value::Value::IntValue(number)) => Value::from(*number),
        Some(any_value::Value::DoubleValue(number)) => double(*number),
        Some(any_value::Value::ArrayValue(array)) => {
            Value::Array(array.values.iter().map(any_value).collect())
        }
        Some(any_value::Value::KvlistValue(list)) => Value::Object(attributes(&list.values)),
        Some(any_value::Value::BytesValue(bytes)) => Value::String(base64(bytes)),
        // An index into a table that OTLP's own messages do not carry.
        Some(any_value::Value::StringValueStrindex(index)) => Value::from(*index),
    }
}

fn double(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => Value::from("NaN"),
        None if number > 0.0 => Value::from("Infinity"),
        None => Value::from("-Infinity"),
    }
}

/// The same, of a value that is not needed any more.
pub(super) fn value_of(value: AnyValue) -> Value {
    match value.value {
        Some(any_value::Value::StringValue(text)) => Value::String(text),
        _ => any_value(&value),
    }
}

/// Any value in words: a text as it is, everything else as JSON.
pub(super) fn in_words(value: AnyValue) -> String {
    match value_of(value) {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                let digit = bits >> (18 - 6 * place) & 63;
                out.push(char::from(DIGITS[digit as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_base64() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
    }

    #[test]
    fn numbers_that_json_lacks_keep_their_names() {
        assert_eq!(double(f64::NAN), "NaN");
        assert_eq!(double(f64::NEG_INFINITY), "-Infinity");
        assert_eq!(double(0.5), 0.5);
    }
}
