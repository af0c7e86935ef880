use rustc_hash::FxHashMap;
use serde_json::Value;
use watchfire_schemas::Attributes;

use super::cell::{Cell, CellType};
use super::{Part, Row};

/// Rows in one piece of memory: a few hundred bytes a row, and no allocation for any of them.
///
/// A row is a run of cells, each a head (which key, what type) and a payload. The keys are those of
/// all rows: first the slots of the dataset, then what its attributes are called.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(super) keys: Vec<Key>,
    pub(super) data: Vec<u8>,
    pub(super) entries: Vec<Entry>,
    index: FxHashMap<Box<str>, [Option<u32>; Part::NAMED]>,
    has_nested: bool,
}

/// What a cell is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) part: Part,
    pub(crate) name: Box<str>,
}

/// One row: its place in time, and where its cells end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) time: i64,
    pub(super) id: u64,
    pub(super) end: usize,
}

/// Takes the cells of one row.
#[derive(Debug)]
pub(crate) struct RowWriter<'a> {
    rows: &'a mut Rows,
}

impl Rows {
    /// None yet, of records with these slots.
    pub(crate) fn new(slots: &[&str]) -> Self {
        let keys = slots.iter().map(|name| Key {
            part: Part::Slot,
            name: Box::from(*name),
        });
        Self {
            keys: keys.collect(),
            ..Self::default()
        }
    }

    /// Adds a row; `write` gives its cells, those of slots first and in order.
    pub(crate) fn push(&mut self, time: i64, id: u64, write: impl FnOnce(&mut RowWriter<'_>)) {
        write(&mut RowWriter { rows: self });
        let end = self.data.len();
        self.entries.push(Entry { time, id, end });
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn row(&self, index: usize) -> Row<'_> {
        Row { rows: self, index }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        (0..self.entries.len()).map(|index| self.row(index))
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether an attribute is an array or an object: what is in it has names of its own.
    pub(crate) const fn has_nested(&self) -> bool {
        self.has_nested
    }

    /// Gives back what was reserved in vain.
    pub(crate) fn shrink(&mut self) {
        self.data.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// How much memory they take.
    pub(crate) fn bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(|key| key.name.len() + 128).sum();
        self.data.capacity() + self.entries.capacity() * size_of::<Entry>() + keys
    }

    /// The index of a key, which is added if it is new.
    pub(crate) fn key(&mut self, part: Part, name: &str) -> u32 {
        let place = part.place();
        if let Some(places) = self.index.get_mut(name) {
            if let Some(key) = places[place] {
                return key;
            }
            places[place] = Some(self.keys.len() as u32);
        } else {
            let mut places = [None; Part::NAMED];
            places[place] = Some(self.keys.len() as u32);
            self.index.insert(Box::from(name), places);
        }
        self.keys.push(Key {
            part,
            name: Box::from(name),
        });
        self.keys.len() as u32 - 1
    }
}

impl RowWriter<'_> {
    /// Adds the cell of a slot.
    pub(crate) fn slot(&mut self, slot: usize, cell: Cell<'_>) {
        self.cell(slot as u32, cell);
    }

    /// Adds what a slot says, if anything.
    pub(crate) fn text(&mut self, slot: usize, text: Option<&str>) {
        if let Some(text) = text {
            self.cell(slot as u32, Cell::Text(text));
        }
    }

    /// Adds attributes, one cell each.
    pub(crate) fn attributes(&mut self, part: Part, attributes: &Attributes) {
        for (name, value) in attributes {
            let key = self.rows.key(part, name);
            match value {
                Value::Null => self.cell(key, Cell::Null),
                Value::Bool(b) => self.cell(key, Cell::Bool(*b)),
                Value::String(text) => self.cell(key, Cell::Text(text)),
                Value::Number(number) => {
                    if let Some(n) = number.as_i64() {
                        self.cell(key, Cell::Int(n));
                    } else if let Some(n) = number.as_u64() {
                        self.cell(key, Cell::Unsigned(n));
                    } else {
                        self.cell(key, Cell::Float(number.as_f64().unwrap_or_default()));
                    }
                }
                nested => {
                    self.rows.has_nested = true;
                    self.cell(key, Cell::Json(&nested.to_string()));
                }
            }
        }
    }

    /// Adds what was found out of the record.
    pub(crate) fn derived(&mut self, name: &str, cell: Cell<'_>) {
        let key = self.rows.key(Part::Derived, name);
        self.cell(key, cell);
    }

    /// Adds the cell of a key.
    pub(crate) fn cell(&mut self, key: u32, cell: Cell<'_>) {
        let data = &mut self.rows.data;
        let is_true = matches!(cell, Cell::Bool(true));
        let tag = cell.cell_type() as u64 * 2 + u64::from(is_true);
        put_varint(data, u64::from(key) << 4 | tag);
        match cell {
            Cell::Text(text) | Cell::Json(text) => {
                put_varint(data, text.len() as u64);
                data.extend_from_slice(text.as_bytes());
            }
            Cell::Int(n) => data.extend_from_slice(&n.to_le_bytes()),
            Cell::Unsigned(n) => data.extend_from_slice(&n.to_le_bytes()),
            Cell::Float(n) => data.extend_from_slice(&n.to_le_bytes()),
            Cell::Id(n) => data.extend_from_slice(&n.to_le_bytes()),
            Cell::Bool(_) | Cell::Null => {}
        }
    }
}

/// The cells of one row.
#[derive(Debug, Clone)]
pub(crate) struct Cells<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Iterator for Cells<'a> {
    /// With the index of its key.
    type Item = (usize, Cell<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let head = self.varint()?;
        let cell = match head & 15 {
            0 => Cell::Text(self.text()?),
            2 => Cell::Json(self.text()?),
            4 => Cell::Int(i64::from_le_bytes(self.array()?)),
            6 => Cell::Unsigned(u64::from_le_bytes(self.array()?)),
            8 => Cell::Float(f64::from_le_bytes(self.array()?)),
            10 => Cell::Bool(false),
            11 => Cell::Bool(true),
            12 => Cell::Null,
            _ => Cell::Id(u128::from_le_bytes(self.array()?)),
        };
        Some(((head >> 4) as usize, cell))
    }
}

impl<'a> Cells<'a> {
    fn varint(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = self.varint()? as usize;
        let (text, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }
}

const _: () = assert!(CellType::COUNT <= 8, "a type is told in three bits");

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
