use std::cmp::Ordering;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use super::Split;
use super::loaded::LoadedColumn;
use super::numbers::{LoadedNumbers, Meaning, meaning};
use super::opened::Column;
use crate::fields::{Dataset, Kind, NumberSource, Source};
use crate::query_types::FieldKind;
use crate::row::CellType;
use crate::row_values::ValuesOf;
use crate::scalar::Scalar;
use crate::shown::Shown;

/// The values that the documents of a split have in a field or attribute.
pub(crate) struct ValueColumns<'a> {
    columns: Vec<ValueColumn<'a>>,
}

/// Two values of a split are the same if their keys are. Not so for the two numbers that one name
/// stands for, such as those of a severity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueKey {
    column: u32,
    key: u128,
    /// One that has the value. Where the key is only a hash, the value is read from there: so no
    /// value is kept in memory, however many different ones there are.
    document: u32,
}

impl ValueKey {
    /// Stands for no value.
    pub(crate) const MISSING: Self = Self {
        column: u32::MAX,
        key: 0,
        document: 0,
    };

    const fn identity(&self) -> (u32, u128) {
        (self.column, self.key)
    }
}

impl PartialEq for ValueKey {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for ValueKey {}

impl Hash for ValueKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl Ord for ValueKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl PartialOrd for ValueKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct ValueColumn<'a> {
    keys: Keys<'a>,
    told: Told,
}

enum Keys<'a> {
    Column(LoadedColumn<'a>),
    /// Of all documents.
    Numbers(LoadedNumbers<'a>),
}

/// What a key stands for.
enum Told {
    /// An entry of the column.
    Entry,
    /// The hash of a value: of a text that is put together, or of what is at this path of a nested
    /// value.
    Hash(String),
    Number(Meaning),
    /// A number of the field table.
    Shown(fn(i64) -> String, Meaning),
    Trace,
}

impl fmt::Debug for ValueColumns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueColumns")
            .field("columns", &self.columns.len())
            .finish()
    }
}

impl<D: Dataset> Split<D> {
    /// Where the values of a field or attribute are. Those of a text are whole texts.
    pub(crate) fn value_columns<'a>(&'a self, of: &'a ValuesOf) -> io::Result<ValueColumns<'a>> {
        let opened = self.opened()?;
        let slot = |slot: usize| opened.slot(D::slots()[slot]).into_iter().collect();
        let (columns, path): (Vec<Column<'a>>, &str) = match of {
            ValuesOf::Attribute(path) if D::is_promoted(path) => (Vec::new(), ""),
            ValuesOf::Attribute(path) => (opened.attributes(path).collect(), path),
            ValuesOf::Field(field) => match &D::fields()[*field].kind {
                Kind::Text { slot: text } => (slot(*text), ""),
                Kind::Trace { slot: trace } => (slot(*trace), ""),
                Kind::Keyword { of, .. } => match of {
                    Source::Slot(keyword) => (slot(*keyword), ""),
                    Source::Attribute(path) => {
                        let columns: Vec<_> = opened.attributes(path).collect();
                        return Ok(ValueColumns {
                            columns: of_keyword(columns, path)?,
                        });
                    }
                },
                Kind::Number { of, show, .. } => {
                    let (numbers, meaning) = match of {
                        NumberSource::Slot(number) => {
                            return of_columns(slot(*number), "", Some(*show));
                        }
                        NumberSource::Time => (opened.times()?, Meaning::Int),
                        NumberSource::Id => (opened.ids()?, Meaning::Unsigned),
                    };
                    return Ok(whole(numbers.load()?, *show, meaning));
                }
            },
        };
        of_columns(columns, path, None)
    }
}

fn of_columns<'a>(
    columns: Vec<Column<'a>>,
    path: &str,
    show: Option<fn(i64) -> String>,
) -> io::Result<ValueColumns<'a>> {
    let columns = columns.into_iter().filter_map(|column| {
        let is_value = column.meta.cell_type != CellType::Null;
        is_value.then(|| ValueColumn::of(column, path, show))
    });
    Ok(ValueColumns {
        columns: columns.collect::<io::Result<_>>()?,
    })
}

