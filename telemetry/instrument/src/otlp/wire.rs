//! Protocol buffers, written straight into the request: what is exported of every request must not
//! be copied into a tree of messages first.

/// A message that is being written.
#[derive(Debug, Default)]
pub(super) struct Wire(Vec<u8>);

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

impl Wire {
    /// Where the first message that is opened begins.
    pub(super) const FIRST: usize = 1 + Self::ANY;
    /// Room for any length.
    const ANY: usize = 5;

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn varint(&mut self, field: u64, value: u64) {
        self.tag(field, VARINT);
        self.number(value);
    }

    pub(super) fn fixed64(&mut self, field: u64, value: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn fixed32(&mut self, field: u64, value: u32) {
        self.tag(field, FIXED32);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.tag(field, LENGTH);
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A text; an empty one is what a reader takes for granted.
    pub(super) fn text(&mut self, field: u64, text: &str) {
        if !text.is_empty() {
            self.bytes(field, text.as_bytes());
        }
    }

    /// One text of several parts.
    pub(super) fn texts(&mut self, field: u64, parts: &[&str]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.tag(field, LENGTH);
        self.number(length as u64);
        for part in parts {
            self.0.extend_from_slice(part.as_bytes());
        }
    }

    /// A key, and a message with one text as its value: what nearly all that is exported consists of.
    pub(super) fn pair_of_texts(&mut self, field: u64, key: &str, text: &str) {
        let (key, text) = (key.as_bytes(), text.as_bytes());
        let length = 6 + key.len() + text.len();
        if length >= 1 << 7 {
            return self.message::<2>(field, |pair| {
                pair.bytes(1, key);
                pair.message::<2>(2, |value| value.bytes(1, text));
            });
        }
        // All lengths are below 128 and all tags below 16: a byte each.
        let first = (1 << 3 | LENGTH) as u8;
        let second = (2 << 3 | LENGTH) as u8;
        let field = (field << 3 | LENGTH) as u8;
        self.0.reserve(length + 2);
        let head = [field, length as u8, first, key.len() as u8];
        self.0.extend_from_slice(&head);
        self.0.extend_from_slice(key);
        let head = [second, text.len() as u8 + 2, first, text.len() as u8];
        self.0.extend_from_slice(&head);
        self.0.extend_from_slice(text);
    }

    /// A message within this one, for whose length `ROOM` bytes are kept. A reader takes a number
    /// with zeros above it as the same; where it does not fit, what was written is moved.
    pub(super) fn message<const ROOM: usize>(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        self.tag(field, LENGTH);
        let start = self.0.len();
        self.0.extend_from_slice(&[0; ROOM]);
        write(self);
        let length = (self.0.len() - start - ROOM) as u64;
        if length >> (7 * ROOM) == 0 {
            fill(&mut self.0[start..start + ROOM], length);
        } else {
            let (digits, count) = varint(length);
            self.0
                .splice(start..start + ROOM, digits[..count].iter().copied());
        }
    }

    /// Begins a message that goes on to the end, and says where. It is to be closed.
    pub(super) fn open(&mut self, field: u64) -> usize {
        self.tag(field, LENGTH);
        self.0.extend_from_slice(&[0; Self::ANY]);
        self.0.len()
    }

    /// Ends a message that was opened.
    pub(super) fn close(&mut self, start: usize) {
        let length = (self.0.len() - start) as u64;
        fill(&mut self.0[start - Self::ANY..start], length);
    }

    fn tag(&mut self, field: u64, kind: u64) {
        self.number(field << 3 | kind);
    }

    #[inline]
    fn number(&mut self, value: u64) {
        if value < 0x80 {
            return self.0.push(value as u8);
        }
        let (digits, count) = varint(value);
        self.0.extend_from_slice(&digits[..count]);
    }
}

impl From<Vec<u8>> for Wire {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// Writes a number that is not too large for it into all of `room`.
fn fill(room: &mut [u8], value: u64) {
    let last = room.len() - 1;
    for (place, digit) in room.iter_mut().enumerate() {
        *digit = (value >> (7 * place)) as u8 & 0x7f | 0x80;
    }
    room[last] &= 0x7f;
}

/// The digits of a number to the base 128, lowest first, and how many there are.
fn varint(mut value: u64) -> ([u8; 10], usize) {
    let mut digits = [0; 10];
    let mut count = 0;
    loop {
        let digit = value as u8 & 0x7f;
        value >>= 7;
        let is_last = value == 0;
        digits[count] = if is_last { digit } else { digit | 0x80 };
        count += 1;
        if is_last {
            return (digits, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_a_reader_expects() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let (digits, count) = varint(value);
            let mut read = &digits[..count];
            let decoded = prost::encoding::decode_varint(&mut read).unwrap();
            assert_eq!((decoded, read), (value, &[][..]));
        }
    }

    fn check<const ROOM: usize>(length: usize) {
        let body = vec![7; length];
        let mut wire = Wire::default();
        wire.message::<ROOM>(2, |inner| inner.bytes(1, &body));
        wire.varint(3, 9);
        let bytes = wire.into_bytes();
        let mut read = &bytes[..];
        let (field, _) = prost::encoding::decode_key(&mut read).unwrap();
        let whole = prost::encoding::decode_varint(&mut read).unwrap() as usize;
        assert_eq!(field, 2);
        assert_eq!(read.len(), whole + 2, "{length} in {ROOM}");
    }

    #[test]
    fn messages_of_any_length_hold_what_was_written() {
        for length in [0, 1, 125, 126, 127, 128, 16_380, 16_384, 100_000] {
            check::<1>(length);
            check::<2>(length);
            check::<5>(length);
        }
    }

    #[test]
    fn a_pair_is_the_same_whatever_its_length() {
        for (key, text) in [
            (4, 0),
            (20, 101),
            (20, 102),
            (121, 0),
            (122, 0),
            (30, 20_000),
        ] {
            let (key, text) = ("k".repeat(key), "t".repeat(text));
            let mut wire = Wire::default();
            wire.pair_of_texts(9, &key, &text);
            let bytes = wire.into_bytes();
            let mut read = &bytes[..];
            let mut lengths = [0; 4];
            for (step, expected) in [9, 1, 2, 1].into_iter().enumerate() {
                let (field, _) = prost::encoding::decode_key(&mut read).unwrap();
                assert_eq!(field, expected);
                lengths[step] = prost::encoding::decode_varint(&mut read).unwrap() as usize;
                if step == 0 || step == 2 {
                    assert_eq!(read.len(), lengths[step]);
                }
                if step == 1 {
                    read = read.strip_prefix(key.as_bytes()).unwrap();
                }
            }
            assert_eq!(read, text.as_bytes());
        }
    }
}
