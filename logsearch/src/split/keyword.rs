use std::collections::hash_map::Entry;
use std::fmt;
use std::io;

use rustc_hash::FxHashMap;

use super::Split;
use super::loaded::LoadedColumn;
use crate::fields::{Dataset, Kind, Source};

/// The values of a keyword field. Each has a number, from 0 on.
pub(crate) struct KeywordColumn<'a> {
    column: LoadedColumn<'a>,
    /// Where values are not kept whole: the different ones, and which each document has.
    told: Option<(Vec<String>, FxHashMap<u32, usize>)>,
}

impl<D: Dataset> Split<D> {
    /// The column of a keyword field that is a slot; none if no record of the split has a value in
    /// it.
    pub(crate) fn keyword(&self, field: usize) -> io::Result<Option<KeywordColumn<'_>>> {
        let Kind::Keyword {
            of: Source::Slot(slot),
            ..
        } = &D::fields()[field].kind
        else {
            return Ok(None);
        };
        let opened = self.opened()?;
        let Some(column) = opened.slot(D::slots()[*slot]) else {
            return Ok(None);
        };
        let column = LoadedColumn::of(column)?;
        let told = (!column.is_whole()).then(|| tell(&column, opened.directory.rows));
        Ok(Some(KeywordColumn { column, told }))
    }
}

fn tell(column: &LoadedColumn<'_>, rows: u32) -> (Vec<String>, FxHashMap<u32, usize>) {
    let (mut values, mut of) = (Vec::new(), FxHashMap::default());
    let mut known: FxHashMap<String, usize> = FxHashMap::default();
    for document in 0..rows {
        let text = column.text(document, |cell| cell.text().unwrap_or_default().to_owned());
        let Some(text) = text else { continue };
        let number = match known.entry(text) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                values.push(new.key().clone());
                *new.insert(values.len() - 1)
            }
        };
        of.insert(document, number);
    }
    (values, of)
}

impl KeywordColumn<'_> {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        match &self.told {
            None => self.column.entries(),
            Some((values, _)) => values.len(),
        }
    }

    /// The number of a document's value.
    pub(crate) fn of(&self, document: u32) -> Option<usize> {
        match &self.told {
            None => self.column.entry(document).map(|entry| entry as usize),
            Some((_, of)) => of.get(&document).copied(),
        }
    }

    /// The value of a number.
    pub(crate) fn value(&self, number: usize) -> io::Result<String> {
        match &self.told {
            None => self.column.entry_text(number as u32),
            Some((values, _)) => Ok(values.get(number).cloned().unwrap_or_default()),
        }
    }
}

impl fmt::Debug for KeywordColumn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeywordColumn").finish_non_exhaustive()
    }
}
