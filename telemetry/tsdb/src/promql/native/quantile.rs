use watchfire_schemas::NativeHistogram;

use super::buckets::{Bucket, all, one_sided};
use crate::promql::notes::Note;

/// The quantile of a histogram: linear within a custom bucket and the zero bucket, exponential
/// within any other, as if each were divided into ever finer ones.
///
/// Observations of NaN count and are in no bucket; they are taken to be above all others.
pub(crate) fn quantile(q: f64, histogram: &NativeHistogram) -> (f64, Option<Note>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if histogram.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    let has_nan = histogram.sum.is_nan();
    let upwards = has_nan || q < 0.5;
    let rank = if upwards { q } else { 1.0 - q } * histogram.count;
    let mut buckets = all(histogram);
    if !upwards {
        buckets.reverse();
    }
    let Some(Found {
        bucket,
        at,
        counted,
    }) = find(&buckets, rank)
    else {
        return (f64::NAN, has_nan.then_some(Note::QuantileOfNan));
    };
    let bucket = match bounded(histogram, bucket) {
        Bounded::Value(value) => return (value, None),
        Bounded::Bucket(bucket) => bucket,
    };
    let counted = counted.min(histogram.count);
    if counted < rank {
        return if has_nan {
            (f64::NAN, Some(Note::QuantileOfNan))
        } else {
            (bucket.upper, None)
        };
    }
    let inside = if upwards {
        rank - (counted - bucket.count)
    } else {
        counted - rank
    };
    let rest: f64 = buckets[at + 1..].iter().map(|bucket| bucket.count).sum();
    let skewed = has_nan && counted + rest < histogram.count;
    let value = within(histogram, bucket, inside / bucket.count);
    (value, skewed.then_some(Note::QuantileSkewedByNan))
}

struct Found {
    bucket: Bucket,
    at: usize,
    /// Observations up to the bucket's far end.
    counted: f64,
}

/// The first bucket by which so many observations are counted, or the last that has any.
fn find(buckets: &[Bucket], rank: f64) -> Option<Found> {
    let mut found: Option<Found> = None;
    for (at, &bucket) in buckets.iter().enumerate() {
        if bucket.count == 0.0 {
            continue;
        }
        let counted = bucket.count + found.map_or(0.0, |found| found.counted);
        found = Some(Found {
            bucket,
            at,
            counted,
        });
        if counted >= rank {
            break;
        }
    }
    found
}

enum Bounded {
    Bucket(Bucket),
    /// Nothing can be interpolated.
    Value(f64),
}

/// Bounds that values can be interpolated between.
fn bounded(histogram: &NativeHistogram, mut bucket: Bucket) -> Bounded {
    if !histogram.has_custom_bounds() {
        return Bounded::Bucket(if bucket.lower < 0.0 && bucket.upper > 0.0 {
            one_sided(histogram, bucket)
        } else {
            bucket
        });
    }
    if bucket.lower == f64::NEG_INFINITY {
        if bucket.upper <= 0.0 {
            return Bounded::Value(bucket.upper);
        }
        bucket.lower = 0.0;
    } else if bucket.upper == f64::INFINITY {
        return Bounded::Value(bucket.lower);
    }
    Bounded::Bucket(bucket)
}

fn within(histogram: &NativeHistogram, bucket: Bucket, fraction: f64) -> f64 {
    let Bucket { lower, upper, .. } = bucket;
    if histogram.has_custom_bounds() || (lower <= 0.0 && upper >= 0.0) {
        return lower + (upper - lower) * fraction;
    }
    let (low, high) = (lower.abs().log2(), upper.abs().log2());
    if lower > 0.0 {
        (low + (high - low) * fraction).exp2()
    } else {
        -(high + (low - high) * (1.0 - fraction)).exp2()
    }
}
