use watchfire_schemas::{HistogramSample, NativeHistogram};

use super::head_series::{BIRTH_MS, CARRY_MS, HeadHistograms, HeadSeries};
use super::refusal::Refusal;
use crate::promql::{add_histogram, reduce_histogram};

/// So many buckets a sum has at most, as OpenTelemetry's SDKs keep it: beyond, the resolution is
/// halved.
const MOST_BUCKETS: usize = 160;

impl HeadSeries {
    /// Adds a histogram to the last one of a delta series, the first to a zero just before it. What
    /// is late counts at the time of the last. Gives how many bytes the series grew by.
    pub(super) fn add_histogram(&mut self, by: &HistogramSample) -> Result<usize, Refusal> {
        if !by.h.sum.is_finite() || !by.h.count.is_finite() {
            return Err(Refusal::NoIncrement);
        }
        let newest = self.newest_t();
        let own = self.histograms.as_deref();
        let last = own.and_then(|own| own.last.as_ref());
        let mut sum = last.map_or_else(|| nothing_of(&by.h), |last| last.h.clone());
        add_histogram(&mut sum, &by.h).map_err(|_| Refusal::NoIncrement)?;
        bound_buckets(&mut sum);
        self.saved.note_change();
        let own = self.histograms.get_or_insert_default();
        if let Some(held) = own.held_mut()
            && newest == Some(held.t)
            && by.t <= held.t
        {
            held.h = sum;
            return Ok(0);
        }
        let t = newest.map_or(by.t, |newest| by.t.max(newest.saturating_add(1)));
        let mut grown = own.settle();
        if newest.is_none_or(|newest| t - newest > CARRY_MS) {
            let before = own.last.as_ref();
            let h = before.map_or_else(|| nothing_of(&by.h), |last| last.h.clone());
            let t = t.saturating_sub(BIRTH_MS);
            grown += own.extend(&HistogramSample { t, h });
        }
        own.hold(HistogramSample { t, h: sum });
        Ok(grown)
    }

    /// Takes a histogram of a delta series as it stood in the head.
    pub(super) fn restore_sum(&mut self, sample: &HistogramSample) {
        let own = self.histograms.get_or_insert_default();
        if own.held_mut().is_none_or(|held| held.t != sample.t) {
            own.settle();
        }
        own.hold(sample.clone());
    }
}

impl HeadHistograms {
    /// The last one, if it may still be added to.
    fn held_mut(&mut self) -> Option<&mut HistogramSample> {
        self.last.as_mut().filter(|_| self.is_held)
    }

    /// Keeps one aside that may still be added to: an increment of the same second changes it.
    fn hold(&mut self, sample: HistogramSample) {
        self.last = Some(sample);
        self.is_held = true;
    }

    /// The last one, if it lies in no chunk yet.
    pub(super) fn held(&self) -> Option<&HistogramSample> {
        self.last.as_ref().filter(|_| self.is_held)
    }

    /// Puts what is held into a chunk. Gives how many bytes that grew by.
    pub(super) fn settle(&mut self) -> usize {
        if !std::mem::take(&mut self.is_held) {
            return 0;
        }
        let Some(last) = self.last.take() else {
            return 0;
        };
        self.extend(&last)
    }
}

/// Halves the resolution until the buckets are few enough.
fn bound_buckets(sum: &mut NativeHistogram) {
    let buckets = |of: &NativeHistogram| of.positive.counts.len() + of.negative.counts.len();
    while buckets(sum) > MOST_BUCKETS
        && !sum.has_custom_bounds()
        && sum.schema > *NativeHistogram::SCHEMAS.start()
    {
        let schema = sum.schema - 1;
        reduce_histogram(sum, schema);
    }
}

/// The same histogram before anything was observed.
fn nothing_of(of: &NativeHistogram) -> NativeHistogram {
    NativeHistogram {
        schema: of.schema,
        zero_threshold: of.zero_threshold,
        custom_bounds: of.custom_bounds.clone(),
        ..NativeHistogram::default()
    }
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::{BucketSpan, HistogramBuckets, MetricKind, Temporality};

    use super::super::points::Points;
    use super::*;

    fn histogram(t: i64, first: i32, buckets: u32) -> HistogramSample {
        let positive = HistogramBuckets {
            spans: vec![BucketSpan {
                offset: first,
                length: buckets,
            }],
            counts: vec![1.0; buckets as usize],
        };
        let h = NativeHistogram {
            schema: 3,
            count: f64::from(buckets),
            sum: f64::from(buckets),
            positive,
            ..NativeHistogram::default()
        };
        HistogramSample { t, h }
    }

    fn series() -> HeadSeries {
        HeadSeries::new(Box::default(), MetricKind::Histogram, Temporality::Delta)
    }

    /// Time and count of each histogram.
    fn stored(series: &HeadSeries) -> Vec<(i64, f64)> {
        let mut parts = Vec::new();
        series.parts(i64::MIN, i64::MAX, &mut parts);
        let slice = super::super::slice::Slice {
            labels: std::sync::Arc::default(),
            carried: false,
            parts,
        };
        let mut points = Points::default();
        slice
            .decode_into(i64::MIN, i64::MAX, 0, &mut points)
            .unwrap();
        let histograms = points.histograms.iter();
        histograms.map(|one| (one.t, one.h.count)).collect()
    }

    #[test]
    fn increments_of_one_second_are_one_sample() {
        let mut series = series();
        for t in [5_000, 5_000, 4_000, 6_000, 6_000] {
            series.add_histogram(&histogram(t, 1, 2)).unwrap();
        }
        assert_eq!(stored(&series), [(4_000, 0.0), (5_000, 6.0), (6_000, 10.0)]);
    }

    #[test]
    fn beyond_the_bound_the_resolution_is_halved() {
        let mut series = series();
        for first in [0, 100, 200, 300] {
            series
                .add_histogram(&histogram(1_000 + i64::from(first), first, 100))
                .unwrap();
        }
        let last = series.histograms.unwrap().last.unwrap();
        assert_eq!((last.h.schema, last.h.count.round()), (1, 400.0));
        assert!(last.h.positive.counts.len() <= MOST_BUCKETS);
    }
}
