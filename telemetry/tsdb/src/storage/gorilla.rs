//! The compression of Gorilla (Pelkonen et al., VLDB 2015): times as deltas of deltas, values as
//! the bits in which they differ from the one before.

use watchfire_schemas::Sample;

use super::bits::{BitReader, BitWriter};

/// Widths in which a delta of deltas is stored, by the number of ones before it. Milliseconds of
/// jitter fit the second, a change of the interval by minutes the fourth.
const TIME_BITS: [u32; 5] = [0, 7, 14, 20, 64];
const LEADING_BITS: u32 = 5;
const MOST_LEADING: u32 = 31;
const LENGTH_BITS: u32 = 6;

/// Compresses samples one by one; times may not go backwards in a useful chunk, but any order
/// survives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Encoder {
    bits: BitWriter,
    count: u32,
    first_t: i64,
    t: i64,
    delta: i64,
    value: u64,
    /// The bits that the last difference was stored in: zeros before and after.
    window: Option<(u32, u32)>,
}

impl Encoder {
    pub(crate) fn push(&mut self, sample: Sample) {
        let value = sample.v.to_bits();
        if self.count == 0 {
            self.first_t = sample.t;
            self.bits.push(sample.t as u64, 64);
            self.bits.push(value, 64);
        } else {
            let delta = sample.t.wrapping_sub(self.t);
            self.push_time(delta.wrapping_sub(self.delta));
            self.push_value(value ^ self.value);
            self.delta = delta;
        }
        self.t = sample.t;
        self.value = value;
        self.count += 1;
    }

    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The time of the first sample.
    pub(crate) fn first_t(&self) -> i64 {
        self.first_t
    }

    /// The time of the last sample.
    pub(crate) fn last_t(&self) -> i64 {
        self.t
    }

    pub(crate) fn to_bytes(&self) -> Box<[u8]> {
        self.bits.to_bytes()
    }

    /// Starts anew and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bits.clear();
        self.count = 0;
        self.delta = 0;
        self.window = None;
    }

    fn push_time(&mut self, change: i64) {
        let fits = |bits: u32| bits == 64 || change << (64 - bits) >> (64 - bits) == change;
        let class = match change {
            0 => 0,
            _ if fits(TIME_BITS[1]) => 1,
            _ if fits(TIME_BITS[2]) => 2,
            _ if fits(TIME_BITS[3]) => 3,
            _ => 4,
        };
        match class {
            4 => self.bits.push(0b1111, 4),
            ones => self.bits.push((1 << (ones + 1)) - 2, ones + 1),
        }
        self.bits.push(change as u64, TIME_BITS[class as usize]);
    }

    fn push_value(&mut self, difference: u64) {
        if difference == 0 {
            self.bits.push(0, 1);
            return;
        }
        let leading = difference.leading_zeros().min(MOST_LEADING);
        let trailing = difference.trailing_zeros();
        let length = 64 - leading - trailing;
        if let Some((before, after)) = self.window
            && leading >= before
            && trailing >= after
            && 64 - before - after <= length + LEADING_BITS + LENGTH_BITS
        {
            self.bits.push(0b10, 2);
            self.bits.push(difference >> after, 64 - before - after);
            return;
        }
        self.bits.push(0b11, 2);
        self.bits.push(u64::from(leading), LEADING_BITS);
        self.bits.push(u64::from(length - 1), LENGTH_BITS);
        self.bits.push(difference >> trailing, length);
        self.window = Some((leading, trailing));
    }
}

/// Gives back the samples of an [`Encoder`]. Damaged input ends the samples early; it never panics.
#[derive(Debug, Clone)]
pub(crate) struct Decoder<'a> {
    bits: BitReader<'a>,
    left: u32,
    first: bool,
    t: i64,
    delta: i64,
    value: u64,
    window: (u32, u32),
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8], count: u32) -> Self {
        Self {
            bits: BitReader::new(bytes),
            left: count,
            first: true,
            t: 0,
            delta: 0,
            value: 0,
            window: (0, 0),
        }
    }

    fn read(&mut self) -> Option<()> {
        if self.first {
            self.first = false;
            self.t = self.bits.read(64)? as i64;
            self.value = self.bits.read(64)?;
            return Some(());
        }
        let bits = TIME_BITS[self.bits.ones(4)? as usize];
        let change = match (self.bits.read(bits)? as i64, bits) {
            (change, 0 | 64) => change,
            (change, bits) => change << (64 - bits) >> (64 - bits),
        };
        self.delta = self.delta.wrapping_add(change);
        self.t = self.t.wrapping_add(self.delta);
        self.read_value()
    }

    fn read_value(&mut self) -> Option<()> {
        match self.bits.ones(2)? {
            0 => return Some(()),
            1 => {}
            _ => {
                let leading = self.bits.read(LEADING_BITS)? as u32;
                let length = self.bits.read(LENGTH_BITS)? as u32 + 1;
                self.window = (leading, 64_u32.checked_sub(leading + length)?);
            }
        }
        let (before, after) = self.window;
        self.value ^= self.bits.read(64 - before - after)? << after;
        Some(())
    }
}

impl Iterator for Decoder<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        self.left = self.left.checked_sub(1)?;
        self.read()?;
        Some(Sample {
            t: self.t,
            v: f64::from_bits(self.value),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(samples: impl IntoIterator<Item = Sample>) -> Vec<(i64, u64)> {
        samples.into_iter().map(|s| (s.t, s.v.to_bits())).collect()
    }

    fn encoded(samples: &[Sample]) -> Encoder {
        let mut encoder = Encoder::default();
        for &sample in samples {
            encoder.push(sample);
        }
        encoder
    }

    proptest! {
        #[test]
        fn samples_come_back_bit_by_bit(raw in prop::collection::vec((any::<i64>(), any::<u64>()), 0..200)) {
            let samples: Vec<_> = raw.iter().map(|&(t, v)| Sample { t, v: f64::from_bits(v) }).collect();
            let encoder = encoded(&samples);
            let bytes = encoder.to_bytes();
            prop_assert_eq!(bits(Decoder::new(&bytes, encoder.len())), raw);
        }

        #[test]
        fn a_scraped_counter_comes_back(start in 0_i64..2_000_000_000_000, jitter in prop::collection::vec((0_i64..90, 0_u32..5000), 1..150)) {
            let mut value = 0.0;
            let samples: Vec<_> = jitter.iter().enumerate().map(|(i, &(ms, by))| {
                value += f64::from(by);
                Sample { t: start + i as i64 * 15_000 + ms, v: value }
            }).collect();
            let encoder = encoded(&samples);
            let bytes = encoder.to_bytes();
            prop_assert_eq!(bits(Decoder::new(&bytes, encoder.len())), bits(samples));
        }

        #[test]
        fn damage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_u32..500) {
            prop_assert!(Decoder::new(&bytes, count).count() <= count as usize);
        }
    }

    #[test]
    fn a_steady_counter_takes_less_than_two_bytes_a_sample() {
        let samples: Vec<_> = (0..120)
            .map(|i| Sample {
                t: 1_700_000_000_000 + i * 15_000,
                v: (i * 7) as f64,
            })
            .collect();
        let size = encoded(&samples).to_bytes().len();
        assert!(size < 240, "{size} bytes for 120 samples");
    }
}
