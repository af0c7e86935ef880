use watchfire_schemas::NativeHistogram;

use super::layout::bounds;

/// A bucket with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) count: f64,
}

/// All buckets from the lowest to the highest; the zero bucket if anything is in it. Where a bucket
/// overlaps with the zero bucket, it ends there.
pub(crate) fn all(histogram: &NativeHistogram) -> Vec<Bucket> {
    let zero = histogram.zero_threshold;
    let mut buckets: Vec<Bucket> = histogram
        .negative
        .iter()
        .map(|(index, count)| {
            let (near, far) = bounds(histogram, index);
            Bucket {
                lower: -far,
                upper: if near < zero { -zero } else { -near },
                count,
            }
        })
        .collect();
    buckets.reverse();
    if histogram.zero_count > 0.0 {
        buckets.push(Bucket {
            lower: -zero,
            upper: zero,
            count: histogram.zero_count,
        });
    }
    buckets.extend(histogram.positive.iter().map(|(index, count)| {
        let (lower, upper) = bounds(histogram, index);
        let cut = lower > 0.0 && lower < zero;
        Bucket {
            lower: if cut { zero } else { lower },
            upper,
            count,
        }
    }));
    buckets
}

/// Takes the zero bucket of a histogram that has only one side as being of that side.
pub(crate) fn one_sided(histogram: &NativeHistogram, mut bucket: Bucket) -> Bucket {
    let (negative, positive) = (&histogram.negative.counts, &histogram.positive.counts);
    if negative.is_empty() && !positive.is_empty() {
        bucket.lower = 0.0;
    } else if positive.is_empty() && !negative.is_empty() {
        bucket.upper = 0.0;
    }
    bucket
}
