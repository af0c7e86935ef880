//! Quantiles of classic histograms, whose buckets are series with a label `le`.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_schemas::LabelSet;

use super::value::{Metric, Series, empty_column};
use crate::number::parse_number;
use crate::staleness::{STALE, is_stale};

const BUCKET_LABEL: &str = "le";

/// By how much, relatively, a bucket may lack what a smaller one has before it counts as wrong
/// rather than as rounded.
const TOLERANCE: f64 = 1e-12;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    upper: f64,
    count: f64,
}

/// `histogram_quantile`: one series for each set of buckets.
pub(crate) fn quantiles(q: &[f64], series: &[Series]) -> Vec<Series> {
    let mut places: FxHashMap<LabelSet, usize> = FxHashMap::default();
    let mut histograms: Vec<(LabelSet, Vec<(f64, &Series)>)> = Vec::new();
    for one in series {
        let Some(upper) = one.metric.get(BUCKET_LABEL).and_then(parse_number) else {
            continue;
        };
        let kept = one.metric.iter();
        let kept = kept.filter(|(name, _)| *name != BUCKET_LABEL && *name != LabelSet::NAME);
        let labels = LabelSet::new(kept);
        let place = *places.entry(labels.clone()).or_insert_with(|| {
            histograms.push((labels, Vec::new()));
            histograms.len() - 1
        });
        histograms[place].1.push((upper, one));
    }
    let results = histograms.into_iter().map(|(labels, mut buckets)| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series {
            metric: Metric::new(Arc::new(labels)),
            values: column(q, &buckets),
        }
    });
    results.filter(|one| !one.is_empty()).collect()
}

fn column(q: &[f64], buckets: &[(f64, &Series)]) -> Vec<f64> {
    let mut values = empty_column(q.len());
    let mut present: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for (step, value) in values.iter_mut().enumerate() {
        present.clear();
        for &(upper, series) in buckets {
            let count = series.values[step];
            if !is_stale(count) {
                present.push(Bucket { upper, count });
            }
        }
        *value = if present.is_empty() {
            STALE
        } else {
            quantile(q[step], &mut present)
        };
    }
    values
}

/// The quantile of one histogram, linear within a bucket; the buckets are sorted by their bound.
fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if buckets.last().is_none_or(|last| last.upper < f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    make_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations.is_nan() || observations == 0.0 {
        return f64::NAN;
    }
    let rank = q * observations;
    let at = buckets[..last].partition_point(|bucket| bucket.count < rank);
    if at == last {
        return buckets[last - 1].upper;
    }
    let Bucket { upper, count } = buckets[at];
    if at == 0 {
        return if upper <= 0.0 {
            upper
        } else {
            upper * (rank / count)
        };
    }
    let below = buckets[at - 1];
    below.upper + (upper - below.upper) * ((rank - below.count) / (count - below.count))
}

/// Buckets of the same bound, written differently (`1` and `1.0`), are one.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        let same = next.upper.total_cmp(&kept.upper).is_eq();
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Counts never fall from a bucket to the next; scraped at different moments they may seem to.
fn make_monotonic(buckets: &mut [Bucket]) {
    let Some(first) = buckets.first() else { return };
    let mut before = first.count;
    for bucket in &mut buckets[1..] {
        if bucket.count < before || nearly_equal(before, bucket.count) {
            bucket.count = before;
        } else {
            before = bucket.count;
        }
    }
}

fn nearly_equal(a: f64, b: f64) -> bool {
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    difference == 0.0 || difference / sum.min(f64::MAX) < TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(q: f64, buckets: &[(f64, f64)], expected: f64) {
        let mut buckets: Vec<_> = buckets
            .iter()
            .map(|&(upper, count)| Bucket { upper, count })
            .collect();
        let found = quantile(q, &mut buckets);
        assert!((found - expected).abs() < 1e-12, "{q}: {found}");
    }

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let buckets = [(0.1, 10.0), (0.5, 30.0), (1.0, 40.0), (f64::INFINITY, 40.0)];
        check(0.5, &buckets, 0.3);
        check(0.1, &buckets, 0.04);
        check(1.0, &buckets, 1.0);
        check(0.9, &[(0.1, 1.0), (f64::INFINITY, 10.0)], 0.1);
        check(0.2, &[(-1.0, 4.0), (f64::INFINITY, 8.0)], -1.0);
        check(0.5, &[(1.0, 10.0), (2.0, 9.0), (f64::INFINITY, 10.0)], 0.5);
    }

    #[test]
    fn a_histogram_without_its_last_bucket_has_none() {
        for buckets in [
            &[(1.0, 5.0)][..],
            &[(f64::INFINITY, 5.0)],
            &[(1.0, 0.0), (f64::INFINITY, 0.0)],
        ] {
            let mut buckets: Vec<_> = buckets
                .iter()
                .map(|&(upper, count)| Bucket { upper, count })
                .collect();
            assert!(quantile(0.5, &mut buckets).is_nan());
        }
    }
}
