use serde_json::Value;

use crate::scalar::{Scalar, each_scalar};

/// One value of a row, as it was received: nothing is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Text(&'a str),
    /// An array or an object.
    Json(&'a str),
    Int(i64),
    /// Above what `Int` holds.
    Unsigned(u64),
    Float(f64),
    Bool(bool),
    Null,
    Id(u128),
}

/// What a column of a split holds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(crate) enum CellType {
    Text,
    Json,
    Int,
    Unsigned,
    Float,
    Bool,
    Null,
    Id,
}

impl CellType {
    pub(crate) const COUNT: usize = 8;
}

impl<'a> Cell<'a> {
    /// The text that it is.
    pub(crate) const fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) const fn cell_type(self) -> CellType {
        match self {
            Self::Text(_) => CellType::Text,
            Self::Json(_) => CellType::Json,
            Self::Int(_) => CellType::Int,
            Self::Unsigned(_) => CellType::Unsigned,
            Self::Float(_) => CellType::Float,
            Self::Bool(_) => CellType::Bool,
            Self::Null => CellType::Null,
            Self::Id(_) => CellType::Id,
        }
    }

    /// Calls `each` with every value that a query can meet under `name`.
    pub(crate) fn each_scalar(self, name: &str, each: &mut dyn FnMut(&str, Scalar<'_>)) {
        let value = match self {
            Self::Json(json) => serde_json::from_str(json).unwrap_or(Value::Null),
            Self::Text(text) if crate::scalar::is_name(name) => {
                return each(name, Scalar::Text(crate::scalar::cut(text)));
            }
            _ => match self.scalar() {
                Some(scalar) if crate::scalar::is_name(name) => return each(name, scalar),
                _ => return,
            },
        };
        each_scalar(name, &value, each);
    }

    /// The number or truth value that it is.
    pub(crate) fn scalar(self) -> Option<Scalar<'static>> {
        match self {
            Self::Int(n) => Some(Scalar::Int(n)),
            Self::Unsigned(n) => Some(Scalar::Unsigned(n)),
            Self::Float(n) => Some(Scalar::from_f64(n)),
            Self::Bool(b) => Some(Scalar::Bool(b)),
            Self::Text(_) | Self::Json(_) | Self::Null | Self::Id(_) => None,
        }
    }

    /// The attribute's value that it was made of.
    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::Text(text) => Value::from(text),
            Self::Json(json) => serde_json::from_str(json).unwrap_or(Value::Null),
            Self::Int(n) => Value::from(n),
            Self::Unsigned(n) => Value::from(n),
            Self::Float(n) => Value::from(n),
            Self::Bool(b) => Value::from(b),
            Self::Null | Self::Id(_) => Value::Null,
        }
    }
}
