//! Quantiles of classic histograms, whose buckets are series with a label `le`.

/// The label that holds the upper bound of a bucket.
pub(crate) const BUCKET_LABEL: &str = "le";

/// By how much, relatively, a bucket may lack what a smaller one has before it counts as wrong
/// rather than as rounded.
const TOLERANCE: f64 = 1e-12;

/// A bucket with all observations up to its bound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    pub(crate) upper: f64,
    pub(crate) count: f64,
}

/// The quantile of one histogram, linear within a bucket, and whether counts had to be made to grow
/// from bucket to bucket. The buckets are sorted by their bound.
pub(crate) fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    if buckets.last().is_none_or(|last| last.upper < f64::INFINITY) {
        return (f64::NAN, false);
    }
    coalesce(buckets);
    let forced = make_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, false);
    }
    (of_monotonic(q, buckets), forced)
}

fn of_monotonic(q: f64, buckets: &[Bucket]) -> f64 {
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if observations.is_nan() {
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
/// Whether any fell by more than rounding explains.
fn make_monotonic(buckets: &mut [Bucket]) -> bool {
    let Some(first) = buckets.first() else {
        return false;
    };
    let (mut before, mut forced) = (first.count, false);
    for bucket in &mut buckets[1..] {
        if nearly_equal(before, bucket.count) {
            bucket.count = before;
        } else if bucket.count < before {
            bucket.count = before;
            forced = true;
        } else {
            before = bucket.count;
        }
    }
    forced
}

/// Which part of all observations lies between two values, linear within a bucket.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if buckets.last().is_none_or(|last| last.upper < f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    let all = buckets[buckets.len() - 1].count;
    if all == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |value| rank(buckets, value).map_or(all, |rank| if rank > all { all } else { rank });
    (rank(upper) - rank(lower)) / all
}

/// How many observations are below a value; none if it is above all bounds.
fn rank(buckets: &[Bucket], value: f64) -> Option<f64> {
    let (mut below, mut lower) = (0.0, f64::NEG_INFINITY);
    for &Bucket { upper, count } in buckets {
        if lower >= value {
            return Some(below);
        }
        if upper > value {
            return Some(below + (count - below) * (value - lower) / (upper - lower));
        }
        (below, lower) = (count, upper);
    }
    None
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
        let found = quantile(q, &mut buckets).0;
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
            assert!(quantile(0.5, &mut buckets).0.is_nan());
        }
    }
}
