//! The compression of samples.
//!
//! A run is some samples that share one form: times as differences from the usual interval, values
//! as whole numbers over a power of ten where they are that, else as the bits in which each differs
//! from the one before. What varies is packed in one width for the whole run, so that reading has
//! no branches. Runs follow each other and carry on from the last sample of the one before.

use watchfire_schemas::Sample;

use super::bit_pack::{pack, unpack, width_of};
use super::decimal::{MOST_DECIMALS, decimals, scaled, unscaled};
use super::varint::{
    put_signed, put_varint, take_byte, take_signed, take_varint, take_word, zigzag,
};

/// How many samples a run holds at most.
pub(crate) const RUN_SAMPLES: usize = 128;

/// The form of the values, in the low bits of a run's first byte.
const REPEAT: u8 = 0;
const STEPS: u8 = 1;
const LEVELS: u8 = 2;
const BITS: u8 = 3;
/// Set in the first byte if the interval changes within the run.
const UNEVEN: u8 = 1 << 2;
/// Set if the first value is written whole.
const ORIGIN: u8 = 1 << 3;
/// The number of decimals stands above.
const DECIMALS_SHIFT: u32 = 4;

const NO_DECIMALS: u8 = u8::MAX;

/// Where a sequence of runs stands: what the next one carries on from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunState {
    /// The time of the last sample; before the first run that of its first sample.
    pub(crate) t: i64,
    interval: i64,
    value: u64,
    whole: i64,
    /// With how many decimals `whole` stands for `value`; [`NO_DECIMALS`] if it does not.
    decimals: u8,
    is_fresh: bool,
}

impl RunState {
    /// Before a run whose first sample is at `t`.
    pub(crate) fn at(t: i64) -> Self {
        Self {
            t,
            interval: 0,
            value: 0,
            whole: 0,
            decimals: NO_DECIMALS,
            is_fresh: true,
        }
    }

    /// Appends samples, as many runs as they need.
    pub(crate) fn encode(&mut self, samples: &[Sample], bytes: &mut Vec<u8>) {
        let alike = samples.chunk_by(|a, b| a.v.is_finite() == b.v.is_finite());
        for run in alike.flat_map(|alike| alike.chunks(RUN_SAMPLES)) {
            self.encode_run(run, bytes);
        }
    }

    fn encode_run(&mut self, run: &[Sample], bytes: &mut Vec<u8>) {
        let head = bytes.len();
        bytes.push(0);
        put_varint(run.len() as u64, bytes);
        let mut form = self.encode_times(run, bytes);
        form |= self.encode_values(run, bytes);
        bytes[head] = form;
        self.is_fresh = false;
    }

    fn encode_times(&mut self, run: &[Sample], bytes: &mut Vec<u8>) -> u8 {
        let later = &run[usize::from(self.is_fresh)..];
        let mut numbers = [0_u64; RUN_SAMPLES];
        let numbers = &mut numbers[..later.len()];
        let mut least = i64::MAX;
        let (mut even, mut before) = (true, self.t);
        for (number, sample) in numbers.iter_mut().zip(later) {
            let interval = sample.t.wrapping_sub(before);
            before = sample.t;
            even &= interval == self.interval;
            least = least.min(interval);
            *number = interval as u64;
        }
        self.t = before;
        if even {
            return 0;
        }
        let base = least.wrapping_sub(self.interval);
        self.interval = numbers.last().map_or(0, |last| *last as i64);
        put_signed(base, bytes);
        pack_over(numbers, least as u64, bytes);
        UNEVEN
    }

    fn encode_values(&mut self, run: &[Sample], bytes: &mut Vec<u8>) -> u8 {
        let same = |sample: &Sample| sample.v.to_bits() == self.value;
        if !self.is_fresh && run.iter().all(same) {
            return REPEAT;
        }
        let mut wholes = [0_i64; RUN_SAMPLES];
        let wholes = &mut wholes[..run.len()];
        match whole_numbers(run, self.decimals, wholes) {
            Some(decimals) => self.encode_wholes(wholes, decimals, bytes),
            None => self.encode_bits(run, bytes),
        }
    }

    fn encode_wholes(&mut self, wholes: &[i64], decimals: u8, bytes: &mut Vec<u8>) -> u8 {
        let origin = self.decimals != decimals;
        let later = &wholes[usize::from(origin)..];
        let mut before = if origin { wholes[0] } else { self.whole };
        let mut steps = [0_u64; RUN_SAMPLES];
        let steps = &mut steps[..later.len()];
        for (step, whole) in steps.iter_mut().zip(later) {
            *step = (whole - before) as u64;
            before = *whole;
        }
        self.decimals = decimals;
        self.whole = before;
        self.value = unscaled(before, decimals).to_bits();
        let form = decimals << DECIMALS_SHIFT;
        let least_level = wholes.iter().copied().min().unwrap_or_default();
        let most_level = wholes.iter().copied().max().unwrap_or_default();
        let least_step = steps.iter().map(|step| *step as i64).min().unwrap_or(0);
        let most_step = steps.iter().map(|step| *step as i64).max().unwrap_or(0);
        let cost = |count: usize, least: i64, most: i64| {
            count * width_of((most - least) as u64) as usize + width_of(zigzag(least)) as usize
        };
        let origin_cost = usize::from(origin) * (width_of(zigzag(wholes[0])) as usize + 4);
        let level_cost = cost(wholes.len(), least_level, most_level);
        if level_cost < cost(steps.len(), least_step, most_step) + origin_cost {
            let mut levels = [0_u64; RUN_SAMPLES];
            let levels = &mut levels[..wholes.len()];
            for (level, whole) in levels.iter_mut().zip(wholes) {
                *level = *whole as u64;
            }
            put_signed(least_level, bytes);
            pack_over(levels, least_level as u64, bytes);
            return form | LEVELS;
        }
        if origin {
            put_signed(wholes[0], bytes);
        }
        put_signed(least_step, bytes);
        pack_over(steps, least_step as u64, bytes);
        form | STEPS | if origin { ORIGIN } else { 0 }
    }