fn whole(
    numbers: LoadedNumbers<'_>,
    show: fn(i64) -> String,
    meaning: Meaning,
) -> ValueColumns<'_> {
    ValueColumns {
        columns: vec![ValueColumn {
            keys: Keys::Numbers(numbers),
            told: Told::Shown(show, meaning),
        }],
    }
}

/// The columns of an attribute that is a keyword: its numbers are texts.
fn of_keyword<'a>(columns: Vec<Column<'a>>, path: &str) -> io::Result<Vec<ValueColumn<'a>>> {
    let columns = columns.into_iter();
    let values = columns.filter(|column| column.meta.cell_type != CellType::Null);
    values
        .map(|column| {
            Ok(ValueColumn {
                told: Told::Hash(path.to_owned()),
                keys: Keys::Column(LoadedColumn::of(column)?),
            })
        })
        .collect()
}

impl ValueColumns<'_> {
    /// Calls back with every value of a document; one that it has twice comes twice.
    pub(crate) fn each(&self, document: u32, each: &mut dyn FnMut(ValueKey)) {
        for (index, column) in self.columns.iter().enumerate() {
            let mut found = |key: u128| {
                each(ValueKey {
                    column: index as u32,
                    key,
                    document,
                });
            };
            match (&column.keys, &column.told) {
                (Keys::Numbers(numbers), _) => found(u128::from(numbers.get(document))),
                (Keys::Column(values), Told::Trace) => {
                    values.id(document).into_iter().for_each(found);
                }
                (Keys::Column(values), Told::Entry) => {
                    values
                        .entry(document)
                        .map(u128::from)
                        .into_iter()
                        .for_each(found);
                }
                (Keys::Column(values), Told::Hash(path)) => {
                    // Told only when the column is free again: whoever is called back may read it.
                    let mut keys = Vec::new();
                    each_read(values, document, path, &mut |value| keys.push(hash(&value)));
                    keys.into_iter().for_each(found);
                }
                (Keys::Column(values), Told::Number(_) | Told::Shown(..)) => {
                    values
                        .number(document)
                        .map(u128::from)
                        .into_iter()
                        .for_each(found);
                }
            }
        }
    }

    /// Every value with how many documents of the split have it, where that is known without a look
    /// at them.
    pub(crate) fn counts(&self) -> io::Result<Option<Vec<(ValueKey, u64)>>> {
        let [column] = self.columns.as_slice() else {
            return Ok(None);
        };
        let (Told::Entry, Keys::Column(values)) = (&column.told, &column.keys) else {
            return Ok(None);
        };
        let keys = (0_u32..).zip(values.counts()?).map(|(entry, count)| {
            let key = ValueKey {
                column: 0,
                key: u128::from(entry),
                document: 0,
            };
            (key, u64::from(*count))
        });
        Ok(Some(keys.collect()))
    }

    /// The value that a key stands for.
    pub(crate) fn shown(&self, key: ValueKey) -> io::Result<Shown> {
        let number = key.key as u64;
        let Some(column) = self.columns.get(key.column as usize) else {
            return Ok(Shown::Missing);
        };
        Ok(match (&column.told, &column.keys) {
            (Told::Entry, Keys::Column(values)) => {
                let text = values.entry_text(number as u32)?;
                Shown::Text(crate::scalar::cut(&text).to_owned())
            }
            (Told::Hash(path), Keys::Column(values)) => hashed(values, path, key),
            (Told::Entry | Told::Hash(_), Keys::Numbers(_)) => Shown::Missing,
            (Told::Number(meaning), _) => meaning.value(number).into(),
            (Told::Shown(show, Meaning::Int), _) => Shown::Text(show(meaning::to_int(number))),
            (Told::Shown(show, _), _) => Shown::Text(show(number as i64)),
            (Told::Trace, _) => Shown::trace(key.key),
        })
    }

    /// The number that a key stands for, if it is one.
    pub(crate) fn number(&self, key: ValueKey) -> Option<f64> {
        let column = self.columns.get(key.column as usize)?;
        match (&column.told, &column.keys) {
            (Told::Number(meaning), _) if *meaning != Meaning::Bool => {
                Some(meaning.float(key.key as u64))
            }
            (Told::Hash(path), Keys::Column(values)) => hashed(values, path, key).as_f64(),
            _ => None,
        }
    }

    /// The whole number of a field of the table that a key stands for.
    pub(crate) fn whole_number(&self, key: ValueKey) -> Option<i64> {
        let is_whole = matches!(
            self.columns.get(key.column as usize)?.told,
            Told::Shown(_, Meaning::Int)
        );
        is_whole.then(|| meaning::to_int(key.key as u64))
    }

    /// The kind of the first value that a document has.
    pub(crate) fn kind_of(&self, document: u32) -> Option<FieldKind> {
        self.columns.iter().find_map(|column| match &column.keys {
            Keys::Numbers(_) => Some(FieldKind::Id),
            Keys::Column(values) => {
                let has = values.has(document);
                match &column.told {
                    Told::Entry => has.then_some(FieldKind::Keyword),
                    Told::Number(Meaning::Bool) => has.then_some(FieldKind::Bool),
                    Told::Number(_) => has.then_some(FieldKind::Number),
                    Told::Shown(..) | Told::Trace => has.then_some(FieldKind::Id),
                    Told::Hash(path) => {
                        let mut kind = None;
                        each_read(values, document, path, &mut |value| {
                            kind.get_or_insert(match value {
                                Shown::Bool(_) => FieldKind::Bool,
                                Shown::Int(_) | Shown::Unsigned(_) | Shown::Float(_) => {
                                    FieldKind::Number
                                }
                                Shown::Text(_) | Shown::Missing => FieldKind::Keyword,
                            });
                        });
                        kind
                    }
                }
            }
        })
    }
}

