//! Histograms of explicit bounds as cumulative counts by upper bound: what `_bucket` series hold.

use opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint;

/// Counts up to and including each bound, the last bound infinite.
pub(super) type Cumulative = Vec<(f64, f64)>;

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
}
