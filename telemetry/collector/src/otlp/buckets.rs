//! Histograms of both forms as cumulative counts by upper bound: what `_bucket` series hold.

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogramDataPoint, HistogramDataPoint};

/// Counts up to and including each bound, the last bound infinite.
pub(super) type Cumulative = Vec<(f64, f64)>;

/// An exponential histogram is told in at most this many buckets; a finer one is made coarser.
const MOST_BUCKETS: usize = 160;

/// The buckets of an explicit histogram; `None` if counts and bounds do not fit together. Without
/// buckets there is only the infinite one.
pub(super) fn explicit(point: &HistogramDataPoint) -> Option<Cumulative> {
    if point.bucket_counts.is_empty() {
        return Some(vec![(f64::INFINITY, point.count as f64)]);
    }
    let ascending = point
        .explicit_bounds
        .windows(2)
        .all(|pair| pair[0] < pair[1]);
    if point.bucket_counts.len() != point.explicit_bounds.len() + 1 || !ascending {
        return None;
    }
    let bounds = point.explicit_bounds.iter().copied().chain([f64::INFINITY]);
    Some(cumulative(bounds.zip(point.bucket_counts.iter().copied())))
}

/// The buckets of an exponential histogram, each by its upper bound: negative ones, zero, positive
/// ones. Bucket `i` of the positive ones holds `(base^i, base^(i+1)]` with `base = 2^(2^-scale)`.
/// While there are more than [`MOST_BUCKETS`], neighbours are merged, which is exact: it is the
/// same histogram at one scale less. `None` if the offsets make no sense.
pub(super) fn exponential(point: &ExponentialHistogramDataPoint) -> Option<Cumulative> {
    let mut scale = point.scale;
    let mut positive = indexed(point.positive.as_ref());
    let mut negative = indexed(point.negative.as_ref());
    while positive.len() + negative.len() > MOST_BUCKETS && scale > -10 {
        scale -= 1;
        positive = merged(&positive);
        negative = merged(&negative);
    }
    let base_log2 = 2_f64.powi(scale.checked_neg()?);
    let bound = |index: i64| (base_log2 * index as f64).exp2();
    let below = negative
        .iter()
        .rev()
        .map(|(index, count)| (-bound(*index), *count));
    let above = positive
        .iter()
        .map(|(index, count)| (bound(index + 1), *count));
    let zero = (point.zero_count > 0 || !negative.is_empty())
        .then_some((point.zero_threshold.max(0.0), point.zero_count));
    let mut all = cumulative(below.chain(zero).chain(above));
    all.retain(|(bound, _)| bound.is_finite());
    all.dedup_by(|later, earlier| {
        let same = later.0 <= earlier.0;
        if same {
            earlier.1 = later.1;
        }
        same
    });
    all.push((f64::INFINITY, point.count as f64));
    Some(all)
}

fn indexed(buckets: Option<&Buckets>) -> Vec<(i64, u64)> {
    let Some(buckets) = buckets else {
        return Vec::new();
    };
    let offset = i64::from(buckets.offset);
    let counts = buckets.bucket_counts.iter().enumerate();
    counts
        .map(|(at, count)| (offset + at as i64, *count))
        .collect()
}

fn merged(buckets: &[(i64, u64)]) -> Vec<(i64, u64)> {
    let mut coarse: Vec<(i64, u64)> = Vec::with_capacity(buckets.len() / 2 + 1);
    for (index, count) in buckets {
        let index = index.div_euclid(2);
        match coarse.last_mut() {
            Some((last, sum)) if *last == index => *sum = sum.saturating_add(*count),
            _ => coarse.push((index, *count)),
        }
    }
    coarse
}

fn cumulative(buckets: impl Iterator<Item = (f64, u64)>) -> Cumulative {
    let mut sum = 0_u64;
    buckets
        .map(|(bound, count)| {
            sum = sum.saturating_add(count);
            (bound, sum as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explicit_buckets_add_up_or_are_none() {
        let mut point = HistogramDataPoint {
            count: 6,
            bucket_counts: vec![1, 2, 3],
            explicit_bounds: vec![0.5, 1.0],
            ..HistogramDataPoint::default()
        };
        assert_eq!(
            explicit(&point),
            Some(vec![(0.5, 1.0), (1.0, 3.0), (f64::INFINITY, 6.0)])
        );
        point.explicit_bounds = vec![1.0, 0.5];
        assert_eq!(explicit(&point), None);
        point.bucket_counts.clear();
        assert_eq!(explicit(&point), Some(vec![(f64::INFINITY, 6.0)]));
    }

    fn point(scale: i32, offset: i32, counts: Vec<u64>) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            scale,
            count: counts.iter().sum(),
            positive: Some(Buckets {
                offset,
                bucket_counts: counts,
            }),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    #[test]
    fn exponential_buckets_are_powers_of_their_base() {
        let found = exponential(&point(0, 0, vec![1, 0, 2])).unwrap();
        assert_eq!(
            found,
            [(2.0, 1.0), (4.0, 1.0), (8.0, 3.0), (f64::INFINITY, 3.0)]
        );
        let mut both = point(0, 0, vec![1]);
        both.negative = Some(Buckets {
            offset: 0,
            bucket_counts: vec![5],
        });
        (both.zero_count, both.count) = (2, 8);
        assert_eq!(
            exponential(&both).unwrap(),
            [(-1.0, 5.0), (0.0, 7.0), (2.0, 8.0), (f64::INFINITY, 8.0)]
        );
    }

    #[test]
    fn a_fine_histogram_is_made_coarser_and_loses_no_count() {
        let found = exponential(&point(8, -500, vec![1; 1_000])).unwrap();
        assert!(found.len() <= MOST_BUCKETS + 2);
        assert_eq!(found.last(), Some(&(f64::INFINITY, 1_000.0)));
        assert!(
            found
                .windows(2)
                .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1)
        );
        // The middle of 1,000 buckets from 2^(-500/256) is about 1.
        let middle = found.iter().find(|(bound, _)| *bound >= 1.0).unwrap();
        assert!((middle.1 - 500.0).abs() <= 16.0, "{middle:?}");
        assert!(exponential(&point(i32::MIN, 0, vec![1])).is_none());
    }
}