/// The value that a key is the hash of.
fn hashed(column: &LoadedColumn<'_>, path: &str, key: ValueKey) -> Shown {
    let mut found = Shown::Missing;
    each_read(column, key.document, path, &mut |value| {
        if hash(&value) == key.key {
            found = value;
        }
    });
    found
}

/// 128 bits: that two values of a split share them does not happen.
fn hash(value: &Shown) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, value).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// Calls back with what a document has at a path of a column.
fn each_read(column: &LoadedColumn<'_>, document: u32, path: &str, each: &mut dyn FnMut(Shown)) {
    let name = &column.column.meta.name;
    let is_field = path.is_empty();
    let read = column.text(document, |cell| {
        let name = if is_field { "text" } else { name };
        cell.each_scalar(name, &mut |at, scalar| {
            if is_field || at == path {
                each(scalar.into());
            }
        });
    });
    if read.is_none()
        && let (Some(number), Some(meaning)) = (column.number(document), column.meaning())
    {
        // An attribute that is a keyword: what it holds is compared as text.
        let value: Scalar<'_> = meaning.value(number);
        each(Shown::Text(value.to_text()));
    }
}

impl<'a> ValueColumn<'a> {
    fn of(column: Column<'a>, path: &str, show: Option<fn(i64) -> String>) -> io::Result<Self> {
        let column = LoadedColumn::of(column)?;
        let told = match (column.column.meta.cell_type, column.meaning(), show) {
            (CellType::Id, ..) => Told::Trace,
            (_, Some(meaning), Some(show)) => Told::Shown(show, meaning),
            (_, Some(meaning), None) => Told::Number(meaning),
            (CellType::Text, ..) if column.is_whole() => Told::Entry,
            _ => Told::Hash(path.to_owned()),
        };
        Ok(Self {
            keys: Keys::Column(column),
            told,
        })
    }
}
