//! Prometheus' chunk of floats: times as differences of differences, values as what changed in their
//! bits. Ours on disk are of another form, so this is written anew for each answer.

use watchfire_schemas::Sample;

use super::bit_writer::BitWriter;
use super::message::Message;

/// How many samples a chunk holds.
pub(super) const SAMPLES: usize = 120;

/// The number of this encoding.
const XOR: i64 = 1;

/// What a difference of differences is marked with, and how many bits it then has.
const WIDTHS: [(u64, u32, u32); 3] = [(0b10, 2, 14), (0b110, 3, 17), (0b1110, 4, 20)];

/// More leading zeros than this are not counted: five bits hold the number.
const MOST_LEADING: u32 = 31;

/// A `Chunk` of samples, of which there is at least one.
pub(super) fn message(samples: &[Sample]) -> Message {
    let ends = samples.first().zip(samples.last());
    let mut message = Message::default();
    message.int(1, ends.map_or(0, |(first, _)| first.t));
    message.int(2, ends.map_or(0, |(_, last)| last.t));
    message.int(3, XOR);
    message.bytes(4, &encoded(samples));
    message
}

fn encoded(samples: &[Sample]) -> Vec<u8> {
    let mut writer = BitWriter::default();
    writer.bits(samples.len() as u64, 16);
    let mut values = Values::default();
    let (mut t, mut delta) = (0, 0);
    for (at, sample) in samples.iter().enumerate() {
        let step = sample.t.wrapping_sub(t);
        match at {
            0 => push_varint(&mut writer, (sample.t << 1 ^ sample.t >> 63) as u64),
            1 => push_varint(&mut writer, step as u64),
            _ => push_change(&mut writer, step.wrapping_sub(delta)),
        }
        match at {
            0 => values.first(&mut writer, sample.v),
            _ => values.next(&mut writer, sample.v),
        }
        (t, delta) = (sample.t, step);
    }
    writer.into_bytes()
}

fn push_varint(writer: &mut BitWriter, number: u64) {
    let mut bytes = Message::default();
    bytes.varint(number);
    for byte in bytes.0 {
        writer.bits(u64::from(byte), 8);
    }
}

fn push_change(writer: &mut BitWriter, change: i64) {
    if change == 0 {
        return writer.bit(false);
    }
    for (mark, length, width) in WIDTHS {
        let half = 1_i64 << (width - 1);
        if (-(half - 1)..=half).contains(&change) {
            writer.bits(mark, length);
            return writer.bits(change as u64, width);
        }
    }
    writer.bits(0b1111, 4);
    writer.bits(change as u64, 64);
}

/// The value before, and where its bits differed from those of the one before it.
#[derive(Debug, Default)]
struct Values {
    before: u64,
    /// Leading and trailing zeros of the differences that are being written.
    window: Option<(u32, u32)>,
}

impl Values {
    fn first(&mut self, writer: &mut BitWriter, value: f64) {
        self.before = value.to_bits();
        writer.bits(self.before, 64);
    }

    fn next(&mut self, writer: &mut BitWriter, value: f64) {
        let change = value.to_bits() ^ self.before;
        self.before = value.to_bits();
        if change == 0 {
            return writer.bit(false);
        }
        writer.bit(true);
        let leading = change.leading_zeros().min(MOST_LEADING);
        let trailing = change.trailing_zeros();
        let (leading, trailing) = match self.window {
            Some((fewer, less)) if leading >= fewer && trailing >= less => {
                writer.bit(false);
                (fewer, less)
            }
            _ => {
                self.window = Some((leading, trailing));
                writer.bit(true);
                writer.bits(u64::from(leading), 5);
                // 64 does not fit and is written as 0.
                writer.bits(u64::from(64 - leading - trailing), 6);
                (leading, trailing)
            }
        };
        writer.bits(change >> trailing, 64 - leading - trailing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(samples: &[(i64, f64)]) -> String {
        let samples: Vec<_> = samples.iter().map(|&(t, v)| Sample { t, v }).collect();
        let bytes = encoded(&samples);
        let texts: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        texts.concat()
    }

    #[test]
    fn chunks_are_those_of_the_format() {
        // Count, time zigzag, the value's bits.
        assert_eq!(hex(&[(1, 1.0)]), "0001023ff0000000000000");
        // A step of 15,000 (98 75), no change of the value: a zero bit.
        let start = "00".to_owned() + &"0".repeat(16) + "9875";
        let two = [(0, 0.0), (15_000, 0.0)];
        assert_eq!(hex(&two), format!("0002{start}00"));
        // The same step and value: two bits more. Then 40 ms late: 10, 14 bits, and no change.
        let four = [two[0], two[1], (30_000, 0.0), (45_040, 0.0)];
        assert_eq!(hex(&four), format!("0004{start}100500"));
        // From 0 to 1: bits 52 to 61 change; two leading zeros, 52 trailing.
        assert_eq!(
            hex(&[(0, 0.0), (15_000, 1.0)]),
            format!("0002{start}c457fe")
        );
    }
}
