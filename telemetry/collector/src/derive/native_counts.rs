use watchfire_schemas::{BucketSpan, HistogramBuckets, NativeHistogram};

/// How finely durations are told apart: a bucket is at most 2^(1/8) = 1.09 times as wide as long, as
/// with Prometheus' usual growth factor of 1.1. The store halves it where a series would have more
/// than 160 buckets.
const SCHEMA: i8 = 3;

/// Up to here a duration is nothing: what Prometheus' clients take by default, 2^-128.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// Durations by exponential buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct NativeCounts {
    zero: u32,
    /// By index, ascending.
    buckets: Vec<(i32, u32)>,
}

impl NativeCounts {
    pub(super) fn add(&mut self, seconds: f64) {
        if seconds <= ZERO_THRESHOLD {
            self.zero += 1;
            return;
        }
        let index = index_of(seconds);
        match self.buckets.binary_search_by_key(&index, |(at, _)| *at) {
            Ok(at) => self.buckets[at].1 += 1,
            Err(at) => self.buckets.insert(at, (index, 1)),
        }
    }

    /// As a native histogram of which all observations are `count` and `sum`.
    pub(super) fn histogram(&self, count: f64, sum: f64) -> NativeHistogram {
        let mut positive = HistogramBuckets::default();
        let mut next = 0;
        for &(index, count) in &self.buckets {
            match positive.spans.last_mut() {
                Some(span) if index == next => span.length += 1,
                _ => positive.spans.push(BucketSpan {
                    offset: index - next,
                    length: 1,
                }),
            }
            positive.counts.push(f64::from(count));
            next = index + 1;
        }
        NativeHistogram {
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: f64::from(self.zero),
            count,
            sum,
            positive,
            ..NativeHistogram::default()
        }
    }
}

/// The bucket that holds a duration: its upper bound is the first power of 2^(1/8) that is not less.
fn index_of(seconds: f64) -> i32 {
    (seconds.log2() * f64::from(1 << SCHEMA)).ceil() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_lies_between_its_bounds() {
        let bound = |index: i32| (f64::from(index) / 8.0).exp2();
        for nanos in [
            1_u64,
            999,
            1_000_000,
            5_000_001,
            123_456_789,
            99_000_000_000,
        ] {
            let seconds = nanos as f64 / 1e9;
            let index = index_of(seconds);
            assert!(
                bound(index - 1) < seconds && seconds <= bound(index),
                "{nanos}"
            );
        }
        assert_eq!((index_of(1.0), index_of(0.5), index_of(2.0)), (0, -8, 8));
    }

    #[test]
    fn what_was_counted_is_whole() {
        let mut counts = NativeCounts::default();
        for seconds in [0.0, 1.0, 1.0, 1.05, 4.0] {
            counts.add(seconds);
        }
        let histogram = counts.histogram(5.0, 7.05);
        assert_eq!(histogram.check(), Ok(()));
        assert!((histogram.zero_count - 1.0).abs() < 1e-9);
        let buckets: Vec<_> = histogram.positive.iter().collect();
        assert_eq!(buckets, [(0, 2.0), (1, 1.0), (16, 1.0)]);
    }
}
