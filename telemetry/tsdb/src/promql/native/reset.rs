use watchfire_schemas::{CounterReset, HistogramBuckets, NativeHistogram};

use super::arithmetic::same_bounds;
use super::layout::{Side, exponential_bound, side};
use super::zero::widened;

/// Whether a counter began anew between two histograms of a series: something is less than before,
/// or the buckets changed in a way that only a restart explains.
pub(crate) fn is_reset(now: &NativeHistogram, before: &NativeHistogram) -> bool {
    match now.reset {
        CounterReset::Reset => return true,
        CounterReset::NoReset => return false,
        CounterReset::Unknown | CounterReset::Gauge => {}
    }
    if now.count < before.count || now.has_custom_bounds() != before.has_custom_bounds() {
        return true;
    }
    if now.has_custom_bounds() {
        return !same_bounds(now, before) || has_less(now, before, |h| &h.positive);
    }
    if now.schema > before.schema || now.zero_threshold < before.zero_threshold {
        return true;
    }
    let (zero_count, threshold) = widened(before, now.zero_threshold);
    threshold > now.zero_threshold
        || now.zero_count < zero_count
        || has_less(now, before, |h| &h.positive)
        || has_less(now, before, |h| &h.negative)
}

/// Whether a bucket beyond the zero bucket has less than before.
fn has_less(
    now: &NativeHistogram,
    before: &NativeHistogram,
    of: fn(&NativeHistogram) -> &HistogramBuckets,
) -> bool {
    let schema = now.schema;
    let visible = |index: i32| {
        now.has_custom_bounds() || exponential_bound(index, schema) > now.zero_threshold
    };
    let current: Side = side(of(now).iter(), now.schema, schema);
    let mut current = current.into_iter().peekable();
    let earlier = side(of(before).iter(), before.schema, schema).into_iter();
    for (index, count) in earlier.filter(|(index, _)| visible(*index)) {
        while current.next_if(|(other, _)| *other < index).is_some() {}
        let same = current.peek().filter(|(other, _)| *other == index);
        if same.map_or(0.0, |(_, count)| *count) < count {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::BucketSpan;

    use super::*;

    fn histogram(offset: i32, counts: &[f64]) -> NativeHistogram {
        NativeHistogram {
            count: counts.iter().sum(),
            positive: HistogramBuckets {
                spans: vec![BucketSpan {
                    offset,
                    length: counts.len() as u32,
                }],
                counts: counts.to_vec(),
            },
            ..NativeHistogram::default()
        }
    }

    #[test]
    fn less_in_a_bucket_is_a_reset() {
        let before = histogram(0, &[1.0, 2.0]);
        assert!(!is_reset(&histogram(0, &[1.0, 2.0, 4.0]), &before));
        assert!(!is_reset(&histogram(-1, &[3.0, 1.0, 2.0]), &before));
        assert!(is_reset(&histogram(0, &[0.0, 9.0]), &before));
        assert!(is_reset(&histogram(1, &[9.0]), &before));
        assert!(is_reset(&histogram(0, &[1.0, 1.0]), &before));
    }

    #[test]
    fn a_hint_saves_looking() {
        let before = histogram(0, &[1.0, 2.0]);
        let mut now = histogram(0, &[0.0, 1.0]);
        now.reset = CounterReset::NoReset;
        assert!(!is_reset(&now, &before));
        now = before.clone();
        now.reset = CounterReset::Reset;
        assert!(is_reset(&now, &before));
    }

    #[test]
    fn coarser_buckets_and_a_wider_zero_bucket_are_none() {
        let before = histogram(0, &[1.0, 2.0]);
        let mut now = histogram(0, &[1.0, 3.0]);
        now.schema = -1;
        assert!(!is_reset(&now, &before));
        assert!(is_reset(&before, &now), "a finer one is");
        let mut now = histogram(1, &[2.0]);
        (now.zero_threshold, now.zero_count, now.count) = (1.0, 1.0, 3.0);
        assert!(!is_reset(&now, &before));
        now.zero_threshold = 0.75;
        assert!(is_reset(&now, &before), "it ends within a bucket");
    }
}
