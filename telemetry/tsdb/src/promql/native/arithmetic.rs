use std::cmp::Ordering;

use watchfire_schemas::{CounterReset, HistogramBuckets, NativeHistogram};

use super::layout::{Side, exponential_bound, packed, side};
use super::zero::reconcile;

/// Why two histograms cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// One has exponential buckets, the other custom bounds.
    Schema,
    /// Both have custom bounds, and not the same.
    Bounds,
}

/// Adds `other`, in the coarser of both resolutions.
pub(crate) fn add(into: &mut NativeHistogram, other: &NativeHistogram) -> Result<(), Mismatch> {
    check(into, other)?;
    into.reset = added_hint(into.reset, other.reset);
    combine(into, other, 1.0);
    Ok(())
}

/// Takes `other` away, in the coarser of both resolutions.
pub(crate) fn subtract(
    from: &mut NativeHistogram,
    other: &NativeHistogram,
) -> Result<(), Mismatch> {
    check(from, other)?;
    combine(from, other, -1.0);
    Ok(())
}

/// Multiplies all counts and the sum.
pub(crate) fn scale(histogram: &mut NativeHistogram, factor: f64) {
    each_number(histogram, |number| *number *= factor);
}

/// Divides all counts and the sum. Of a division by zero no buckets are left.
pub(crate) fn divide(histogram: &mut NativeHistogram, by: f64) {
    each_number(histogram, |number| *number /= by);
    if by == 0.0 {
        histogram.positive = HistogramBuckets::default();
        histogram.negative = HistogramBuckets::default();
    }
}

/// Leaves out buckets with nothing in them.
pub(crate) fn compact(histogram: &mut NativeHistogram) {
    for buckets in [&mut histogram.positive, &mut histogram.negative] {
        let is_compact = buckets.counts.iter().all(|count| *count != 0.0)
            && buckets.spans.iter().skip(1).all(|span| span.offset > 0)
            && buckets.spans.iter().all(|span| span.length > 0);
        if !is_compact {
            *buckets = packed(buckets.iter());
        }
    }
}

/// Goes over to a coarser resolution.
pub(crate) fn reduce(histogram: &mut NativeHistogram, schema: i8) {
    if schema >= histogram.schema || histogram.has_custom_bounds() {
        return;
    }
    histogram.positive = packed(side(histogram.positive.iter(), histogram.schema, schema));
    histogram.negative = packed(side(histogram.negative.iter(), histogram.schema, schema));
    histogram.schema = schema;
}

fn each_number(histogram: &mut NativeHistogram, mut change: impl FnMut(&mut f64)) {
    change(&mut histogram.zero_count);
    change(&mut histogram.count);
    change(&mut histogram.sum);
    let counts = histogram.positive.counts.iter_mut();
    counts
        .chain(&mut histogram.negative.counts)
        .for_each(change);
}

fn check(a: &NativeHistogram, b: &NativeHistogram) -> Result<(), Mismatch> {
    if a.has_custom_bounds() != b.has_custom_bounds() {
        return Err(Mismatch::Schema);
    }
    if a.has_custom_bounds() && !same_bounds(a, b) {
        return Err(Mismatch::Bounds);
    }
    Ok(())
}

pub(crate) fn same_bounds(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    let bits = |histogram: &NativeHistogram| -> Vec<u64> {
        let bounds = histogram.custom_bounds.iter();
        bounds.map(|bound| bound.to_bits()).collect()
    };
    a.custom_bounds.len() == b.custom_bounds.len() && bits(a) == bits(b)
}

fn added_hint(a: CounterReset, b: CounterReset) -> CounterReset {
    match (a, b) {
        (a, b) if a == b => a,
        (CounterReset::Gauge, _) | (_, CounterReset::Gauge) => CounterReset::Gauge,
        _ => CounterReset::Unknown,
    }
}

fn combine(into: &mut NativeHistogram, other: &NativeHistogram, sign: f64) {
    let zero_count = if into.has_custom_bounds() {
        0.0
    } else {
        reconcile(into, other)
    };
    into.zero_count += sign * zero_count;
    into.count += sign * other.count;
    into.sum += sign * other.sum;
    let schema = into.schema.min(other.schema);
    reduce(into, schema);
    let threshold = (!into.has_custom_bounds()).then_some(into.zero_threshold);
    let reach = |index| threshold.map(|zero| exponential_bound(index, schema) <= zero);
    for (mine, theirs) in [
        (&mut into.positive, &other.positive),
        (&mut into.negative, &other.negative),
    ] {
        let starts_in_zero = theirs
            .iter()
            .next()
            .is_some_and(|(index, _)| reach(index) == Some(true));
        if other.schema == schema && mine.spans == theirs.spans && !starts_in_zero {
            let counts = mine.counts.iter_mut().zip(&theirs.counts);
            counts.for_each(|(mine, theirs)| *mine += sign * theirs);
            continue;
        }
        // What lies within the zero bucket is counted there.
        let beyond = theirs.iter().skip_while(|(index, _)| {
            threshold.is_some_and(|zero| exponential_bound(*index, other.schema) <= zero)
        });
        let theirs = side(beyond, other.schema, schema);
        let signed = theirs
            .into_iter()
            .map(|(index, count)| (index, sign * count));
        *mine = unpacked(&merged(mine.iter(), signed));
    }
}

/// Both sides as one, in the order of the indices.
fn merged(a: impl Iterator<Item = (i32, f64)>, b: impl Iterator<Item = (i32, f64)>) -> Side {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    let mut merged = Side::new();
    loop {
        let next = match (a.peek(), b.peek()) {
            (None, None) => return merged,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.0.cmp(&b.0),
        };
        let of_a = if next.is_le() { a.next() } else { None };
        let of_b = if next.is_ge() { b.next() } else { None };
        if let Some((index, _)) = of_a.or(of_b) {
            let count = of_a.map_or(0.0, |a| a.1) + of_b.map_or(0.0, |b| b.1);
            merged.push((index, count));
        }
    }
}

/// Spans of consecutive buckets, empty ones too, so that sums over the same layout stay in it.
fn unpacked(side: &Side) -> HistogramBuckets {
    let ones = side.iter().map(|&(index, _)| (index, 1.0));
    HistogramBuckets {
        spans: packed(ones).spans,
        counts: side.iter().map(|&(_, count)| count).collect(),
    }
}