    fn encode_bits(&mut self, run: &[Sample], bytes: &mut Vec<u8>) -> u8 {
        let mut later = run;
        if self.is_fresh {
            self.value = run[0].v.to_bits();
            bytes.extend_from_slice(&self.value.to_le_bytes());
            later = &run[1..];
        }
        let mut differences = [0_u64; RUN_SAMPLES];
        let differences = &mut differences[..later.len()];
        let mut all = 0;
        for (difference, sample) in differences.iter_mut().zip(later) {
            let value = sample.v.to_bits();
            *difference = value ^ self.value;
            all |= *difference;
            self.value = value;
        }
        let shift = if all == 0 { 0 } else { all.trailing_zeros() };
        for difference in differences.iter_mut() {
            *difference >>= shift;
        }
        bytes.push(shift as u8);
        pack_over(differences, 0, bytes);
        self.decimals = NO_DECIMALS;
        BITS | if self.is_fresh { ORIGIN } else { 0 }
    }

    /// Reads the next run and appends its samples; `None` if it is damaged.
    pub(crate) fn decode_run(
        &mut self,
        bytes: &mut &[u8],
        samples: &mut Vec<Sample>,
    ) -> Option<()> {
        let form = take_byte(bytes)?;
        let count = usize::try_from(take_varint(bytes)?).ok()?;
        if count == 0 || count > RUN_SAMPLES {
            return None;
        }
        let start = samples.len();
        self.decode_times(form, count, bytes, samples)?;
        let run = &mut samples[start..];
        let decimals = form >> DECIMALS_SHIFT;
        match form & 0b11 {
            REPEAT => {
                let value = f64::from_bits(self.value);
                for sample in run {
                    sample.v = value;
                }
            }
            STEPS | LEVELS if decimals > MOST_DECIMALS => return None,
            STEPS => self.decode_steps(form, bytes, run)?,
            LEVELS => self.decode_levels(decimals, bytes, run)?,
            _ => self.decode_bits(form, bytes, run)?,
        }
        self.is_fresh = false;
        Some(())
    }

    fn decode_times(
        &mut self,
        form: u8,
        count: usize,
        bytes: &mut &[u8],
        samples: &mut Vec<Sample>,
    ) -> Option<()> {
        let mut t = self.t;
        let mut later = count;
        if self.is_fresh {
            samples.push(Sample { t, v: 0.0 });
            later -= 1;
        }
        if form & UNEVEN == 0 {
            let interval = self.interval;
            samples.extend((0..later).map(|_| {
                t = t.wrapping_add(interval);
                Sample { t, v: 0.0 }
            }));
        } else {
            let least = take_signed(bytes)?.wrapping_add(self.interval);
            let width = u32::from(take_byte(bytes)?);
            let mut interval = self.interval;
            samples.extend(unpack(bytes, later, width)?.map(|over| {
                interval = least.wrapping_add(over as i64);
                t = t.wrapping_add(interval);
                Sample { t, v: 0.0 }
            }));
            self.interval = interval;
        }
        self.t = t;
        Some(())
    }

    fn decode_steps(&mut self, form: u8, bytes: &mut &[u8], run: &mut [Sample]) -> Option<()> {
        let decimals = form >> DECIMALS_SHIFT;
        let mut later = run;
        if form & ORIGIN != 0 {
            self.whole = take_signed(bytes)?;
            later[0].v = unscaled(self.whole, decimals);
            later = &mut later[1..];
        }
        let least = take_signed(bytes)?;
        let width = u32::from(take_byte(bytes)?);
        let mut whole = self.whole;
        let steps = unpack(bytes, later.len(), width)?;
        for (sample, over) in later.iter_mut().zip(steps) {
            whole = whole.wrapping_add(least).wrapping_add(over as i64);
            sample.v = unscaled(whole, decimals);
        }
        self.stand_at(whole, decimals);
        Some(())
    }

    fn decode_levels(&mut self, decimals: u8, bytes: &mut &[u8], run: &mut [Sample]) -> Option<()> {
        let least = take_signed(bytes)?;
        let width = u32::from(take_byte(bytes)?);
        let mut whole = least;
        let levels = unpack(bytes, run.len(), width)?;
        for (sample, over) in run.iter_mut().zip(levels) {
            whole = least.wrapping_add(over as i64);
            sample.v = unscaled(whole, decimals);
        }
        self.stand_at(whole, decimals);
        Some(())
    }

