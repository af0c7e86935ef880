use opentelemetry::{Array, KeyValue, Value as OtelValue};
use serde_json::Value;

use super::wire::Wire;
use crate::fact_span::Val;
use crate::resource::Resource;

/// The fields of `AnyValue`.
pub(super) const STRING: u64 = 1;
const BOOL: u64 = 2;
const INT: u64 = 3;
const DOUBLE: u64 = 4;
const ARRAY: u64 = 5;
const LIST: u64 = 6;

/// One `KeyValue` in the field `field` of the message around it.
pub(super) fn pair(out: &mut Wire, field: u64, key: &str, value: impl FnOnce(&mut Wire)) {
    out.message::<1>(field, |pair| {
        pair.text(1, key);
        pair.message::<1>(2, value);
    });
}

/// The same with a value of ours.
pub(super) fn pair_val(out: &mut Wire, field: u64, key: &str, value: Val<'_>) {
    match value {
        Val::Text(text) => out.pair_of_texts(field, key, text),
        other => pair(out, field, key, |out| val(out, other)),
    }
}

fn val(out: &mut Wire, value: Val<'_>) {
    match value {
        Val::Text(text) => out.bytes(STRING, text.as_bytes()),
        Val::Whole(whole) => out.varint(INT, whole as u64),
        Val::Real(real) => out.fixed64(DOUBLE, real.to_bits()),
    }
}

pub(super) fn key_values(out: &mut Wire, field: u64, pairs: &[KeyValue]) {
    for KeyValue { key, value, .. } in pairs {
        pair(out, field, key.as_str(), |out| otel(out, value));
    }
}

fn otel(out: &mut Wire, value: &OtelValue) {
    match value {
        OtelValue::Bool(value) => out.varint(BOOL, u64::from(*value)),
        OtelValue::I64(value) => out.varint(INT, *value as u64),
        OtelValue::F64(value) => out.fixed64(DOUBLE, value.to_bits()),
        OtelValue::String(value) => out.bytes(STRING, value.as_str().as_bytes()),
        OtelValue::Array(array) => out.message::<2>(ARRAY, |out| elements(out, array)),
        other => out.bytes(STRING, other.to_string().as_bytes()),
    }
}

fn elements(out: &mut Wire, array: &Array) {
    match array {
        Array::Bool(values) => {
            for value in values {
                out.message::<1>(1, |out| out.varint(BOOL, u64::from(*value)));
            }
        }
        Array::I64(values) => {
            for value in values {
                out.message::<1>(1, |out| out.varint(INT, *value as u64));
            }
        }
        Array::F64(values) => {
            for value in values {
                out.message::<1>(1, |out| out.fixed64(DOUBLE, value.to_bits()));
            }
        }
        Array::String(values) => {
            for value in values {
                out.message::<1>(1, |out| out.bytes(STRING, value.as_str().as_bytes()));
            }
        }
        _ => {}
    }
}

pub(super) fn json(out: &mut Wire, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.varint(BOOL, u64::from(*value)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => out.varint(INT, whole as u64),
            (None, Some(real)) => out.fixed64(DOUBLE, real.to_bits()),
            (None, None) => out.bytes(STRING, number.to_string().as_bytes()),
        },
        Value::String(text) => out.bytes(STRING, text.as_bytes()),
        Value::Array(values) => out.message::<2>(ARRAY, |out| {
            for value in values {
                out.message::<1>(1, |out| json(out, value));
            }
        }),
        Value::Object(fields) => out.message::<2>(LIST, |out| {
            for (key, value) in fields {
                pair(out, 1, key, |out| json(out, value));
            }
        }),
    }
}

/// The resource of a request.
pub(super) fn resource_of(out: &mut Wire, resource: &Resource) {
    out.message::<2>(1, |out| {
        out.pair_of_texts(1, "service.name", &resource.service);
        for (key, value) in &resource.attributes {
            pair(out, 1, key, |out| json(out, value));
        }
    });
}
