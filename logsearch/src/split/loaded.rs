//! Columns read into memory as a whole, for questions about the values of many documents.

use std::cell::RefCell;
use std::io;

use super::bits::bits_at;
use super::directory::Body;
use super::ids::Ids;
use super::numbers::{LoadedNumbers, Meaning};
use super::opened::{Column, ColumnValues};
use super::presence::LoadedPresence;
use super::texts::LoadedTexts;
use crate::row::{Cell, CellType};

/// One column. What a document has in it is found without a look at the disk.
pub(super) struct LoadedColumn<'a> {
    pub(super) column: Column<'a>,
    presence: LoadedPresence,
    values: LoadedValues<'a>,
}

enum LoadedValues<'a> {
    Nulls,
    Numbers(LoadedNumbers<'a>),
    Texts(RefCell<LoadedTexts<'a>>),
    Ids(Vec<u128>),
}

impl<'a> LoadedColumn<'a> {
    pub(super) fn of(column: Column<'a>) -> io::Result<Self> {
        Ok(Self {
            column,
            presence: column.presence.load(column.file())?,
            values: match column.values()? {
                ColumnValues::Nulls => LoadedValues::Nulls,
                ColumnValues::Numbers(numbers, _) => LoadedValues::Numbers(numbers.load()?),
                ColumnValues::Texts(texts) => LoadedValues::Texts(RefCell::new(texts.load()?)),
                ColumnValues::Ids(ids) => LoadedValues::Ids(ids.load()?),
            },
        })
    }

    pub(super) fn has(&self, document: u32) -> bool {
        self.presence.of(document).is_some()
    }

    /// What its numbers stand for, if it has any.
    pub(super) const fn meaning(&self) -> Option<Meaning> {
        match &self.column.meta.body {
            Body::Numbers(meta) => Some(meta.meaning),
            _ => None,
        }
    }

    /// The number that a document has, as it is ordered.
    pub(super) fn number(&self, document: u32) -> Option<u64> {
        let index = self.presence.of(document)?;
        match &self.values {
            LoadedValues::Numbers(numbers) => Some(numbers.get(index)),
            _ => None,
        }
    }

    pub(super) fn id(&self, document: u32) -> Option<u128> {
        let index = self.presence.of(document)?;
        match &self.values {
            LoadedValues::Ids(ids) => ids.get(index as usize).copied(),
            _ => None,
        }
    }

    /// The entry of a document's text, if entries are whole texts.
    pub(super) fn entry(&self, document: u32) -> Option<u32> {
        let index = self.presence.of(document)?;
        match &self.values {
            LoadedValues::Texts(texts) => Some(texts.borrow().place(index)),
            _ => None,
        }
    }

    /// Whether entries are whole texts.
    pub(super) fn is_whole(&self) -> bool {
        matches!(&self.values, LoadedValues::Texts(texts) if texts.borrow().is_whole())
    }

    /// The text of an entry that is a whole one.
    pub(super) fn entry_text(&self, entry: u32) -> io::Result<String> {
        match &self.values {
            LoadedValues::Texts(texts) => Ok(texts.borrow().entry(entry)?.to_owned()),
            _ => Ok(String::new()),
        }
    }

    /// How many documents have each entry.
    pub(super) fn counts(&self) -> io::Result<&[u32]> {
        match self.column.values()? {
            ColumnValues::Texts(texts) => Ok(&texts.entries()?.counts),
            _ => Ok(&[]),
        }
    }

    /// Calls back with a document's text or nested value.
    pub(super) fn text<T>(&self, document: u32, with: impl FnOnce(Cell<'_>) -> T) -> Option<T> {
        let index = self.presence.of(document)?;
        let LoadedValues::Texts(texts) = &self.values else {
            return None;
        };
        let mut texts = texts.borrow_mut();
        let text = texts.get(index);
        Some(with(match self.column.meta.cell_type {
            CellType::Json => Cell::Json(text),
            _ => Cell::Text(text),
        }))
    }

    /// How many entries its texts are made of.
    pub(super) fn entries(&self) -> usize {
        match &self.values {
            LoadedValues::Texts(texts) => texts.borrow().entries(),
            _ => 0,
        }
    }
}

impl Ids<'_> {
    fn load(mut self) -> io::Result<Vec<u128>> {
        (0..self.count()).map(|index| self.get(index)).collect()
    }
}

/// The bits of a section that are one number after another.
pub(super) fn nth(bytes: &[u8], index: u32, width: u32) -> u64 {
    bits_at(bytes, u64::from(index) * u64::from(width), width)
}
