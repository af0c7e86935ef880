use serde::{Deserialize, Serialize};

/// A histogram with buckets of exponential or custom bounds, as one value: what Prometheus calls a
/// native histogram and OpenTelemetry an exponential one.
///
/// Counts are floats, absolute (not differences between buckets) and of each bucket alone (not of
/// it and all below).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NativeHistogram {
    /// -4 to 8: each power of two is divided into `2^schema` buckets. [`Self::CUSTOM_BOUNDS`]: the
    /// bounds are in `custom_bounds`.
    pub schema: i8,
    /// What is known of a reset between the sample before and this one.
    pub reset: CounterReset,
    /// Observations of this distance from zero or less are in the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations, those without a bucket (NaN) too.
    pub count: f64,
    /// The sum of all observations.
    pub sum: f64,
    /// Buckets above zero; of custom bounds all.
    pub positive: HistogramBuckets,
    /// Buckets below zero, the nearest to zero first.
    pub negative: HistogramBuckets,
    /// The upper bounds of buckets, ascending, without the last, which is +Inf.
    pub custom_bounds: Vec<f64>,
}

/// The buckets of one side of zero that are kept: spans of consecutive ones.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HistogramBuckets {
    /// Which buckets there are.
    pub spans: Vec<BucketSpan>,
    /// The count of each, over all spans.
    pub counts: Vec<f64>,
}

/// Consecutive buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BucketSpan {
    /// The gap to the end of the span before; of the first span the index of its first bucket.
    pub offset: i32,
    /// How many buckets.
    pub length: u32,
}

/// What is known of a reset between two histograms of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum CounterReset {
    /// It has to be found out by comparing.
    #[default]
    Unknown,
    /// There was one.
    Reset,
    /// There was none.
    NoReset,
    /// It goes up and down: there are no resets.
    Gauge,
}

/// A histogram at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistogramSample {
    /// Milliseconds since the epoch.
    pub t: i64,
    /// What was observed until then.
    pub h: NativeHistogram,
}

impl NativeHistogram {
    /// The schema of histograms whose bounds are given one by one.
    pub const CUSTOM_BOUNDS: i8 = -53;

    /// Whether the bounds are given one by one.
    pub const fn has_custom_bounds(&self) -> bool {
        self.schema == Self::CUSTOM_BOUNDS
    }
}

impl HistogramBuckets {
    /// Each bucket's index and count, in the order of the indices.
    pub fn iter(&self) -> impl Iterator<Item = (i32, f64)> {
        let mut next = 0_i32;
        let indices = self.spans.iter().flat_map(move |span| {
            let first = next.saturating_add(span.offset);
            next = first.saturating_add_unsigned(span.length);
            first..next
        });
        indices.zip(self.counts.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_counted_over_their_spans() {
        let span = |offset, length| BucketSpan { offset, length };
        let buckets = HistogramBuckets {
            spans: vec![span(-2, 2), span(0, 0), span(3, 1)],
            counts: vec![1.0, 2.0, 5.0],
        };
        assert_eq!(
            buckets.iter().collect::<Vec<_>>(),
            [(-2, 1.0), (-1, 2.0), (3, 5.0)]
        );
    }
}
