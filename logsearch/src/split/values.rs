use std::io;

use rustc_hash::FxHashMap;
use tantivy::columnar::{Column, DynamicColumn, StrColumn};

use super::layout::{ATTRIBUTES, RECORD_ID, TIME};
use super::{Selection, Split};
use crate::fields::{Dataset, Kind, NumberStore};
use crate::scalar::Scalar;
use crate::watch::Watch;

impl<D: Dataset> Split<D> {
    /// Adds up the values that the selected documents have in a field, or in the attribute of that
    /// name. A text of many words has no countable values.
    pub(crate) fn count_values(
        &self,
        mut selection: Selection,
        field: Result<usize, &str>,
        watch: &Watch,
        counts: &mut FxHashMap<String, u64>,
    ) -> io::Result<()> {
        let columns = self.columns(field)?;
        let mut numbers: Vec<FxHashMap<u64, u64>> = vec![FxHashMap::default(); columns.len()];
        let complete = selection.each(watch, |document| {
            for (column, counts) in columns.iter().zip(&mut numbers) {
                for key in column.keys.values_for_doc(document) {
                    *counts.entry(key).or_default() += 1;
                }
            }
            true
        });
        if !complete {
            watch.check()?;
        }
        for (column, numbers) in columns.iter().zip(numbers) {
            for (key, count) in numbers {
                *counts.entry((column.show)(key)?).or_default() += count;
            }
        }
        Ok(())
    }

    fn columns(&self, field: Result<usize, &str>) -> io::Result<Vec<CountedColumn>> {
        let fields = self.opened()?.reader.fast_fields();
        let (name, show) = match field {
            Err(path) => (format!("{ATTRIBUTES}.{}", path.replace('\\', "\\\\")), None),
            Ok(field) => match &D::fields()[field].kind {
                Kind::Keyword { .. } => (D::fields()[field].name.to_owned(), None),
                Kind::Number { show, .. } => (number_column::<D>(field).to_owned(), Some(*show)),
                Kind::Text { .. } | Kind::Trace { .. } => return Ok(Vec::new()),
            },
        };
        let mut columns = Vec::new();
        for handle in fields
            .dynamic_column_handles(&name)
            .map_err(io::Error::other)?
        {
            columns.extend(CountedColumn::of(handle.open()?, show));
        }
        Ok(columns)
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

type Show = Box<dyn Fn(u64) -> io::Result<String>>;

/// A column with its values as comparable numbers, and how such a number is told.
struct CountedColumn {
    keys: Column<u64>,
    show: Show,
}

impl CountedColumn {
    fn of(column: DynamicColumn, show: Option<fn(i64) -> String>) -> Option<Self> {
        let told = |scalar: Scalar<'_>| Ok(scalar.to_text());
        Some(match column {
            DynamicColumn::Str(column) => Self::of_texts(column),
            DynamicColumn::I64(column) => Self {
                keys: column.to_u64_monotonic(),
                show: Box::new(move |key| match show {
                    Some(show) => Ok(show(tantivy::u64_to_i64(key))),
                    None => told(Scalar::Int(tantivy::u64_to_i64(key))),
                }),
            },
            DynamicColumn::U64(column) => Self {
                keys: column,
                show: Box::new(move |key| match show {
                    Some(show) => Ok(show(key as i64)),
                    None => told(Scalar::Unsigned(key)),
                }),
            },
            DynamicColumn::F64(column) => Self {
                keys: column.to_u64_monotonic(),
                show: Box::new(move |key| told(Scalar::from_f64(tantivy::u64_to_f64(key)))),
            },
            DynamicColumn::Bool(column) => Self {
                keys: column.to_u64_monotonic(),
                show: Box::new(move |key| told(Scalar::Bool(key != 0))),
            },
            _ => return None,
        })
    }

    fn of_texts(column: StrColumn) -> Self {
        Self {
            keys: column.ords().clone(),
            show: Box::new(move |ord| {
                let mut text = String::new();
                column.ord_to_str(ord, &mut text)?;
                Ok(text)
            }),
        }
    }
}
