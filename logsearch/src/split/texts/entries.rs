use std::io;

use super::interner::Interner;
use super::shape::{ESCAPE, HEX, NUMBER, UUID, WORD, number_of, of_number};
use crate::split::bits::width;
use crate::split::file::damaged;

/// What one place of a shape is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::split) enum SlotKind {
    Number,
    /// Hexadecimal digits, half a UUID, or the number of a word.
    Plain,
}

/// How a number is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    /// Without zeros in front.
    Fewest,
    /// Always so many.
    Fixed(u32),
    /// With a one in front, which keeps the zeros.
    Told,
}

/// The values that one place of a shape has in a split.
#[derive(Debug, Clone, Copy)]
pub(in crate::split) struct Slot {
    pub(super) kind: SlotKind,
    digits: Digits,
    pub(super) width: u32,
    least: u64,
    most: u64,
    fewest_digits: u32,
    most_digits: u32,
    has_zeros: bool,
}

impl Slot {
    const fn new(kind: SlotKind) -> Self {
        Self {
            kind,
            digits: Digits::Fewest,
            width: 0,
            least: u64::MAX,
            most: 0,
            fewest_digits: u32::MAX,
            most_digits: 0,
            has_zeros: false,
        }
    }

    pub(super) fn learn(&mut self, value: u64) {
        let number = match self.kind {
            SlotKind::Plain => value,
            SlotKind::Number => {
                let (number, digits) = number_of(value);
                self.fewest_digits = self.fewest_digits.min(digits);
                self.most_digits = self.most_digits.max(digits);
                self.has_zeros |= digits > 1 && number < 10_u64.pow(digits - 1);
                number
            }
        };
        self.least = self.least.min(number);
        self.most = self.most.max(number);
    }

    /// Decides how values are packed, once all are known.
    pub(super) fn settle(&mut self) {
        if self.has_zeros && self.fewest_digits == self.most_digits {
            self.digits = Digits::Fixed(self.fewest_digits);
        } else if self.has_zeros {
            self.digits = Digits::Told;
            self.least = 10_u64.pow(self.fewest_digits);
            self.most = 2 * 10_u64.pow(self.most_digits) - 1;
        }
        self.least = self.least.min(self.most);
        self.width = width(self.most - self.least);
    }

    pub(super) fn pack(&self, value: u64) -> u64 {
        let value = match (self.kind, self.digits) {
            (SlotKind::Plain, _) => value,
            (SlotKind::Number, Digits::Told) => {
                let (number, digits) = number_of(value);
                10_u64.pow(digits) + number
            }
            (SlotKind::Number, _) => number_of(value).0,
        };
        value.wrapping_sub(self.least)
    }

    /// The same, if the value is one of those that the slot can have.
    pub(super) fn packed(&self, value: u64) -> Option<u64> {
        let packed = self.pack(value);
        let fits = width(packed) <= self.width;
        (fits && self.unpack(packed) == value).then_some(packed)
    }

