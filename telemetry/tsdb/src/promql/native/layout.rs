//! Where buckets lie: by index, by bound, and as spans.

use watchfire_schemas::{BucketSpan, HistogramBuckets, NativeHistogram};

/// Buckets of one side by index, ascending, each index once.
pub(crate) type Side = Vec<(i32, f64)>;

/// The upper bound of a bucket of an exponential schema, by distance from zero. The last bucket
/// ends at the largest number, all after it at infinity.
pub(crate) fn exponential_bound(index: i32, schema: i8) -> f64 {
    let (power, fraction) = if schema <= 0 {
        let power = i64::from(index) << u32::from(schema.unsigned_abs());
        (power, 0.0)
    } else {
        let parts = 1_i32 << schema;
        let fraction = f64::from(index & (parts - 1)) / f64::from(parts);
        (i64::from(index >> schema), fraction)
    };
    if power == 1024 && fraction.to_bits() == 0 {
        return f64::MAX;
    }
    let power = power.clamp(-2000, 2000) as f64;
    power.exp2() * fraction.exp2()
}

/// The bucket of a coarser schema that holds a bucket.
fn coarser_index(index: i32, steps: u32) -> i32 {
    ((index.wrapping_sub(1)) >> steps) + 1
}

/// The buckets of one side in a schema that is as coarse or coarser.
pub(crate) fn side(buckets: impl Iterator<Item = (i32, f64)>, schema: i8, target: i8) -> Side {
    let steps = u32::from((schema - target).max(0).unsigned_abs());
    let mut side: Side = Vec::with_capacity(buckets.size_hint().0);
    for (index, count) in buckets {
        let index = if steps == 0 {
            index
        } else {
            coarser_index(index, steps)
        };
        match side.last_mut() {
            Some((last, sum)) if *last == index => *sum += count,
            _ => side.push((index, count)),
        }
    }
    side
}

/// Spans of consecutive buckets; those with nothing in them are left out.
pub(crate) fn packed(side: impl IntoIterator<Item = (i32, f64)>) -> HistogramBuckets {
    let mut buckets = HistogramBuckets::default();
    let mut next = 0_i32;
    for (index, count) in side.into_iter().filter(|(_, count)| *count != 0.0) {
        match buckets.spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => buckets.spans.push(BucketSpan {
                offset: index.wrapping_sub(next),
                length: 1,
            }),
        }
        buckets.counts.push(count);
        next = index.wrapping_add(1);
    }
    buckets
}

/// Bounds of the bucket above or below zero with this index, by distance from zero; of custom
/// bounds the bounds themselves.
pub(crate) fn bounds(histogram: &NativeHistogram, index: i32) -> (f64, f64) {
    if histogram.has_custom_bounds() {
        let bound = |at: i32| {
            let at = usize::try_from(at).ok()?;
            Some(
                histogram
                    .custom_bounds
                    .get(at)
                    .copied()
                    .unwrap_or(f64::INFINITY),
            )
        };
        let lower = bound(index - 1).unwrap_or(f64::NEG_INFINITY);
        return (lower, bound(index).unwrap_or(f64::NEG_INFINITY));
    }
    let schema = histogram.schema;
    (
        exponential_bound(index.wrapping_sub(1), schema),
        exponential_bound(index, schema),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_exponential_buckets() {
        for (index, schema, expected) in [
            (0, 0, 1.0),
            (1, 0, 2.0),
            (-1, 0, 0.5),
            (1, -1, 4.0),
            (2, 1, 2.0),
            (1, 1, std::f64::consts::SQRT_2),
            (1024, 0, f64::MAX),
            (1025, 0, f64::INFINITY),
            (-1080, 0, 0.0),
        ] {
            let found = exponential_bound(index, schema);
            assert!(
                (found - expected).abs() <= expected * 1e-15
                    || found.to_bits() == expected.to_bits(),
                "{index} of {schema}: {found}"
            );
        }
    }

    #[test]
    fn packing_leaves_out_what_is_empty() {
        let side = [(-2, 1.0), (-1, 0.0), (0, 2.0), (1, 3.0), (5, 4.0)];
        let buckets = packed(side);
        assert_eq!(buckets.counts, [1.0, 2.0, 3.0, 4.0]);
        let expected: Vec<_> = side.into_iter().filter(|(_, count)| *count > 0.0).collect();
        assert_eq!(buckets.iter().collect::<Vec<_>>(), expected);
        assert_eq!(
            side_of_half(&buckets),
            [(-1, 1.0), (0, 2.0), (1, 3.0), (3, 4.0)]
        );
    }

    fn side_of_half(buckets: &HistogramBuckets) -> Side {
        side(buckets.iter(), 1, 0)
    }
}
