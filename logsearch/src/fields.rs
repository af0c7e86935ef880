//! Field tables: what a dataset's records are made of, told once for the tail, the index and the
//! query language.

use std::fmt::Debug;

use watchfire_schemas::{SpanId, TraceId};

use crate::scalar::Scalar;

/// One named part of a record. The rest of it are attributes.
#[derive(Debug)]
pub(crate) struct Field<R: 'static> {
    /// As a query names it, and the name of its column.
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) kind: Kind<R>,
}

/// Calls back with every value that a record has in a field.
pub(crate) type EachText<R> = fn(&R, &mut dyn FnMut(&str));

/// How a field is stored, searched and compared.
#[derive(Debug)]
pub(crate) enum Kind<R: 'static> {
    /// Compared as a whole, after `fold` of what was asked for.
    Keyword {
        each: EachText<R>,
        fold: fn(&str) -> String,
    },
    /// Cut into words; a query's bare words search all of these. Empty for none.
    Text { of: fn(&R) -> &str },
    /// Compared by order.
    Number {
        of: fn(&R) -> Option<i64>,
        /// The numbers, both inclusive, that a query's text stands for.
        interval: fn(&str) -> Option<(i64, i64)>,
        show: fn(i64) -> String,
        /// What a value looks like, for a hint.
        example: &'static str,
        store: NumberStore,
    },
    /// Compared as a whole; 128 bits.
    Trace {
        of: fn(&R) -> Option<TraceId>,
        /// As terms where some records share one; as two columns and a filter where few do.
        as_terms: bool,
    },
}

/// Where a number is found in a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberStore {
    /// The columns of every dataset.
    Time,
    Id,
    /// A column of its own.
    Column,
    /// A column and terms: few distinct values, from 0 to this one.
    Terms {
        up_to: i64,
    },
}

/// What the columns of a split say of one record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InColumns {
    pub(crate) time: i64,
    /// None also where trace ids are terms and no column.
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
}

/// A kind of record that the store keeps.
pub(crate) trait Dataset: Debug + Send + Sync + 'static {
    /// The name of its folder and the label of its metrics.
    const NAME: &'static str;
    type Record: Debug + Clone + Send + Sync + 'static;

    fn fields() -> &'static [Field<Self::Record>];

    /// What it is ordered by.
    fn time(record: &Self::Record) -> i64;

    fn service(record: &Self::Record) -> &str;

    /// Its place among the bars of a histogram: an index into `SeverityRange::ALL`.
    fn severity(record: &Self::Record) -> usize;

    /// Every attribute that no field stands for.
    fn each_attribute(record: &Self::Record, each: &mut dyn FnMut(&str, Scalar<'_>));

    /// What [`Self::read_source`] makes the same record of; it may leave out what columns hold.
    fn write_source(record: &Self::Record, out: &mut Vec<u8>);

    fn read_source(source: &[u8], columns: InColumns) -> Result<Self::Record, String>;

    /// About how much memory the record takes.
    fn bytes(record: &Self::Record) -> usize;
}

/// The field of that name, by its index.
pub(crate) fn find<R>(fields: &[Field<R>], name: &str) -> Option<usize> {
    fields
        .iter()
        .position(|field| field.name == name || field.aliases.contains(&name))
}

pub(crate) fn as_it_is(text: &str) -> String {
    text.to_owned()
}
