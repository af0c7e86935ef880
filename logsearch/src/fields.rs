//! Field tables: what a dataset's records are made of, told once for the tail, the splits and the
//! query language.

use std::fmt::Debug;

use crate::row::{Row, RowWriter};
use crate::scalar::Scalar;

/// One named part of a record. The rest of it are attributes.
#[derive(Debug)]
pub(crate) struct Field {
    /// As a query names it.
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) kind: Kind,
}

/// How a field is stored, searched and compared.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Compared as a whole, after `fold` of what was asked for.
    Keyword {
        of: Source,
        fold: fn(&str) -> String,
    },
    /// Cut into words; a query's bare words search all of these. An empty one is none.
    Text { slot: usize },
    /// Compared by order.
    Number {
        of: NumberSource,
        /// The numbers, both inclusive, that a query's text stands for.
        interval: fn(&str) -> Option<(i64, i64)>,
        show: fn(i64) -> String,
        /// What a value looks like, for a hint.
        example: &'static str,
    },
    /// Compared as a whole; 128 bits.
    Trace { slot: usize },
}

/// Where a keyword is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Slot(usize),
    /// An attribute that is a field of its own. Its values are compared as texts, whatever they are.
    Attribute(&'static str),
}

/// Where a number is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberSource {
    /// What records are ordered by.
    Time,
    Id,
    Slot(usize),
}

/// A kind of record that the store keeps.
pub(crate) trait Dataset: Debug + Send + Sync + 'static {
    /// The name of its folder and the label of its metrics.
    const NAME: &'static str;
    type Record: Debug + Clone + Send + Sync + 'static;

    fn fields() -> &'static [Field];

    /// The names of the slots. They are names of columns on disk: a change is one of the format.
    fn slots() -> &'static [&'static str];

    /// The slot with the service.
    const SERVICE: usize;

    /// What it is ordered by.
    fn time(record: &Self::Record) -> i64;

    /// Gives the cells of the record, slots first: all of it but its time.
    fn write(record: &Self::Record, row: &mut RowWriter<'_>);

    /// The record that was written.
    fn read(row: Row<'_>) -> Result<Self::Record, String>;

    /// Its place among the bars of a histogram: an index into `SeverityRange::ALL`.
    fn severity(row: Row<'_>) -> usize;

    /// Whether a field stands for the attribute of that name.
    fn is_promoted(_name: &str) -> bool {
        false
    }

    /// Every attribute that no field stands for.
    fn each_attribute(row: Row<'_>, each: &mut dyn FnMut(&str, Scalar<'_>)) {
        for (_, name, cell) in row.attributes() {
            cell.each_scalar(name, &mut |path, scalar| {
                if !Self::is_promoted(path) {
                    each(path, scalar);
                }
            });
        }
    }
}

/// The field of that name, by its index.
pub(crate) fn find(fields: &[Field], name: &str) -> Option<usize> {
    fields
        .iter()
        .position(|field| field.name == name || field.aliases.contains(&name))
}

/// Calls back with every value that a row has in a keyword field.
pub(crate) fn each_keyword(row: Row<'_>, of: Source, each: &mut dyn FnMut(&str)) {
    match of {
        Source::Slot(slot) => {
            if let Some(text) = row.slot(slot).and_then(crate::row::Cell::text) {
                each(text);
            }
        }
        Source::Attribute(key) => {
            for (_, name, cell) in row.attributes() {
                if name != key && !key.starts_with(name) {
                    continue;
                }
                cell.each_scalar(name, &mut |path, scalar| match scalar {
                    _ if path != key => {}
                    Scalar::Text(text) => each(text),
                    other => each(&other.to_text()),
                });
            }
        }
    }
}

pub(crate) fn as_it_is(text: &str) -> String {
    text.to_owned()
}
