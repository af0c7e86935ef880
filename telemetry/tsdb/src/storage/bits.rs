/// Appends numbers of any width in bits, most significant bit first.
#[derive(Debug, Clone, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// The bits that do not fill a byte yet, in the low end.
    rest: u64,
    rest_bits: u32,
}

impl BitWriter {
    /// Appends the low `bits` bits of `value`; `bits` is 0 to 64.
    pub(crate) fn push(&mut self, value: u64, bits: u32) {
        if bits > 32 {
            self.push(value >> 32, bits - 32);
            self.push(value & 0xffff_ffff, 32);
            return;
        }
        let mask = (1_u64 << bits) - 1;
        self.rest = (self.rest << bits) | (value & mask);
        self.rest_bits += bits;
        while self.rest_bits >= 8 {
            self.rest_bits -= 8;
            self.bytes.push((self.rest >> self.rest_bits) as u8);
        }
        self.rest &= 0xff;
    }

    /// All bits so far, the last byte filled up with zeros.
    pub(crate) fn to_bytes(&self) -> Box<[u8]> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 1);
        bytes.extend_from_slice(&self.bytes);
        if self.rest_bits > 0 {
            bytes.push((self.rest << (8 - self.rest_bits)) as u8);
        }
        bytes.into_boxed_slice()
    }

    /// Forgets all bits and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.rest = 0;
        self.rest_bits = 0;
    }
}

/// Reads what a [`BitWriter`] wrote.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `bits` bits (0 to 64), or `None` if there are not so many.
    pub(crate) fn read(&mut self, bits: u32) -> Option<u64> {
        if bits > 32 {
            let high = self.read(bits - 32)?;
            return Some((high << 32) | self.read(32)?);
        }
        if bits == 0 {
            return Some(0);
        }
        let end = self.at + bits as usize;
        if end > self.bytes.len() * 8 {
            return None;
        }
        let word = self.word(self.at / 8) << (self.at % 8);
        self.at = end;
        Some(word >> (64 - bits))
    }

    /// How many ones come next, at most `most`; the zero that ends them is consumed.
    pub(crate) fn ones(&mut self, most: u32) -> Option<u32> {
        let mut count = 0;
        while count < most && self.read(1)? == 1 {
            count += 1;
        }
        Some(count)
    }

    /// Eight bytes from `byte`, with zeros after the end.
    fn word(&self, byte: usize) -> u64 {
        let rest = &self.bytes[byte..];
        if let Some(eight) = rest.first_chunk::<8>() {
            return u64::from_be_bytes(*eight);
        }
        let mut eight = [0; 8];
        eight[..rest.len()].copy_from_slice(rest);
        u64::from_be_bytes(eight)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_come_back_as_they_went_in(numbers in prop::collection::vec((any::<u64>(), 0_u32..=64), 0..50)) {
            let mut writer = BitWriter::default();
            for &(value, bits) in &numbers {
                writer.push(value, bits);
            }
            let bytes = writer.to_bytes();
            let mut reader = BitReader::new(&bytes);
            for &(value, bits) in &numbers {
                let expected = if bits == 0 { 0 } else { value << (64 - bits) >> (64 - bits) };
                prop_assert_eq!(reader.read(bits), Some(expected));
            }
            prop_assert_eq!(reader.read(8), None);
        }
    }
}
