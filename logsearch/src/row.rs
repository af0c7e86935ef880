use watchfire_schemas::{RecordId, Timestamp};

use crate::fields::{Dataset, Kind};
use crate::tokens::Words;

/// A record in the tail, with what a search of it needs at hand.
#[derive(Debug)]
pub(crate) struct Row<D: Dataset> {
    pub(crate) id: RecordId,
    pub(crate) record: D::Record,
    /// The texts of the field table, in its order.
    pub(crate) words: Words,
}

/// What records are ordered by, newest first: the time, and among equal times the record that
/// arrived last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) time: i64,
    pub(crate) id: u64,
}

impl<D: Dataset> Row<D> {
    pub(crate) fn new(id: RecordId, record: D::Record) -> Self {
        let mut words = Words::default();
        for field in D::fields() {
            if let Kind::Text { of } = &field.kind {
                words.push(of(&record));
            }
        }
        Self { id, record, words }
    }

    pub(crate) fn position(&self) -> Position {
        Position {
            time: D::time(&self.record),
            id: self.id.as_u64(),
        }
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        D::bytes(&self.record) + self.words.bytes()
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
