//! Rows of a split, as they were before it was written.

use std::io;

use super::bits::BLOCK;
use super::numbers::{Meaning, meaning};
use super::opened::{Column, ColumnValues, Opened};
use super::presence::Values;
use super::texts::TextReader;
use crate::fields::Dataset;
use crate::row::{Cell, CellType, Part, Rows};

/// Reads the cells of one column.
struct CellReader<'a> {
    key: u32,
    column: Column<'a>,
    values: ReaderOf<'a>,
    /// The block that was asked for last.
    block: Option<(u32, Values)>,
}

enum ReaderOf<'a> {
    Text(Box<TextReader<'a>>),
    Other(ColumnValues<'a>),
}

/// The rows of these documents, in the same order; of these slots alone, if any are told.
pub(super) fn rows<D: Dataset>(
    opened: &Opened,
    documents: &[u32],
    wanted: Option<&[usize]>,
) -> io::Result<Rows> {
    let mut rows = Rows::new(D::slots());
    let mut readers = Vec::new();
    for column in opened.columns() {
        let meta = column.meta;
        let slot = D::slots().iter().position(|name| *name == meta.name);
        let is_wanted = |slot| wanted.is_none_or(|wanted| wanted.contains(&slot));
        let key = match (meta.part, slot) {
            (Part::Slot, Some(slot)) if is_wanted(slot) => slot as u32,
            _ if wanted.is_some() => continue,
            (Part::Slot, _) => continue,
            (part, _) => rows.key(part, &meta.name),
        };
        readers.push(CellReader::new(key, column)?);
    }
    readers.sort_by_key(|reader| reader.key);
    let (mut times, mut ids) = (opened.times()?, opened.ids()?);
    for document in documents {
        let mut failed = None;
        let time = meaning::to_int(times.get(*document)?);
        rows.push(time, ids.get(*document)?, |row| {
            for reader in &mut readers {
                let key = reader.key;
                if let Err(error) = reader.read(*document, |cell| row.cell(key, cell)) {
                    failed = Some(error);
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok(rows)
}

impl<'a> CellReader<'a> {
    fn new(key: u32, column: Column<'a>) -> io::Result<Self> {
        let values = match column.values()? {
            ColumnValues::Texts(texts) => ReaderOf::Text(Box::new(texts.reader()?)),
            other => ReaderOf::Other(other),
        };
        Ok(Self {
            key,
            column,
            values,
            block: None,
        })
    }

    fn read(&mut self, document: u32, each: impl FnOnce(Cell<'_>)) -> io::Result<()> {
        let number = document / BLOCK as u32;
        if self
            .block
            .as_ref()
            .is_none_or(|(block, _)| *block != number)
        {
            self.block = Some((number, self.column.block(number)?));
        }
        let inside = document as usize % BLOCK;
        let index = self
            .block
            .as_ref()
            .and_then(|(_, values)| values.of(inside));
        let Some(index) = index else {
            return Ok(());
        };
        match &mut self.values {
            ReaderOf::Text(reader) => {
                let text = reader.get(index)?;
                each(match self.column.meta.cell_type {
                    CellType::Json => Cell::Json(text),
                    _ => Cell::Text(text),
                });
            }
            ReaderOf::Other(ColumnValues::Ids(ids)) => each(Cell::Id(ids.get(index)?)),
            ReaderOf::Other(ColumnValues::Numbers(numbers, meta)) => {
                each(cell(meta.meaning, numbers.get(index)?));
            }
            ReaderOf::Other(_) => each(Cell::Null),
        }
        Ok(())
    }
}

fn cell(meaning: Meaning, number: u64) -> Cell<'static> {
    match meaning {
        Meaning::Int => Cell::Int(meaning::to_int(number)),
        Meaning::Unsigned => Cell::Unsigned(number),
        Meaning::Float | Meaning::Decimal(_) => Cell::Float(meaning.float(number)),
        Meaning::Bool => Cell::Bool(number != 0),
    }
}
