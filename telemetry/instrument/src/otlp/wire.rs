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

    /// A message within this one.
    pub(super) fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        self.tag(field, LENGTH);
        let start = self.0.len();
        // Most are shorter than 128 bytes, whose length takes one; others are moved to make room.
        self.0.push(0);
        write(self);
        let length = self.0.len() - start - 1;
        let (digits, count) = varint(length as u64);
        self.0[start] = digits[0];
        for (place, digit) in digits[..count].iter().enumerate().skip(1) {
            self.0.insert(start + place, *digit);
        }
    }

    fn tag(&mut self, field: u64, kind: u64) {
        self.number(field << 3 | kind);
    }

    fn number(&mut self, value: u64) {
        let (digits, count) = varint(value);
        self.0.extend_from_slice(&digits[..count]);
    }
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

    #[test]
    fn messages_of_any_length_hold_what_was_written() {
        for length in [0, 1, 126, 127, 128, 16_383, 16_384, 100_000] {
            let body = vec![7; length];
            let mut wire = Wire::default();
            wire.message(2, |inner| inner.bytes(1, &body));
            wire.varint(3, 9);
            let bytes = wire.into_bytes();
            let mut read = &bytes[..];
            let (field, _) = prost::encoding::decode_key(&mut read).unwrap();
            let whole = prost::encoding::decode_varint(&mut read).unwrap() as usize;
            assert_eq!(field, 2);
            assert_eq!(read.len(), whole + 2, "{length}");
        }
    }
}
