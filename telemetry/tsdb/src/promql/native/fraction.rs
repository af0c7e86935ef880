use watchfire_schemas::NativeHistogram;

use super::buckets::{Bucket, all, one_sided};
use crate::promql::notes::Note;

/// Which part of all observations lies between two values, interpolated as in a quantile.
pub(crate) fn fraction(lower: f64, upper: f64, histogram: &NativeHistogram) -> (f64, Option<Note>) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let buckets = all(histogram);
    let (mut count, mut note) = (histogram.count, None);
    if histogram.sum.is_nan() {
        // Some may be NaN, which is in no bucket.
        count = buckets.iter().map(|bucket| bucket.count).sum();
        note = (count < histogram.count).then_some(Note::FractionWithoutNan);
    }
    let rank = |value: f64| rank(histogram, &buckets, value).map_or(count, |rank| rank.min(count));
    ((rank(upper) - rank(lower)) / histogram.count, note)
}

/// How many observations are below a value; none if it is above all buckets.
fn rank(histogram: &NativeHistogram, buckets: &[Bucket], value: f64) -> Option<f64> {
    let mut below = 0.0;
    for &bucket in buckets {
        let is_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        let bucket = if is_zero {
            one_sided(histogram, bucket)
        } else {
            bucket
        };
        if bucket.lower >= value {
            return Some(below);
        }
        if bucket.upper > value {
            let linear = is_zero || histogram.has_custom_bounds();
            return Some(below + bucket.count * part(bucket, value, linear));
        }
        below += bucket.count;
    }
    None
}

/// Which part of a bucket lies below a value within it.
fn part(Bucket { lower, upper, .. }: Bucket, value: f64, linear: bool) -> f64 {
    if linear {
        return (value - lower) / (upper - lower);
    }
    let [low, high, at] = [lower, upper, value].map(|bound| bound.abs().log2());
    if value > 0.0 {
        (at - low) / (high - low)
    } else {
        1.0 - (at - high) / (low - high)
    }
}
