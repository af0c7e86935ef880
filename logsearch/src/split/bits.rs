//! Numbers packed into as many bits as the largest needs, and sets of documents of one block.

/// How many documents are looked at in one go; a multiple of 64.
pub(super) const BLOCK: usize = 4_096;
const WORDS: usize = BLOCK / 64;

/// Writes numbers of a few bits each.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    open: u64,
    filled: u32,
}

impl BitWriter {
    /// The low `width` bits of the number.
    pub(super) fn put(&mut self, value: u64, width: u32) {
        if width == 0 {
            return;
        }
        self.open |= value << self.filled;
        let free = 64 - self.filled;
        if width < free {
            self.filled += width;
            return;
        }
        self.bytes.extend_from_slice(&self.open.to_le_bytes());
        self.open = if width == free { 0 } else { value >> free };
        self.filled = width - free;
    }

    /// How many bits have been written.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64 * 8 + u64::from(self.filled)
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let rest = self.filled.div_ceil(8) as usize;
        self.bytes
            .extend_from_slice(&self.open.to_le_bytes()[..rest]);
        self.bytes
    }
}

/// How many bits the number needs.
pub(super) const fn width(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// The number of `width` bits at a place; what is beyond the end reads as zero.
pub(super) fn bits_at(bytes: &[u8], bit: u64, width: u32) -> u64 {
    let (start, shift) = ((bit / 8) as usize, (bit % 8) as u32);
    let word = match bytes.get(start..start + 8) {
        Some(word) => u64::from_le_bytes(word.try_into().unwrap_or_default()),
        None => last_word(bytes, start),
    };
    let mut value = word >> shift;
    if width + shift > 64 {
        let next = bytes.get(start + 8).copied().unwrap_or_default();
        value |= u64::from(next) << (64 - shift);
    }
    value & mask(width)
}

/// Calls back with `count` numbers of `width` bits each, one after another.
pub(super) fn unpack(bytes: &[u8], bit: u64, width: u32, count: usize, mut each: impl FnMut(u64)) {
    let mut bit = bit as usize;
    if width > 56 {
        for _ in 0..count {
            each(bits_at(bytes, bit as u64, width));
            bit += width as usize;
        }
        return;
    }
    let mask = mask(width);
    for _ in 0..count {
        let start = bit / 8;
        let word = match bytes
            .get(start..start + 8)
            .and_then(|word| word.first_chunk())
        {
            Some(word) => u64::from_le_bytes(*word),
            None => last_word(bytes, start),
        };
        each(word >> (bit % 8) & mask);
        bit += width as usize;
    }
}

fn last_word(bytes: &[u8], start: usize) -> u64 {
    let mut word = [0; 8];
    let rest = bytes.get(start..).unwrap_or_default();
    word[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(word)
}

pub(super) const fn mask(width: u32) -> u64 {
    match width {
        0 => 0,
        _ => u64::MAX >> (64 - width),
    }
}

/// Which values of a block are chosen, told one after another.
#[derive(Debug)]
pub(super) struct Marks {
    words: [u64; WORDS],
    open: u64,
    told: usize,
}

impl Marks {
    pub(super) const fn new() -> Self {
        Self {
            words: [0; WORDS],
            open: 0,
            told: 0,
        }
    }

    pub(super) fn tell(&mut self, is_chosen: bool) {
        self.open |= u64::from(is_chosen) << (self.told % 64);
        self.told += 1;
        if self.told.is_multiple_of(64) {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        if let Some(word) = self.words.get_mut((self.told - 1) / 64) {
            *word = self.open;
        }
        self.open = 0;
    }

    /// A bit for each, the first one lowest.
    pub(super) fn finish(mut self) -> [u64; WORDS] {
        if !self.told.is_multiple_of(64) {
            self.end_word();
        }
        self.words
    }
}

/// Some documents of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Docs([u64; WORDS]);

impl Docs {
    pub(super) const NONE: Self = Self([0; WORDS]);

    /// Those from `start` up to `end` within the block.
    pub(super) fn between(start: usize, end: usize) -> Self {
        let mut docs = Self::NONE;
        for (index, word) in docs.0.iter_mut().enumerate() {
            let low = start.clamp(index * 64, index * 64 + 64) - index * 64;
            let high = end.clamp(index * 64, index * 64 + 64) - index * 64;
            if low < high {
                *word = mask((high - low) as u32) << low;
            }
        }
        docs
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(super) fn insert(&mut self, doc: usize) {
        self.0[doc / 64] |= 1 << (doc % 64);
    }

    pub(super) fn contains(&self, doc: usize) -> bool {
        self.0[doc / 64] & 1 << (doc % 64) != 0
    }

    pub(super) fn and(mut self, other: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word &= other;
        }
        self
    }

    pub(super) fn or(mut self, other: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
        self
    }

    pub(super) fn without(mut self, other: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word &= !other;
        }
        self
    }

    pub(super) const fn words(&self) -> &[u64; WORDS] {
        &self.0
    }

    pub(super) const fn words_mut(&mut self) -> &mut [u64; WORDS] {
        &mut self.0
    }

    /// The documents in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(index * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let mut writer = BitWriter::default();
        let numbers = [
            (5, 3),
            (0, 0),
            (u64::MAX, 64),
            (1, 1),
            (77, 7),
            (u64::MAX >> 1, 63),
            (9, 5),
        ];
        for (value, width) in numbers {
            writer.put(value, width);
        }
        assert_eq!(writer.len(), 143);
        let bytes = writer.finish();
        let mut at = 0;
        for (value, width) in numbers {
            assert_eq!(bits_at(&bytes, at, width), value, "at {at}");
            at += u64::from(width);
        }
        assert_eq!(bits_at(&bytes, 10_000, 64), 0);
        assert_eq!(
            (width(0), width(1), width(255), width(u64::MAX)),
            (0, 1, 8, 64)
        );
    }

    #[test]
    fn documents_of_a_block() {
        let docs = Docs::between(3, 130);
        assert_eq!(docs.count(), 127);
        assert!(docs.iter().eq(3..130));
        assert!(docs.contains(64) && !docs.contains(130));
        assert!(Docs::between(9, 9).is_empty());
        assert_eq!(
            Docs::between(0, BLOCK).without(&docs).count(),
            BLOCK as u64 - 127
        );
    }
}
