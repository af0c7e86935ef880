//! Exponential histograms as native ones.

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use watchfire_schemas::{BucketSpan, HistogramBuckets, NativeHistogram};

/// What a histogram that does not say it counts as zero: as Prometheus has it.
const ZERO_THRESHOLD: f64 = 1e-128;
/// So many empty buckets are kept rather than that a span ends: a span takes as much.
const MOST_EMPTY: usize = 2;

/// The marker of the end of a series.
pub(super) fn stale(marker: f64) -> NativeHistogram {
    NativeHistogram {
        sum: marker,
        ..NativeHistogram::default()
    }
}

/// The same histogram before anything was observed.
pub(super) fn without_observations(of: &NativeHistogram) -> NativeHistogram {
    NativeHistogram {
        schema: of.schema,
        zero_threshold: of.zero_threshold,
        ..NativeHistogram::default()
    }
}

/// The histogram of a point. A scale above 8 is made 8, which is exact: neighbours are merged.
pub(super) fn histogram(
    point: &ExponentialHistogramDataPoint,
) -> Result<NativeHistogram, &'static str> {
    let (coarsest, finest) = NativeHistogram::SCHEMAS.into_inner();
    if point.scale < i32::from(coarsest) {
        return Err("its scale is less than -4");
    }
    let schema = point.scale.min(i32::from(finest));
    let merge = point.scale - schema;
    let positive = buckets(point.positive.as_ref(), merge)?;
    let negative = buckets(point.negative.as_ref(), merge)?;
    let counts = positive.counts.iter().chain(&negative.counts);
    let sum = point.zero_count as f64 + counts.sum::<f64>();
    if sum > point.count as f64 {
        return Err("its buckets hold more than its count");
    }
    let threshold = Some(point.zero_threshold).filter(|threshold| *threshold > 0.0);
    let histogram = NativeHistogram {
        schema: schema as i8,
        zero_threshold: threshold.unwrap_or(ZERO_THRESHOLD),
        zero_count: point.zero_count as f64,
        count: point.count as f64,
        sum: point.sum.unwrap_or_default(),
        positive,
        negative,
        ..NativeHistogram::default()
    };
    match histogram.check() {
        Ok(()) => Ok(histogram),
        Err(_) => Err("its parts do not fit together"),
    }
}

/// The buckets of one side, each of `2^merge` that lie side by side made one. OTLP counts them from
/// the one above 1, Prometheus from the one up to 1.
fn buckets(side: Option<&Buckets>, merge: i32) -> Result<HistogramBuckets, &'static str> {
    let mut found = HistogramBuckets::default();
    let Some(side) = side else {
        return Ok(found);
    };
    // 63 merges make all buckets of a side one or two, as any more would.
    let merge = merge.min(63);
    let mut end: Option<i64> = None;
    for (at, count) in side.bucket_counts.iter().enumerate() {
        if *count == 0 {
            continue;
        }
        let index = ((i64::from(side.offset) + at as i64) >> merge) + 1;
        match end {
            Some(end) if index + 1 == end => {
                *found.counts.last_mut().expect("a bucket was there") += *count as f64;
                continue;
            }
            Some(end) if index - end <= MOST_EMPTY as i64 => {
                let empty = (index - end) as usize;
                found.counts.extend(std::iter::repeat_n(0.0, empty));
                let span = found.spans.last_mut().expect("a bucket was there");
                span.length += empty as u32 + 1;
            }
            _ => {
                let offset = index - end.unwrap_or(0);
                let offset = i32::try_from(offset).map_err(|_| "its offset is too large")?;
                found.spans.push(BucketSpan { offset, length: 1 });
            }
        }
        found.counts.push(*count as f64);
        end = Some(index + 1);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(scale: i32, offset: i32, counts: &[u64]) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            scale,
            count: counts.iter().sum(),
            sum: Some(1.0),
            positive: Some(Buckets {
                offset,
                bucket_counts: counts.to_vec(),
            }),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn check(point: &ExponentialHistogramDataPoint, schema: i8, expected: &[(i32, f64)]) {
        let found = histogram(point).unwrap();
        let buckets = found.positive.iter().filter(|(_, count)| *count > 0.0);
        assert_eq!(
            (found.schema, buckets.collect::<Vec<_>>()),
            (schema, expected.to_vec())
        );
    }

    #[test]
    fn buckets_keep_their_bounds() {
        // At scale 0 bucket 0 of OTLP is (1, 2]: bucket 1 of Prometheus.
        check(&point(0, 0, &[1, 0, 2]), 0, &[(1, 1.0), (3, 2.0)]);
        check(&point(3, -5, &[4]), 3, &[(-4, 4.0)]);
        check(&point(0, 0, &[1, 0, 0, 0, 0, 2]), 0, &[(1, 1.0), (6, 2.0)]);
        let gap = histogram(&point(0, 0, &[1, 0, 0, 0, 0, 2])).unwrap();
        assert_eq!(gap.positive.spans.len(), 2);
    }

    #[test]
    fn a_finer_one_is_merged_and_loses_no_count() {
        // At scale 9 buckets 0 and 1 are bucket 0 of scale 8.
        check(&point(9, 0, &[1, 2, 4, 8]), 8, &[(1, 3.0), (2, 12.0)]);
        check(&point(10, -3, &[1, 2, 4, 8]), 8, &[(0, 7.0), (1, 8.0)]);
        check(
            &point(20, i32::MAX, &[1]),
            8,
            &[((i32::MAX >> 12) + 1, 1.0)],
        );
        let fine = histogram(&point(12, -500, &[1; 1_000])).unwrap();
        assert!((fine.positive.counts.iter().sum::<f64>() - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn both_sides_and_zero_are_kept() {
        let mut both = point(0, 0, &[1]);
        both.negative = Some(Buckets {
            offset: 1,
            bucket_counts: vec![5],
        });
        (both.zero_count, both.count, both.zero_threshold) = (2, 8, 0.5);
        let found = histogram(&both).unwrap();
        assert_eq!((found.zero_count, found.zero_threshold), (2.0, 0.5));
        assert_eq!(found.negative.iter().collect::<Vec<_>>(), [(2, 5.0)]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(histogram(&point(-5, 0, &[1])).is_err());
        assert!(histogram(&point(i32::MIN, 0, &[1])).is_err());
        assert!(histogram(&point(0, i32::MAX, &[1, 1])).is_err());
        let mut fewer = point(0, 0, &[3]);
        fewer.count = 2;
        assert!(histogram(&fewer).is_err());
    }
}
