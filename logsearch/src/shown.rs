use std::cmp::Ordering;

use serde_json::{Number, Value};
use watchfire_schemas::TraceId;

use crate::scalar::Scalar;

/// A value as an answer shows it.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// There is none.
    Missing,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

impl Shown {
    pub(crate) fn trace(number: u128) -> Self {
        let id = TraceId::from_bytes(number.to_be_bytes());
        id.map_or(Self::Missing, |id| Self::Text(id.to_string()))
    }

    /// As a query writes it; empty for none.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Text(text) => text.clone(),
            Self::Bool(b) => b.to_string(),
            Self::Int(n) => n.to_string(),
            Self::Unsigned(n) => n.to_string(),
            Self::Float(n) => Scalar::Float(*n).to_text(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Missing => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Bool(b) => (*b).into(),
            Self::Int(n) => (*n).into(),
            Self::Unsigned(n) => (*n).into(),
            Self::Float(n) => Number::from_f64(*n).map_or(Value::Null, Value::Number),
        }
    }

    /// As a number, if it is one.
    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(*n as f64),
            Self::Unsigned(n) => Some(*n as f64),
            Self::Float(n) => Some(*n),
            Self::Missing | Self::Bool(_) | Self::Text(_) => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Bool(_) => 1,
            Self::Int(_) | Self::Unsigned(_) | Self::Float(_) => 2,
            Self::Text(_) => 3,
        }
    }
}

impl From<Scalar<'_>> for Shown {
    fn from(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Text(text) => Self::Text(text.to_owned()),
            Scalar::Bool(b) => Self::Bool(b),
            Scalar::Int(n) => Self::Int(n),
            Scalar::Unsigned(n) => Self::Unsigned(n),
            Scalar::Float(n) => Self::Float(n),
        }
    }
}

/// A total order, so that ties in an answer are broken the same way always: none, truth values,
/// numbers, texts.
impl Ord for Shown {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Unsigned(a), Self::Unsigned(b)) => a.cmp(b),
            (a, b) => match (a.as_f64(), b.as_f64()) {
                // Two kinds of number that are one float are told apart by their kind.
                (Some(x), Some(y)) => x.total_cmp(&y).then_with(|| a.kind().cmp(&b.kind())),
                _ => a.rank().cmp(&b.rank()),
            },
        }
    }
}

impl Shown {
    fn kind(&self) -> u8 {
        match self {
            Self::Int(_) => 0,
            Self::Unsigned(_) => 1,
            _ => 2,
        }
    }
}

impl PartialOrd for Shown {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Shown {}

impl std::hash::Hash for Shown {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // -1 and the largest unsigned number have the same bits.
        (self.rank(), self.kind()).hash(state);
        match self {
            Self::Missing => {}
            Self::Bool(b) => b.hash(state),
            Self::Int(n) => n.hash(state),
            Self::Unsigned(n) => n.hash(state),
            Self::Float(n) => n.to_bits().hash(state),
            Self::Text(text) => text.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_one_order_and_their_own_json() {
        let mut values = [
            Shown::Text("a".to_owned()),
            Shown::Float(2.5),
            Shown::Unsigned(u64::MAX),
            Shown::Int(-1),
            Shown::Bool(true),
            Shown::Missing,
            Shown::trace(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736),
            Shown::trace(0),
        ];
        values.sort();
        let shown: Vec<_> = values.iter().map(Shown::to_json).collect();
        let expected = [
            json!(null),
            json!(null),
            json!(true),
            json!(-1),
            json!(2.5),
            json!(u64::MAX),
            json!("4bf92f3577b34da6a3ce929d0e0e4736"),
            json!("a"),
        ];
        assert_eq!(shown, expected);
        assert_eq!(values[5].to_text(), "18446744073709551615");
    }
}
