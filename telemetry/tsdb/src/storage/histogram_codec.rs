//! The compression of native histograms: the layout of buckets once, then of each sample what
//! changed since the one before.

use watchfire_schemas::{
    BucketSpan, CounterReset, HistogramBuckets, HistogramSample, NativeHistogram,
};

use super::chunk::{Chunk, Content};
use super::varint::{put_signed, put_varint, take_byte, take_signed, take_varint, take_word};

/// How many histograms a chunk holds at most.
const CHUNK_HISTOGRAMS: u32 = 120;

/// Set in a sample's first byte if all its counts are whole numbers, and were in the one before.
const WHOLE: u8 = 1 << 2;
/// Floats hold all whole numbers below this one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A chunk of histograms of one layout that grows sample by sample.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenHistograms {
    min_t: i64,
    interval: i64,
    count: u32,
    last: Option<HistogramSample>,
    bytes: Vec<u8>,
}

impl OpenHistograms {
    /// Whether a histogram can go on in this chunk.
    pub(crate) fn takes(&self, histogram: &NativeHistogram) -> bool {
        let same = |last: &HistogramSample| has_layout_of(&last.h, histogram);
        self.count < CHUNK_HISTOGRAMS && self.last.as_ref().is_none_or(same)
    }

    /// Appends one that it takes. Gives how many bytes it grew by.
    pub(crate) fn push(&mut self, sample: &HistogramSample) -> usize {
        let before = self.bytes.len();
        let bytes = &mut self.bytes;
        if self.count == 0 {
            self.min_t = sample.t;
            put_signed(sample.t, bytes);
            put_layout(&sample.h, bytes);
        }
        let origin = empty(&sample.h);
        let (last_t, last) = self
            .last
            .as_ref()
            .map_or((sample.t, &origin), |last| (last.t, &last.h));
        let interval = sample.t.wrapping_sub(last_t);
        put_signed(interval.wrapping_sub(self.interval), bytes);
        self.interval = interval;
        let whole = is_whole(&sample.h) && is_whole(last);
        bytes.push(reset_number(sample.h.reset) | if whole { WHOLE } else { 0 });
        put_varint(sample.h.sum.to_bits() ^ last.sum.to_bits(), bytes);
        for (now, before) in counts(&sample.h).zip(counts(last)) {
            if whole {
                put_signed(now as i64 - before as i64, bytes);
            } else {
                put_varint(now.to_bits() ^ before.to_bits(), bytes);
            }
        }
        self.count += 1;
        self.last = Some(sample.clone());
        self.bytes.len() - before
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The times of the first and the last histogram.
    pub(crate) fn bounds(&self) -> Option<(i64, i64)> {
        self.last.as_ref().map(|last| (self.min_t, last.t))
    }

    /// What is there so far; `None` if nothing.
    pub(crate) fn sealed(&self) -> Option<Chunk> {
        let (min_t, max_t) = self.bounds()?;
        Some(Chunk {
            content: Content::Histograms,
            min_t,
            max_t,
            count: self.count,
            bytes: self.bytes.as_slice().into(),
        })
    }

    /// The same, and begins anew.
    pub(crate) fn seal(&mut self) -> Option<Chunk> {
        let chunk = self.sealed();
        *self = Self::default();
        chunk
    }
}

/// Appends the histograms of a chunk that lie in `from..=to`. Damaged bytes end it early.
pub(crate) fn decode_histograms(
    mut bytes: &[u8],
    from: i64,
    to: i64,
    samples: &mut Vec<HistogramSample>,
) {
    let Some((mut t, mut last)) = take_start(&mut bytes) else {
        return;
    };
    let mut interval = 0_i64;
    while !bytes.is_empty() {
        let Some(change) = take_signed(&mut bytes) else {
            return;
        };
        interval = interval.wrapping_add(change);
        t = t.wrapping_add(interval);
        if t > to || take_changes(&mut bytes, &mut last).is_none() {
            return;
        }
        if t >= from {
            samples.push(HistogramSample { t, h: last.clone() });
        }
    }
}

fn take_start(bytes: &mut &[u8]) -> Option<(i64, NativeHistogram)> {
    let t = take_signed(bytes)?;
    Some((t, take_layout(bytes)?))
}

fn take_changes(bytes: &mut &[u8], last: &mut NativeHistogram) -> Option<()> {
    let head = take_byte(bytes)?;
    last.reset = reset_of(head);
    last.sum = f64::from_bits(last.sum.to_bits() ^ take_varint(bytes)?);
    let whole = head & WHOLE != 0;
    for count in counts_mut(last) {
        *count = if whole {
            (*count as i64).wrapping_add(take_signed(bytes)?) as f64
        } else {
            f64::from_bits(count.to_bits() ^ take_varint(bytes)?)
        };
    }
    Some(())
}

fn put_layout(histogram: &NativeHistogram, bytes: &mut Vec<u8>) {
    put_signed(i64::from(histogram.schema), bytes);
    bytes.extend_from_slice(&histogram.zero_threshold.to_le_bytes());
    for side in [&histogram.positive, &histogram.negative] {
        put_varint(side.spans.len() as u64, bytes);
        for span in &side.spans {
            put_signed(i64::from(span.offset), bytes);
            put_varint(u64::from(span.length), bytes);
        }
        put_varint(side.counts.len() as u64, bytes);
    }
    put_varint(histogram.custom_bounds.len() as u64, bytes);
    for bound in &histogram.custom_bounds {
        bytes.extend_from_slice(&bound.to_le_bytes());
    }
}

fn take_layout(bytes: &mut &[u8]) -> Option<NativeHistogram> {
    let schema = i8::try_from(take_signed(bytes)?).ok()?;
    let zero_threshold = f64::from_bits(take_word(bytes)?);
    let positive = take_side(bytes)?;
    let negative = take_side(bytes)?;
    let bounds = take_length(bytes)?;
    let custom_bounds = (0..bounds).map(|_| take_word(bytes).map(f64::from_bits));
    Some(NativeHistogram {
        schema,
        zero_threshold,
        positive,
        negative,
        custom_bounds: custom_bounds.collect::<Option<_>>()?,
        ..NativeHistogram::default()
    })
}

fn take_side(bytes: &mut &[u8]) -> Option<HistogramBuckets> {
    let spans = (0..take_length(bytes)?).map(|_| {
        Some(BucketSpan {
            offset: i32::try_from(take_signed(bytes)?).ok()?,
            length: u32::try_from(take_varint(bytes)?).ok()?,
        })
    });
    let spans = spans.collect::<Option<_>>()?;
    let counts = vec![0.0; take_length(bytes)?];
    Some(HistogramBuckets { spans, counts })
}

/// How many follow: never more than there are bytes, since each takes one at least.
fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    (length <= bytes.len()).then_some(length)
}