    pub(super) fn unpack(&self, packed: u64) -> u64 {
        let number = packed.wrapping_add(self.least);
        match (self.kind, self.digits) {
            (SlotKind::Plain, _) => number,
            (SlotKind::Number, Digits::Fewest) => {
                of_number(number, number.checked_ilog10().unwrap_or_default() + 1)
            }
            (SlotKind::Number, Digits::Fixed(digits)) => of_number(number, digits),
            (SlotKind::Number, Digits::Told) => {
                let digits = number.checked_ilog10().unwrap_or_default();
                of_number(number - 10_u64.pow(digits).min(number), digits)
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(match self.digits {
            Digits::Fewest => 0,
            Digits::Told => 1,
            Digits::Fixed(digits) => 1 + digits as u8,
        });
        out.push(self.width as u8);
        put_varint(out, self.least);
    }

    fn read(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let (head, rest) = bytes.split_first_chunk::<2>()?;
        *bytes = rest;
        self.digits = match head[0] {
            0 => Digits::Fewest,
            1 => Digits::Told,
            more => Digits::Fixed(u32::from(more) - 1),
        };
        self.width = u32::from(head[1]).min(64);
        self.least = varint(bytes)?;
        Some(())
    }

    /// The only value that it has, if there is one.
    pub(super) fn constant(&self) -> Option<u64> {
        (self.width == 0).then(|| self.unpack(0))
    }
}

/// The places of a shape in order, nothing known of their values.
pub(super) fn slots_of(shape: &[u8]) -> Vec<Slot> {
    let mut slots = Vec::new();
    let mut bytes = shape.iter();
    while let Some(byte) = bytes.next() {
        match *byte {
            NUMBER => slots.push(Slot::new(SlotKind::Number)),
            WORD => slots.push(Slot::new(SlotKind::Plain)),
            HEX => {
                bytes.next();
                slots.push(Slot::new(SlotKind::Plain));
            }
            UUID => slots.extend([Slot::new(SlotKind::Plain); 2]),
            ESCAPE => drop(bytes.next()),
            _ => {}
        }
    }
    slots
}

/// What is known of every entry of a column, apart from its text.
#[derive(Debug, Default)]
pub(in crate::split) struct Entries {
    /// How many texts are made of each.
    pub(in crate::split) counts: Vec<u32>,
    pub(super) lens: Vec<u32>,
    /// Where the slots of each begin, and where the last ones end.
    slot_starts: Vec<u32>,
    slots: Vec<Slot>,
    /// The bits that the values of each take.
    pub(super) bits: Vec<u32>,
}

pub(super) fn write(entries: &Interner, counts: &[u32], slots: &[Vec<Slot>]) -> Vec<u8> {
    let mut out = Vec::new();
    for ((text, count), slots) in entries.iter().zip(counts).zip(slots) {
        put_varint(&mut out, u64::from(*count));
        put_varint(&mut out, text.len() as u64);
        put_varint(&mut out, slots.len() as u64);
        for slot in slots {
            out.push(u8::from(slot.kind == SlotKind::Number));
            slot.write(&mut out);
        }
    }
    out
}

impl Entries {
    pub(super) fn read(mut bytes: &[u8]) -> io::Result<Self> {
        let mut entries = Self::default();
        entries.slot_starts.push(0);
        while !bytes.is_empty() {
            entries
                .read_one(&mut bytes)
                .ok_or_else(|| damaged("a column's table ends too soon"))?;
        }
        Ok(entries)
    }

    fn read_one(&mut self, bytes: &mut &[u8]) -> Option<()> {
        self.counts.push(varint(bytes)? as u32);
        self.lens.push(varint(bytes)? as u32);
        let mut bits = 0;
        for _ in 0..varint(bytes)? {
            let (kind, rest) = bytes.split_first()?;
            *bytes = rest;
            let mut slot = Slot::new(match kind {
                1 => SlotKind::Number,
                _ => SlotKind::Plain,
            });
            slot.read(bytes)?;
            bits += slot.width;
            self.slots.push(slot);
        }
        self.slot_starts.push(self.slots.len() as u32);
        self.bits.push(bits);
        Some(())
    }

    /// The slots of an entry.
    pub(super) fn slots(&self, entry: u32) -> &[Slot] {
        let bound = |index: usize| self.slot_starts.get(index).copied().unwrap_or_default();
        let (start, end) = (bound(entry as usize), bound(entry as usize + 1));
        self.slots
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }
}

/// Words one after another, each after its length.
pub(super) fn write_words(words: &Interner) -> Vec<u8> {
    let mut out = Vec::new();
    for word in words.iter() {
        put_varint(&mut out, word.len() as u64);
        out.extend_from_slice(word);
    }
    out
}

pub(super) fn read_words(mut bytes: &[u8]) -> io::Result<Vec<Box<[u8]>>> {
    let mut words = Vec::new();
    while !bytes.is_empty() {
        let word = varint(&mut bytes).and_then(|len| bytes.split_at_checked(len as usize));
        let (word, rest) = word.ok_or_else(|| damaged("a list of words ends too soon"))?;
        words.push(Box::from(word));
        bytes = rest;
    }
    Ok(words)
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let check = |texts: &[&str], bits: u32| {
            let values: Vec<_> = texts
                .iter()
                .map(|text| of_number(text.parse().unwrap(), text.len() as u32))
                .collect();
            let mut slot = Slot::new(SlotKind::Number);
            for value in &values {
                slot.learn(*value);
            }
            slot.settle();
            let mut written = Vec::new();
            slot.write(&mut written);
            let mut again = Slot::new(SlotKind::Number);
            again.read(&mut written.as_slice()).unwrap();
            for value in &values {
                assert_eq!(again.unpack(slot.pack(*value)), *value, "{texts:?}");
            }
            assert_eq!(slot.width, bits, "{texts:?}");
        };
        check(&["0", "7", "10"], 4);
        check(&["007", "123"], 7);
        check(&["007", "12", "0", "5"], 11);
        check(&["5"], 0);
        check(&["99999999999999999", "0"], 57);
        check(&["00000000000000000", "0"], 58);
    }
}
