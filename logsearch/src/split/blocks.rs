//! Columns read a block at a time, for questions about the values of most documents.

use std::fmt;
use std::io;

use super::Split;
use super::bits::{BLOCK, Docs};
use super::keyword::KeywordColumn;
use super::numbers::{Numbers, meaning};
use super::opened::{Column, ColumnValues};
use super::texts::Texts;
use crate::fields::{Dataset, Kind, NumberSource, Source};

/// What stands for a document without a value.
const ABSENT: i64 = i64::MIN;

/// A column whose values are told by numbers: of a keyword the number of its value, of a number
/// itself. It holds one block at a time.
pub(crate) struct BlockColumn<'a> {
    values: Values<'a>,
    rows: u32,
    block: Vec<i64>,
}

enum Values<'a> {
    /// No document has one.
    Nothing,
    /// Every document has one.
    Times(Numbers<'a>),
    Numbers(Column<'a>, Numbers<'a>),
    Entries(Column<'a>, Texts<'a>, Vec<u8>),
    Told(KeywordColumn<'a>),
}

impl<D: Dataset> Split<D> {
    /// The times of the documents.
    pub(crate) fn time_blocks(&self) -> io::Result<BlockColumn<'_>> {
        let opened = self.opened()?;
        Ok(BlockColumn {
            values: Values::Times(opened.times()?),
            rows: opened.directory.rows,
            block: Vec::new(),
        })
    }

    /// A keyword that is a slot, if its values are kept whole: so they are few.
    pub(crate) fn keyword_blocks(&self, field: usize) -> io::Result<Option<BlockColumn<'_>>> {
        let column = match &D::fields()[field].kind {
            Kind::Keyword {
                of: Source::Slot(slot),
                ..
            } => self.opened()?.slot(D::slots()[*slot]),
            _ => return Ok(None),
        };
        let is_whole = match column.map(Column::values).transpose()? {
            Some(ColumnValues::Texts(texts)) => texts.is_whole(),
            _ => true,
        };
        is_whole.then(|| self.blocks_of(field)).transpose()
    }

    /// A field of the table: a keyword or a whole number that is a slot.
    pub(crate) fn blocks_of(&self, field: usize) -> io::Result<BlockColumn<'_>> {
        let opened = self.opened()?;
        let column = match &D::fields()[field].kind {
            Kind::Keyword {
                of: Source::Slot(slot),
                ..
            }
            | Kind::Number {
                of: NumberSource::Slot(slot),
                ..
            } => opened.slot(D::slots()[*slot]),
            _ => None,
        };
        let values = match column {
            None => Values::Nothing,
            Some(column) => match column.values()? {
                ColumnValues::Numbers(numbers, _) => Values::Numbers(column, numbers),
                ColumnValues::Texts(texts) if texts.is_whole() => {
                    Values::Entries(column, texts, Vec::new())
                }
                _ => match self.keyword(field)? {
                    Some(told) => Values::Told(told),
                    None => Values::Nothing,
                },
            },
        };
        Ok(BlockColumn {
            values,
            rows: opened.directory.rows,
            block: Vec::new(),
        })
    }
}

impl BlockColumn<'_> {
    /// Reads what the documents of a block have.
    pub(crate) fn read(&mut self, block: u32) -> io::Result<()> {
        let start = block * BLOCK as u32;
        let out = &mut self.block;
        out.clear();
        match &mut self.values {
            Values::Nothing => {}
            Values::Times(numbers) => {
                numbers.each(start, BLOCK as u32, |n| out.push(meaning::to_int(n)))?;
            }
            Values::Numbers(column, numbers) => {
                let values = column.block(block)?;
                out.resize(BLOCK, ABSENT);
                let mut docs = values.docs.iter();
                numbers.each(values.first, values.count(), |number| {
                    place(out, &mut docs, meaning::to_int(number));
                })?;
            }
            Values::Entries(column, texts, buffer) => {
                let values = column.block(block)?;
                out.resize(BLOCK, ABSENT);
                let mut docs = values.docs.iter();
                texts.each_place(values.first, values.count(), buffer, |entry| {
                    place(out, &mut docs, i64::from(entry));
                })?;
            }
            Values::Told(told) => {
                let end = self.rows.min(start + BLOCK as u32);
                let values = (start..end).map(|document| told.of(document));
                out.extend(values.map(|value| value.map_or(ABSENT, |number| number as i64)));
            }
        }
        Ok(())
    }

    /// What a document has, by its place in the block that was read.
    pub(crate) fn get(&self, place: usize) -> Option<i64> {
        let value = self.block.get(place).copied();
        value.filter(|value| *value != ABSENT)
    }

    /// The least and the greatest number of all documents.
    pub(crate) fn bounds(&self) -> Option<(i64, i64)> {
        match &self.values {
            Values::Numbers(_, numbers) => {
                let (least, most) = numbers.bounds();
                Some((meaning::to_int(least), meaning::to_int(most)))
            }
            _ => None,
        }
    }

    /// How many values a keyword has.
    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::Entries(_, texts, _) => texts.meta.entries as usize,
            Values::Told(told) => told.len(),
            _ => 0,
        }
    }

    /// The value of a keyword that a number stands for.
    pub(crate) fn value(&self, number: usize) -> io::Result<String> {
        match &self.values {
            Values::Entries(_, texts, _) => Ok(texts.entry(number as u32)?.to_owned()),
            Values::Told(told) => told.value(number),
            _ => Ok(String::new()),
        }
    }
}

fn place(out: &mut [i64], docs: &mut impl Iterator<Item = usize>, value: i64) {
    if let Some(out) = docs.next().and_then(|doc| out.get_mut(doc)) {
        *out = value;
    }
}

/// Some documents of one block, and which block it is.
#[derive(Debug)]
pub(crate) struct DocsOfBlock {
    pub(super) block: u32,
    pub(super) docs: Docs,
}

impl DocsOfBlock {
    pub(crate) const fn block(&self) -> u32 {
        self.block
    }

    pub(crate) fn count(&self) -> u64 {
        self.docs.count()
    }

    /// The document that stands there within the block.
    pub(crate) const fn document(&self, place: usize) -> u32 {
        self.block * BLOCK as u32 + place as u32
    }

    /// Where they stand within the block.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.docs.iter()
    }
}

impl fmt::Debug for BlockColumn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockColumn")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
