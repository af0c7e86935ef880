/// Writes bits from the highest of each byte on.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// How many bits of the last byte are still free.
    free: u32,
}

impl BitWriter {
    /// The lowest `count` bits of a number, the highest first.
    pub(super) fn bits(&mut self, number: u64, mut count: u32) {
        while count > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let taken = count.min(self.free);
            let piece = number >> (count - taken) & ((1 << taken) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (piece << (self.free - taken)) as u8;
            }
            self.free -= taken;
            count -= taken;
        }
    }

    pub(super) fn bit(&mut self, is_set: bool) {
        self.bits(u64::from(is_set), 1);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_go_over_the_ends_of_bytes() {
        let mut writer = BitWriter::default();
        writer.bit(true);
        writer.bits(0b01, 2);
        writer.bits(0x1ff, 9);
        writer.bits(u64::MAX, 64);
        let bytes = writer.into_bytes();
        assert_eq!(bytes.len(), 10);
        assert_eq!(bytes[..2], [0b1011_1111, 0b1111_1111]);
        assert_eq!(bytes[9], 0b1111_0000);
    }
}