    fn decode_bits(&mut self, form: u8, bytes: &mut &[u8], run: &mut [Sample]) -> Option<()> {
        let mut later = run;
        if form & ORIGIN != 0 {
            self.value = take_word(bytes)?;
            later[0].v = f64::from_bits(self.value);
            later = &mut later[1..];
        }
        let shift = u32::from(take_byte(bytes)?.min(63));
        let width = u32::from(take_byte(bytes)?);
        let differences = unpack(bytes, later.len(), width)?;
        for (sample, difference) in later.iter_mut().zip(differences) {
            self.value ^= difference << shift;
            sample.v = f64::from_bits(self.value);
        }
        self.decimals = NO_DECIMALS;
        Some(())
    }

    fn stand_at(&mut self, whole: i64, decimals: u8) {
        self.whole = whole;
        self.decimals = decimals;
        self.value = unscaled(whole, decimals).to_bits();
    }
}

/// Writes the width of what numbers have over the least of them, and that.
fn pack_over(numbers: &mut [u64], least: u64, bytes: &mut Vec<u8>) {
    let mut all = 0;
    for number in numbers.iter_mut() {
        *number = number.wrapping_sub(least);
        all |= *number;
    }
    let width = width_of(all);
    bytes.push(width as u8);
    pack(numbers, width, bytes);
}

/// Fills in the whole numbers that stand for the values, and gives their number of decimals: at
/// least those of the run before.
fn whole_numbers(run: &[Sample], before: u8, wholes: &mut [i64]) -> Option<u8> {
    let mut most = if before == NO_DECIMALS { 0 } else { before };
    let mut at = 0;
    while at < run.len() {
        let value = run[at].v;
        if let Some(whole) = scaled(value, most) {
            wholes[at] = whole;
            at += 1;
        } else {
            most = decimals(value, most + 1)?;
            // Those before need as many.
            at = 0;
        }
    }
    Some(most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(samples: &[Sample], run: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut state = RunState::at(samples.first().map_or(0, |sample| sample.t));
        for run in samples.chunks(run) {
            state.encode(run, &mut bytes);
        }
        bytes
    }

    fn decoded(first_t: i64, mut bytes: &[u8]) -> Vec<Sample> {
        let mut samples = Vec::new();
        let mut state = RunState::at(first_t);
        while !bytes.is_empty() {
            state.decode_run(&mut bytes, &mut samples).unwrap();
        }
        samples
    }

    fn bits(samples: &[Sample]) -> Vec<(i64, u64)> {
        samples.iter().map(|s| (s.t, s.v.to_bits())).collect()
    }

    fn check(samples: &[Sample], run: usize) {
        let bytes = encoded(samples, run);
        let first_t = samples.first().map_or(0, |sample| sample.t);
        assert_eq!(bits(&decoded(first_t, &bytes)), bits(samples));
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            any::<f64>(),
            (-1_000_000_i64..1_000_000, 0_u8..=MOST_DECIMALS).prop_map(|(w, d)| unscaled(w, d)),
            (0_u32..40).prop_map(f64::from),
            Just(f64::NAN),
            Just(-0.0),
        ]
    }

    proptest! {
        #[test]
        fn samples_come_back_bit_by_bit(raw in prop::collection::vec((any::<i64>(), value()), 0..300), run in 1_usize..150) {
            let samples: Vec<_> = raw.iter().map(|&(t, v)| Sample { t, v }).collect();
            check(&samples, run);
        }

        #[test]
        fn a_scraped_counter_comes_back(start in 0_i64..2_000_000_000_000, steps in prop::collection::vec((0_i64..9, 0_i64..5000), 1..150), decimals in 0_u8..9, run in 1_usize..40) {
            let mut whole = 0;
            let samples: Vec<_> = steps.iter().enumerate().map(|(i, &(ms, by))| {
                whole += by;
                Sample { t: start + i as i64 * 15_000 + ms, v: unscaled(whole, decimals) }
            }).collect();
            check(&samples, run);
        }

        #[test]
        fn damage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut state, mut rest, mut samples) = (RunState::at(0), &bytes[..], Vec::new());
            while state.decode_run(&mut rest, &mut samples).is_some() {}
        }
    }

    fn size(samples: impl Iterator<Item = (i64, f64)>) -> usize {
        let samples: Vec<_> = samples.map(|(t, v)| Sample { t, v }).collect();
        encoded(&samples, RUN_SAMPLES).len()
    }

    #[test]
    fn what_is_steady_takes_next_to_nothing() {
        let t = |i: i64| 1_700_000_000_000 + i * 15_000;
        assert!(size((0..480).map(|i| (t(i), 1.0))) < 32);
        assert!(size((0..480).map(|i| (t(i), (i * 7) as f64))) < 48);
        let gauge = (0..480).map(|i| (t(i), unscaled(417 + i * 37 % 16, 1)));
        assert!(size(gauge) < 280, "half a byte a sample");
    }
}
