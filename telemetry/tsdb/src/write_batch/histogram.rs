use watchfire_schemas::{
    BucketSpan, CounterReset, HistogramBuckets, HistogramSample, NativeHistogram,
};

use super::WriteError;
use super::wire::{Wire, zigzag};

/// A count that the wire has as an integer or as a float.
#[derive(Debug, Clone, Copy)]
enum Count {
    Whole(u64),
    Float(f64),
}

/// Buckets of one side of zero as the wire has them.
#[derive(Debug, Default)]
struct Side {
    spans: Vec<BucketSpan>,
    /// Each as the difference to the one before.
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// Reads a native histogram, which both versions write alike; nothing if its parts contradict each
/// other.
pub(super) fn read(mut wire: Wire<'_>) -> Result<Option<HistogramSample>, WriteError> {
    let (mut count, mut zero_count) = (Count::Whole(0), Count::Whole(0));
    let (mut positive, mut negative) = (Side::default(), Side::default());
    let (mut t, mut schema, mut h) = (0, 0_i64, NativeHistogram::default());
    while let Some((number, value)) = wire.field()? {
        match number {
            1 => count = Count::Whole(value.number(&wire)?),
            2 => count = Count::Float(value.double(&wire)?),
            3 => h.sum = value.double(&wire)?,
            4 => schema = i64::from(signed(value.number(&wire)?)),
            5 => h.zero_threshold = value.double(&wire)?,
            6 => zero_count = Count::Whole(value.number(&wire)?),
            7 => zero_count = Count::Float(value.double(&wire)?),
            8 => negative.spans.push(span(value.message(&wire)?)?),
            9 => value.numbers(&wire, |n| negative.deltas.push(zigzag(n)))?,
            10 => value.doubles(&wire, |n| negative.counts.push(n))?,
            11 => positive.spans.push(span(value.message(&wire)?)?),
            12 => value.numbers(&wire, |n| positive.deltas.push(zigzag(n)))?,
            13 => value.doubles(&wire, |n| positive.counts.push(n))?,
            14 => h.reset = reset(value.number(&wire)?),
            15 => t = value.number(&wire)? as i64,
            16 => value.doubles(&wire, |n| h.custom_bounds.push(n))?,
            _ => {}
        }
    }
    Ok((|| {
        h.schema = i8::try_from(schema).ok()?;
        let whole = matches!(count, Count::Whole(_));
        h.positive = positive.buckets(whole)?;
        h.negative = negative.buckets(whole)?;
        (h.count, h.zero_count) = (count.float(), zero_count.float());
        let adds_up = !whole || adds_up(&h);
        (adds_up && h.check().is_ok()).then_some(HistogramSample { t, h })
    })())
}

/// Whether whole counts of buckets are the whole count. Without a bucket are only observations
/// that are no number, and then the sum is none.
fn adds_up(h: &NativeHistogram) -> bool {
    let counts = h.positive.counts.iter().chain(&h.negative.counts);
    let sum = h.zero_count + counts.sum::<f64>();
    if h.sum.is_nan() {
        sum <= h.count
    } else {
        (sum - h.count).abs() <= f64::EPSILON * sum
    }
}

impl Count {
    fn float(self) -> f64 {
        match self {
            Self::Whole(count) => count as f64,
            Self::Float(count) => count,
        }
    }
}

impl Side {
    /// The counts of a whole histogram come as differences, of a float one as they are.
    fn buckets(self, whole: bool) -> Option<HistogramBuckets> {
        let counts = if whole {
            if !self.counts.is_empty() {
                return None;
            }
            let mut sum = 0_i64;
            let counts = self.deltas.into_iter().map(|delta| {
                sum = sum.checked_add(delta).filter(|sum| *sum >= 0)?;
                Some(sum as f64)
            });
            counts.collect::<Option<_>>()?
        } else {
            if !self.deltas.is_empty() {
                return None;
            }
            self.counts
        };
        Some(HistogramBuckets {
            spans: self.spans,
            counts,
        })
    }
}

fn span(mut wire: Wire<'_>) -> Result<BucketSpan, WriteError> {
    let mut span = BucketSpan::default();
    while let Some((number, value)) = wire.field()? {
        match number {
            1 => span.offset = signed(value.number(&wire)?),
            2 => span.length = value.number(&wire)? as u32,
            _ => {}
        }
    }
    Ok(span)
}

/// A `sint32`.
fn signed(number: u64) -> i32 {
    zigzag(u64::from(number as u32)) as i32
}

fn reset(number: u64) -> CounterReset {
    match number as i32 {
        1 => CounterReset::Reset,
        2 => CounterReset::NoReset,
        3 => CounterReset::Gauge,
        _ => CounterReset::Unknown,
    }
}
