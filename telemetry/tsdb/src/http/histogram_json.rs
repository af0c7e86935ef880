use watchfire_schemas::NativeHistogram;

use crate::number::push_value;

/// What belongs to a bucket of its two bounds, in the numbers of Prometheus' API.
#[derive(Debug, Clone, Copy)]
enum Boundaries {
    OpenLeft = 0,
    OpenRight = 1,
    Closed = 3,
}

/// `{"count":…,"sum":…,"buckets":[[boundaries,lower,upper,count],…]}`: the buckets that hold
/// something, the lowest first.
pub(super) fn push_histogram(json: &mut String, histogram: &NativeHistogram) {
    json.push_str("{\"count\":");
    push_value(json, histogram.count);
    json.push_str(",\"sum\":");
    push_value(json, histogram.sum);
    let negative: Vec<_> = histogram.negative.iter().collect();
    let mut buckets = Buckets { json, any: false };
    for &(index, count) in negative.iter().rev() {
        let (near, far) = bounds(histogram, index);
        buckets.push(Boundaries::OpenRight, -far, -near, count);
    }
    let zero = histogram.zero_threshold;
    // A difference may have less than nothing there, which Prometheus does not show.
    if histogram.zero_count > 0.0 {
        buckets.push(Boundaries::Closed, -zero, zero, histogram.zero_count);
    }
    for (index, count) in histogram.positive.iter() {
        let (lower, upper) = bounds(histogram, index);
        let is_first = histogram.has_custom_bounds() && index == 0;
        let boundaries = if is_first {
            Boundaries::Closed
        } else {
            Boundaries::OpenLeft
        };
        buckets.push(boundaries, lower, upper, count);
    }
    if buckets.any {
        json.push(']');
    }
    json.push('}');
}

struct Buckets<'a> {
    json: &'a mut String,
    any: bool,
}

impl Buckets<'_> {
    fn push(&mut self, boundaries: Boundaries, lower: f64, upper: f64, count: f64) {
        if count == 0.0 {
            return;
        }
        self.json
            .push_str(if self.any { "," } else { ",\"buckets\":[" });
        self.any = true;
        self.json.push('[');
        self.json.push_str(&(boundaries as u8).to_string());
        for number in [lower, upper, count] {
            self.json.push(',');
            push_value(self.json, number);
        }
        self.json.push(']');
    }
}

/// The bounds of a bucket, seen from zero: the nearer one and the one further away.
fn bounds(histogram: &NativeHistogram, index: i32) -> (f64, f64) {
    if histogram.has_custom_bounds() {
        let at = usize::try_from(index).unwrap_or_default();
        let bound = |at: usize| histogram.custom_bounds.get(at).copied();
        let lower = at.checked_sub(1).and_then(bound);
        let upper = bound(at).unwrap_or(f64::INFINITY);
        return (lower.unwrap_or(f64::NEG_INFINITY), upper);
    }
    let width = f64::from(-i32::from(histogram.schema)).exp2();
    let bound = |index: i32| (f64::from(index) * width).exp2();
    let (lower, upper) = (bound(index.saturating_sub(1)), bound(index));
    // The highest bucket ends at the highest number; infinity has one of its own.
    match (lower.is_infinite(), upper.is_infinite()) {
        (false, true) if lower < f64::MAX => (lower, f64::MAX),
        (true, true) => (f64::MAX, f64::INFINITY),
        _ => (lower, upper),
    }
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::{BucketSpan, HistogramBuckets};

    use super::*;

    fn check(histogram: &NativeHistogram, expected: &str) {
        let mut json = String::new();
        push_histogram(&mut json, histogram);
        assert_eq!(json, expected);
    }

    fn buckets(offset: i32, counts: &[f64]) -> HistogramBuckets {
        HistogramBuckets {
            spans: vec![BucketSpan {
                offset,
                length: counts.len() as u32,
            }],
            counts: counts.to_vec(),
        }
    }

    #[test]
    fn buckets_are_listed_from_the_lowest_with_what_belongs_to_them() {
        let histogram = NativeHistogram {
            zero_threshold: 0.001,
            zero_count: 3.0,
            count: 10.0,
            sum: -1.5,
            positive: buckets(0, &[1.0, 0.0, 2.0]),
            negative: buckets(1, &[4.0]),
            ..NativeHistogram::default()
        };
        check(
            &histogram,
            r#"{"count":"10","sum":"-1.5","buckets":[[1,"-2","-1","4"],[3,"-0.001","0.001","3"],[0,"0.5","1","1"],[0,"2","4","2"]]}"#,
        );
    }

    #[test]
    fn an_empty_one_has_no_buckets() {
        check(&NativeHistogram::default(), r#"{"count":"0","sum":"0"}"#);
    }

    #[test]
    fn custom_bounds_reach_to_both_infinities() {
        let histogram = NativeHistogram {
            schema: NativeHistogram::CUSTOM_BOUNDS,
            count: 6.0,
            positive: buckets(0, &[1.0, 2.0, 3.0]),
            custom_bounds: vec![5.0, 10.0],
            ..NativeHistogram::default()
        };
        check(
            &histogram,
            r#"{"count":"6","sum":"0","buckets":[[3,"-Inf","5","1"],[0,"5","10","2"],[0,"10","+Inf","3"]]}"#,
        );
    }
}
