//! Zero buckets of different widths are made alike before histograms are added.

use watchfire_schemas::{HistogramBuckets, NativeHistogram};

use super::layout::{bounds, packed};

/// What the zero bucket would hold if it reached up to `threshold` at least: its count, and how far
/// it has to reach so as not to end within a bucket that holds something.
pub(crate) fn widened(histogram: &NativeHistogram, mut threshold: f64) -> (f64, f64) {
    if threshold <= histogram.zero_threshold {
        return (histogram.zero_count, histogram.zero_threshold);
    }
    loop {
        let (below, reach) = swallowed(histogram, &histogram.positive, threshold);
        let (above, further) = swallowed(histogram, &histogram.negative, reach);
        if further <= reach {
            return (histogram.zero_count + below + above, reach);
        }
        threshold = further;
    }
}

/// What the buckets of a side below a threshold hold, and where the last of them ends.
fn swallowed(histogram: &NativeHistogram, side: &HistogramBuckets, threshold: f64) -> (f64, f64) {
    let (mut count, mut reach) = (0.0, threshold);
    for (index, inside) in side.iter() {
        let (lower, upper) = bounds(histogram, index);
        if lower >= threshold {
            break;
        }
        count += inside;
        if upper > threshold {
            if inside != 0.0 {
                reach = upper;
            }
            break;
        }
    }
    (count, reach)
}

/// Widens the zero bucket of `into` so that it takes in that of `other`, which is not changed;
/// gives what `other` would then have in its own.
pub(crate) fn reconcile(into: &mut NativeHistogram, other: &NativeHistogram) -> f64 {
    let (mut count, mut threshold) = (other.zero_count, other.zero_threshold);
    loop {
        if into.zero_threshold > threshold {
            (count, threshold) = widened(other, into.zero_threshold);
        }
        if threshold <= into.zero_threshold {
            return count;
        }
        (into.zero_count, into.zero_threshold) = widened(into, threshold);
        for side in [true, false] {
            let buckets = if side { &into.positive } else { &into.negative };
            let kept = buckets
                .iter()
                .filter(|(index, _)| bounds(into, *index).0 >= into.zero_threshold);
            let kept = packed(kept);
            *(if side {
                &mut into.positive
            } else {
                &mut into.negative
            }) = kept;
        }
    }
}
