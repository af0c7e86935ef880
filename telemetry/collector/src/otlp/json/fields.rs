use serde_json::{Map, Value};

use super::JsonError;

/// The fields of one message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'v>(pub(super) &'v Map<String, Value>);

impl<'v> Fields<'v> {
    /// The value of a field; nothing if it is missing or null.
    pub(super) fn value(self, name: &str) -> Option<&'v Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A field that may be absent.
    pub(super) fn optional<T>(
        self,
        name: &str,
        read: impl Fn(&'v Value) -> Result<T, JsonError>,
    ) -> Result<Option<T>, JsonError> {
        let value = self.value(name).map(read).transpose();
        value.map_err(|error| error.within(name))
    }

    /// A field that is its type's default if absent.
    pub(super) fn or_default<T: Default>(
        self,
        name: &str,
        read: impl Fn(&'v Value) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        self.optional(name, read).map(Option::unwrap_or_default)
    }

    pub(super) fn message<T>(
        self,
        name: &str,
        read: impl Fn(Fields<'v>) -> Result<T, JsonError>,
    ) -> Result<Option<T>, JsonError> {
        self.optional(name, |value| read(fields(value)?))
    }

    pub(super) fn list<T>(
        self,
        name: &str,
        read: impl Fn(Fields<'v>) -> Result<T, JsonError>,
    ) -> Result<Vec<T>, JsonError> {
        self.values(name, |value| read(fields(value)?))
    }

    pub(super) fn values<T>(
        self,
        name: &str,
        read: impl Fn(&'v Value) -> Result<T, JsonError>,
    ) -> Result<Vec<T>, JsonError> {
        let Some(value) = self.value(name) else {
            return Ok(Vec::new());
        };
        let all = value
            .as_array()
            .ok_or_else(|| JsonError::expected("an array").within(name))?;
        let read = all.iter().enumerate().map(|(index, value)| {
            read(value).map_err(|error| error.within(&format!("[{index}]")).within(name))
        });
        read.collect()
    }

    pub(super) fn text(self, name: &str) -> Result<String, JsonError> {
        self.or_default(name, text)
    }

    /// A whole number of type `T`, also as a string.
    pub(super) fn whole<T: TryFrom<i128> + Default>(self, name: &str) -> Result<T, JsonError> {
        self.or_default(name, whole)
    }

    pub(super) fn double(self, name: &str) -> Result<f64, JsonError> {
        self.or_default(name, double)
    }

    pub(super) fn hex(self, name: &str) -> Result<Vec<u8>, JsonError> {
        self.or_default(name, hex)
    }
}

fn fields(value: &Value) -> Result<Fields<'_>, JsonError> {
    value
        .as_object()
        .map(Fields)
        .ok_or_else(|| JsonError::expected("an object"))
}

pub(super) fn text(value: &Value) -> Result<String, JsonError> {
    let text = value
        .as_str()
        .ok_or_else(|| JsonError::expected("a string"))?;
    Ok(text.to_owned())
}

pub(super) fn boolean(value: &Value) -> Result<bool, JsonError> {
    value
        .as_bool()
        .ok_or_else(|| JsonError::expected("true or false"))
}

pub(super) fn whole<T: TryFrom<i128>>(value: &Value) -> Result<T, JsonError> {
    let number = match value {
        Value::String(text) => text.parse::<i128>().ok(),
        Value::Number(number) => number.as_i128().or_else(|| {
            number
                .as_f64()
                .filter(|n| n.fract() == 0.0)
                .map(|n| n as i128)
        }),
        _ => None,
    };
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| JsonError::expected("a whole number"))
}

pub(super) fn double(value: &Value) -> Result<f64, JsonError> {
    let number = match value {
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        },
        value => value.as_f64(),
    };
    number.ok_or_else(|| JsonError::expected("a number"))
}

fn hex(value: &Value) -> Result<Vec<u8>, JsonError> {
    let digits = |text: &str| -> Option<Vec<u8>> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|c| c.to_digit(16).map(|d| d as u8))
            .collect();
        let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
        Some(
            digits
                .chunks(2)
                .map(|pair| pair[0] << 4 | pair[1])
                .collect(),
        )
    };
    let bytes = value.as_str().and_then(digits);
    bytes.ok_or_else(|| JsonError::expected("hexadecimal digits"))
}

/// Base64 of either alphabet, with or without padding.
pub(super) fn base64(value: &Value) -> Result<Vec<u8>, JsonError> {
    let text = text(value)?;
    let digits = text.trim_end_matches('=').bytes().map(|c| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    });
    let digits: Option<Vec<u8>> = digits.collect();
    let digits = digits.filter(|digits| digits.len() % 4 != 1);
    let digits = digits.ok_or_else(|| JsonError::expected("base64"))?;
    let bytes = digits.chunks(4).flat_map(|chunk| {
        let digit = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = digit(0) << 18 | digit(1) << 12 | digit(2) << 6 | digit(3);
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.into_iter().take(chunk.len() - 1)
    });
    Ok(bytes.collect())
}
