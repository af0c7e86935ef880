use std::fmt;
use std::io;

use tantivy::columnar::{Column, DynamicColumn, StrColumn};

use super::Split;
use super::layout::{ATTRIBUTES, RECORD_ID, TIME};
use crate::fields::{Dataset, Kind, NumberStore};
use crate::query_types::FieldKind;
use crate::row_values::ValuesOf;
use crate::scalar::Scalar;
use crate::shown::Shown;

/// The values that the documents of a split have in a field or attribute.
pub(crate) struct ValueColumns {
    columns: Vec<ValueColumn>,
}

/// Two values of a split are the same if their keys are. Not so for the two numbers that one name
/// stands for, such as those of a severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ValueKey {
    column: u32,
    key: u128,
}

impl ValueKey {
    /// Stands for no value.
    pub(crate) const MISSING: Self = Self {
        column: u32::MAX,
        key: 0,
    };
}

struct ValueColumn {
    keys: Keys,
    told: Told,
}

enum Keys {
    One(Column<u64>),
    /// The halves of 128 bits.
    Two(Column<u64>, Column<u64>),
}

/// What a key stands for.
enum Told {
    Text(StrColumn),
    Int,
    Unsigned,
    Float,
    Bool,
    /// A number of the field table, signed or not.
    Number(fn(i64) -> String, bool),
    Trace,
}

impl fmt::Debug for ValueColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueColumns")
            .field("columns", &self.columns.len())
            .finish()
    }
}

impl<D: Dataset> Split<D> {
    /// Where the values of a field or attribute are. A text of many words has none that are counted.
    pub(crate) fn value_columns(&self, of: &ValuesOf) -> io::Result<ValueColumns> {
        let fields = self.opened()?.reader.fast_fields();
        let (name, show) = match of {
            ValuesOf::Attribute(path) => {
                (format!("{ATTRIBUTES}.{}", path.replace('\\', "\\\\")), None)
            }
            ValuesOf::Field(field) => match &D::fields()[*field].kind {
                Kind::Keyword { .. } => (D::fields()[*field].name.to_owned(), None),
                Kind::Number { show, .. } => (number_column::<D>(*field).to_owned(), Some(*show)),
                Kind::Trace { .. } => {
                    let name = D::fields()[*field].name;
                    let half = |half: &str| fields.column_opt(&format!("{name}.{half}"));
                    let high = half("high").map_err(io::Error::other)?;
                    let low = half("low").map_err(io::Error::other)?;
                    let column = high.zip(low).map(|(high, low)| ValueColumn {
                        keys: Keys::Two(high, low),
                        told: Told::Trace,
                    });
                    return Ok(ValueColumns {
                        columns: column.into_iter().collect(),
                    });
                }
                Kind::Text { .. } => {
                    return Ok(ValueColumns {
                        columns: Vec::new(),
                    });
                }
            },
        };
        let mut columns = Vec::new();
        for handle in fields
            .dynamic_column_handles(&name)
            .map_err(io::Error::other)?
        {
            columns.extend(ValueColumn::of(handle.open()?, show));
        }
        Ok(ValueColumns { columns })
    }
}

/// The column that a number of the field table is in.
fn number_column<D: Dataset>(field: usize) -> &'static str {
    match &D::fields()[field].kind {
        Kind::Number {
            store: NumberStore::Time,
            ..
        } => TIME,
        Kind::Number {
            store: NumberStore::Id,
            ..
        } => RECORD_ID,
        _ => D::fields()[field].name,
    }
}

impl ValueColumns {
    /// Calls back with every value of a document; one that it has twice comes twice.
    pub(crate) fn each(&self, document: u32, each: &mut dyn FnMut(ValueKey)) {
        for (index, column) in self.columns.iter().enumerate() {
            let column_index = index as u32;
            let mut found = |key| {
                each(ValueKey {
                    column: column_index,
                    key,
                });
            };
            match &column.keys {
                Keys::One(keys) => keys
                    .values_for_doc(document)
                    .for_each(|key| found(u128::from(key))),
                Keys::Two(high, low) => {
                    if let (Some(high), Some(low)) = (high.first(document), low.first(document)) {
                        found(u128::from(high) << 64 | u128::from(low));
                    }
                }
            }
        }
    }

    /// The value that a key stands for.
    pub(crate) fn shown(&self, key: ValueKey) -> io::Result<Shown> {
        let number = key.key as u64;
        let Some(column) = self.columns.get(key.column as usize) else {
            return Ok(Shown::Missing);
        };
        Ok(match &column.told {
            Told::Text(column) => {
                let mut text = String::new();
                column.ord_to_str(number, &mut text)?;
                Shown::Text(text)
            }
            Told::Int => Shown::Int(tantivy::u64_to_i64(number)),
            Told::Unsigned => unsigned(number).into(),
            Told::Float => Scalar::from_f64(tantivy::u64_to_f64(number)).into(),
            Told::Bool => Shown::Bool(number != 0),
            Told::Number(show, true) => Shown::Text(show(tantivy::u64_to_i64(number))),
            Told::Number(show, false) => Shown::Text(show(number as i64)),
            Told::Trace => Shown::trace(key.key),
        })
    }

    /// The number that a key stands for, if it is one.
    pub(crate) fn number(&self, key: ValueKey) -> Option<f64> {
        let number = key.key as u64;
        Some(match &self.columns.get(key.column as usize)?.told {
            Told::Int => tantivy::u64_to_i64(number) as f64,
            Told::Unsigned => number as f64,
            Told::Float => tantivy::u64_to_f64(number),
            Told::Text(_) | Told::Bool | Told::Number(..) | Told::Trace => return None,
        })
    }

    /// The kind of the first value that a document has.
    pub(crate) fn kind_of(&self, document: u32) -> Option<FieldKind> {
        let column = self.columns.iter().find(|column| match &column.keys {
            Keys::One(keys) | Keys::Two(keys, _) => keys.first(document).is_some(),
        });
        Some(match &column?.told {
            Told::Text(_) => FieldKind::Keyword,
            Told::Int | Told::Unsigned | Told::Float => FieldKind::Number,
            Told::Bool => FieldKind::Bool,
            Told::Number(..) | Told::Trace => FieldKind::Id,
        })
    }
}

fn unsigned(number: u64) -> Scalar<'static> {
    i64::try_from(number).map_or(Scalar::Unsigned(number), Scalar::Int)
}

impl ValueColumn {
    fn of(column: DynamicColumn, show: Option<fn(i64) -> String>) -> Option<Self> {
        let (keys, told) = match column {
            DynamicColumn::Str(column) => (column.ords().clone(), Told::Text(column)),
            DynamicColumn::I64(column) => {
                let told = show.map_or(Told::Int, |show| Told::Number(show, true));
                (column.to_u64_monotonic(), told)
            }
            DynamicColumn::U64(column) => {
                let told = show.map_or(Told::Unsigned, |show| Told::Number(show, false));
                (column, told)
            }
            DynamicColumn::F64(column) => (column.to_u64_monotonic(), Told::Float),
            DynamicColumn::Bool(column) => (column.to_u64_monotonic(), Told::Bool),
            _ => return None,
        };
        Some(Self {
            keys: Keys::One(keys),
            told,
        })
    }
}
