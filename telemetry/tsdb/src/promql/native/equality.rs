use watchfire_schemas::{HistogramBuckets, NativeHistogram};

use super::arithmetic::same_bounds;

/// Whether two histograms are the same bit by bit, whatever is known of resets. Spans without
/// buckets between do not count.
pub(crate) fn equal(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    a.schema == b.schema
        && a.zero_threshold.total_cmp(&b.zero_threshold).is_eq()
        && [a.zero_count, a.count, a.sum].map(f64::to_bits)
            == [b.zero_count, b.count, b.sum].map(f64::to_bits)
        && (!a.has_custom_bounds() || same_bounds(a, b))
        && same_buckets(&a.positive, &b.positive)
        && same_buckets(&a.negative, &b.negative)
}

fn same_buckets(a: &HistogramBuckets, b: &HistogramBuckets) -> bool {
    a.counts.len() == b.counts.len()
        && a.iter()
            .zip(b.iter())
            .all(|(a, b)| a.0 == b.0 && a.1.to_bits() == b.1.to_bits())
}
