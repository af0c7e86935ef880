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

    /// The coarsest and the finest exponential schema.
    pub const SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;

    /// Whether the bounds are given one by one.
    pub const fn has_custom_bounds(&self) -> bool {
        self.schema == Self::CUSTOM_BOUNDS
    }

    /// Whether its parts fit together: what comes from outside has to be asked.
    pub fn check(&self) -> Result<(), HistogramFault> {
        let is_count = |count: f64| count >= 0.0;
        if !is_count(self.count) || !is_count(self.zero_count) {
            return Err(HistogramFault::Count);
        }
        if !is_count(self.zero_threshold) {
            return Err(HistogramFault::ZeroThreshold);
        }
        for side in [&self.positive, &self.negative] {
            side.check()?;
        }
        if self.has_custom_bounds() {
            return self.check_custom();
        }
        if !Self::SCHEMAS.contains(&self.schema) {
            return Err(HistogramFault::Schema);
        }
        let bounds = self.custom_bounds.is_empty();
        bounds.then_some(()).ok_or(HistogramFault::CustomBounds)
    }

    fn check_custom(&self) -> Result<(), HistogramFault> {
        let ascending = self.custom_bounds.is_sorted_by(|a, b| a < b);
        let finite = self.custom_bounds.iter().all(|bound| bound.is_finite());
        if !ascending || !finite {
            return Err(HistogramFault::CustomBounds);
        }
        let has_zero = self.zero_count != 0.0 || self.zero_threshold != 0.0;
        if has_zero || !self.negative.spans.is_empty() || !self.negative.counts.is_empty() {
            return Err(HistogramFault::CustomBounds);
        }
        let spans = self.positive.spans.iter();
        let end: i64 = spans
            .map(|span| i64::from(span.offset) + i64::from(span.length))
            .sum();
        let starts_within = self.positive.spans.first().is_none_or(|s| s.offset >= 0);
        let within = starts_within && end <= self.custom_bounds.len() as i64 + 1;
        within.then_some(()).ok_or(HistogramFault::Spans)
    }
}

/// Parts of a histogram that do not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HistogramFault {
    /// A schema that there is not.
    #[error("its schema is none of -4 to 8 and custom bounds")]
    Schema,
    /// A count that is negative or no number.
    #[error("a count is negative or no number")]
    Count,
    /// A threshold that is negative or no number.
    #[error("its zero threshold is negative or no number")]
    ZeroThreshold,
    /// Spans overlap, reach further than may be, or hold another number of buckets than there is.
    #[error("its spans do not fit its buckets")]
    Spans,
    /// Bounds that do not ascend, or beside buckets that have no bounds of their own.
    #[error("its custom bounds do not ascend, or do not fit the rest")]
    CustomBounds,
}

impl HistogramBuckets {
    fn check(&self) -> Result<(), HistogramFault> {
        let mut end = 0_i64;
        let mut length = 0_u64;
        for (at, span) in self.spans.iter().enumerate() {
            let start = end + i64::from(span.offset);
            end = start + i64::from(span.length);
            length += u64::from(span.length);
            let in_range = i32::try_from(start).is_ok() && i32::try_from(end).is_ok();
            if !in_range || (at > 0 && span.offset < 0) {
                return Err(HistogramFault::Spans);
            }
        }
        if length != self.counts.len() as u64 {
            return Err(HistogramFault::Spans);
        }
        let counts = self.counts.iter().all(|count| *count >= 0.0);
        counts.then_some(()).ok_or(HistogramFault::Count)
    }

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