fn has_layout_of(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    let bits = |bounds: &[f64]| {
        bounds
            .iter()
            .map(|bound| bound.to_bits())
            .collect::<Vec<_>>()
    };
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive.spans == b.positive.spans
        && a.negative.spans == b.negative.spans
        && a.positive.counts.len() == b.positive.counts.len()
        && a.negative.counts.len() == b.negative.counts.len()
        && (a.custom_bounds == b.custom_bounds || bits(&a.custom_bounds) == bits(&b.custom_bounds))
}

/// A histogram of the same layout without an observation.
fn empty(of: &NativeHistogram) -> NativeHistogram {
    let side = |side: &HistogramBuckets| HistogramBuckets {
        spans: Vec::new(),
        counts: vec![0.0; side.counts.len()],
    };
    NativeHistogram {
        positive: side(&of.positive),
        negative: side(&of.negative),
        ..NativeHistogram::default()
    }
}

fn counts(histogram: &NativeHistogram) -> impl Iterator<Item = f64> {
    let sides = histogram.positive.counts.iter();
    [histogram.count, histogram.zero_count]
        .into_iter()
        .chain(sides.chain(&histogram.negative.counts).copied())
}

fn counts_mut(histogram: &mut NativeHistogram) -> impl Iterator<Item = &mut f64> {
    let sides = histogram.positive.counts.iter_mut();
    [&mut histogram.count, &mut histogram.zero_count]
        .into_iter()
        .chain(sides.chain(&mut histogram.negative.counts))
}

