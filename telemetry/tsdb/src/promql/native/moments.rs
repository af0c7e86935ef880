use watchfire_schemas::NativeHistogram;

use super::buckets::all;
use crate::promql::float_sum::FloatSum;

/// The mean of the observations.
pub(crate) fn average(histogram: &NativeHistogram) -> f64 {
    histogram.sum / histogram.count
}

/// The variance, as if all observations of a bucket were at its middle: the geometric one, of custom
/// bounds the arithmetic one, of the zero bucket zero.
pub(crate) fn variance(histogram: &NativeHistogram) -> f64 {
    let mean = average(histogram);
    let mut squares = FloatSum::default();
    for bucket in all(histogram).into_iter().filter(|b| b.count != 0.0) {
        let middle = if histogram.has_custom_bounds() {
            f64::midpoint(bucket.upper, bucket.lower)
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
        };
        let distance = middle - mean;
        squares.add(bucket.count * distance * distance);
    }
    squares.total() / histogram.count
}
