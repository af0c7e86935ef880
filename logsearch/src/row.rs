//! Records as the tail keeps them and as splits are made of them.

mod cell;
mod rows;

pub(crate) use cell::{Cell, CellType};
pub(crate) use rows::{Cells, Key, RowWriter, Rows};

use watchfire_schemas::{RecordId, Timestamp};

/// Which part of a record a cell belongs to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(crate) enum Part {
    /// What every record of the dataset may have.
    Slot,
    Attribute,
    /// An attribute of who emitted it.
    Resource,
    /// Found out from the rest of the record, so that it can be asked for; no part of it.
    Derived,
}

impl Part {
    /// How many parts have names of their own.
    pub(crate) const NAMED: usize = 3;

    /// Its place among them; that of a slot does not matter.
    const fn place(self) -> usize {
        match self {
            Self::Slot | Self::Attribute => 0,
            Self::Resource => 1,
            Self::Derived => 2,
        }
    }
}

/// One row among others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    rows: &'a Rows,
    index: usize,
}

/// What records are ordered by, newest first: the time, and among equal times the record that
/// arrived last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) time: i64,
    pub(crate) id: u64,
}

impl<'a> Row<'a> {
    pub(crate) fn id(self) -> RecordId {
        RecordId::from_u64(self.rows.entries[self.index].id)
    }

    pub(crate) fn time(self) -> i64 {
        self.rows.entries[self.index].time
    }

    pub(crate) fn position(self) -> Position {
        let entry = self.rows.entries[self.index];
        Position {
            time: entry.time,
            id: entry.id,
        }
    }

    /// Its cells by the index of their key.
    pub(crate) fn cells(self) -> Cells<'a> {
        let start = match self.index {
            0 => 0,
            _ => self.rows.entries[self.index - 1].end,
        };
        Cells {
            rest: &self.rows.data[start..self.rows.entries[self.index].end],
        }
    }

    /// What a slot says.
    pub(crate) fn slot(self, slot: usize) -> Option<Cell<'a>> {
        self.cells()
            .take_while(|(key, _)| *key <= slot)
            .find_map(|(key, cell)| (key == slot).then_some(cell))
    }

    /// How much memory its cells take.
    pub(crate) fn bytes(self) -> usize {
        self.cells().rest.len()
    }

    /// The text of a slot; empty for none.
    pub(crate) fn text(self, slot: usize) -> &'a str {
        self.slot(slot).and_then(Cell::text).unwrap_or_default()
    }

    /// The cells that are attributes.
    pub(crate) fn attributes(self) -> impl Iterator<Item = (Part, &'a str, Cell<'a>)> {
        self.cells().filter_map(|(key, cell)| {
            let key = &self.rows.keys[key];
            (key.part != Part::Slot).then_some((key.part, &*key.name, cell))
        })
    }
}

impl Position {
    /// The cursor of a page that ends with this record.
    pub(crate) fn to_cursor(self) -> String {
        format!("{}_{}", self.time, RecordId::from_u64(self.id))
    }

    /// `None` if the text is not what [`Self::to_cursor`] writes.
    pub(crate) fn from_cursor(cursor: &str) -> Option<Self> {
        let (time, id) = cursor.split_once('_')?;
        let time = Timestamp::from_nanos(time.parse().ok()?);
        let id: RecordId = id.parse().ok()?;
        Some(Self {
            time: time.nanos(),
            id: id.as_u64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        for position in [
            Position {
                time: -5,
                id: 77 << 20 | 3,
            },
            Position {
                time: i64::MAX,
                id: u64::MAX,
            },
        ] {
            assert_eq!(Position::from_cursor(&position.to_cursor()), Some(position));
        }
        for text in ["", "5", "x_1-1", "5_1", "5_1-1_"] {
            assert_eq!(Position::from_cursor(text), None, "{text}");
        }
    }
}