/// Whether all counts are whole numbers that floats hold exactly.
fn is_whole(histogram: &NativeHistogram) -> bool {
    counts(histogram).all(|count| {
        let whole = count.abs() < EXACT && count.trunc().to_bits() == count.to_bits();
        whole && count.to_bits() != (-0.0_f64).to_bits()
    })
}

const fn reset_number(reset: CounterReset) -> u8 {
    match reset {
        CounterReset::Unknown => 0,
        CounterReset::Reset => 1,
        CounterReset::NoReset => 2,
        CounterReset::Gauge => 3,
    }
}

const fn reset_of(head: u8) -> CounterReset {
    match head & 0b11 {
        0 => CounterReset::Unknown,
        1 => CounterReset::Reset,
        2 => CounterReset::NoReset,
        _ => CounterReset::Gauge,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(counts: &[f64], sum: f64, reset: u8) -> NativeHistogram {
        let (positive, negative) = counts.split_at(counts.len() / 2);
        let side = |counts: &[f64]| HistogramBuckets {
            spans: vec![BucketSpan {
                offset: -2,
                length: counts.len() as u32,
            }],
            counts: counts.to_vec(),
        };
        NativeHistogram {
            schema: 3,
            reset: reset_of(reset),
            zero_threshold: 1e-128,
            zero_count: 1.0,
            count: counts.iter().sum::<f64>(),
            sum,
            positive: side(positive),
            negative: side(negative),
            custom_bounds: vec![0.5, 1.0],
        }
    }

    fn text(samples: &[HistogramSample]) -> String {
        format!("{samples:?}")
    }

    proptest! {
        #[test]
        fn histograms_come_back(raw in prop::collection::vec((0_i64..100_000, any::<f64>(), 0_u8..4, prop::collection::vec(prop_oneof![(0_u32..1000).prop_map(f64::from), 0.0..1e9_f64], 6)), 1..60)) {
            let mut t = 1_700_000_000_000;
            let samples: Vec<_> = raw.iter().map(|(by, sum, reset, counts)| {
                t += by;
                HistogramSample { t, h: histogram(counts, *sum, *reset) }
            }).collect();
            let mut open = OpenHistograms::default();
            for sample in &samples {
                prop_assert!(open.takes(&sample.h));
                open.push(sample);
            }
            let chunk = open.seal().unwrap();
            let mut back = Vec::new();
            decode_histograms(&chunk.bytes, i64::MIN, i64::MAX, &mut back);
            prop_assert_eq!(text(&back), text(&samples));
        }

        #[test]
        fn damage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            decode_histograms(&bytes, i64::MIN, i64::MAX, &mut Vec::new());
        }
    }

    #[test]
    fn another_layout_needs_another_chunk() {
        let mut open = OpenHistograms::default();
        let one = histogram(&[1.0, 2.0], 3.0, 0);
        open.push(&HistogramSample {
            t: 1,
            h: one.clone(),
        });
        assert!(open.takes(&one));
        assert!(!open.takes(&histogram(&[1.0, 2.0, 3.0], 3.0, 0)));
        assert!(!open.takes(&NativeHistogram { schema: 2, ..one }));
    }

    #[test]
    fn a_scraped_histogram_takes_a_byte_a_bucket() {
        let mut open = OpenHistograms::default();
        for i in 0..120 {
            let counts: Vec<f64> = (0..20).map(|bucket| f64::from(i * bucket)).collect();
            open.push(&HistogramSample {
                t: i64::from(i) * 15_000,
                h: histogram(&counts, f64::from(i), 2),
            });
        }
        let size = open.seal().unwrap().bytes.len();
        assert!(
            size < 120 * 40,
            "{size} bytes for 120 histograms of 20 buckets"
        );
    }
}
