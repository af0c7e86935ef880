//! Native histograms in the notation of tests: `{{schema:1 count:5 sum:7.5 buckets:[2 3]}}`.

use std::collections::BTreeMap;

use watchfire_schemas::{BucketSpan, CounterReset, HistogramBuckets, NativeHistogram};

/// Reads a histogram, and gives what comes after it.
pub(super) fn read(text: &str) -> Result<(NativeHistogram, &str), String> {
    let inner = text
        .strip_prefix("{{")
        .ok_or("a histogram begins with {{")?;
    let end = inner.find("}}").ok_or("a histogram is not closed by }}")?;
    let mut histogram = NativeHistogram::default();
    let (mut offset, mut negative_offset) = (0, 0);
    let mut rest = inner[..end].trim();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once(':')
            .ok_or_else(|| format!("{rest:?} in a histogram has no value"))?;
        let (value, after) = value(after.trim_start());
        let number = || number(value);
        match key.trim() {
            "schema" => histogram.schema = whole(value)?,
            "count" => histogram.count = number()?,
            "sum" => histogram.sum = number()?,
            "z_bucket" => histogram.zero_count = number()?,
            "z_bucket_w" => histogram.zero_threshold = number()?,
            "buckets" => histogram.positive.counts = numbers(value)?,
            "offset" => offset = whole(value)?,
            "n_buckets" => histogram.negative.counts = numbers(value)?,
            "n_offset" => negative_offset = whole(value)?,
            "custom_values" => histogram.custom_bounds = numbers(value)?,
            "counter_reset_hint" => {
                histogram.reset = match value {
                    "gauge" => CounterReset::Gauge,
                    "reset" => CounterReset::Reset,
                    "not_reset" => CounterReset::NoReset,
                    "unknown" => CounterReset::Unknown,
                    other => return Err(format!("{other:?} is no hint of a reset")),
                };
            }
            other => return Err(format!("{other:?} is not known of a histogram")),
        }
        rest = after.trim_start();
    }
    histogram.positive.spans = spans(offset, &histogram.positive);
    histogram.negative.spans = spans(negative_offset, &histogram.negative);
    Ok((histogram, &inner[end + 2..]))
}

fn spans(offset: i32, buckets: &HistogramBuckets) -> Vec<BucketSpan> {
    let length = u32::try_from(buckets.counts.len()).unwrap_or(u32::MAX);
    if length == 0 {
        Vec::new()
    } else {
        vec![BucketSpan { offset, length }]
    }
}

/// A word or a list in brackets, and what comes after it.
fn value(text: &str) -> (&str, &str) {
    let end = if text.starts_with('[') {
        text.find(']').map_or(text.len(), |at| at + 1)
    } else {
        text.find(char::is_whitespace).unwrap_or(text.len())
    };
    text.split_at(end)
}

fn number(text: &str) -> Result<f64, String> {
    text.parse()
        .map_err(|_| format!("{text:?} in a histogram is no number"))
}

fn whole<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} in a histogram is no whole number"))
}

fn numbers(text: &str) -> Result<Vec<f64>, String> {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.ok_or_else(|| format!("{text:?} in a histogram is no list"))?;
    inner.split_whitespace().map(number).collect()
}

/// `a + factor·b`, in the buckets of `a`.
pub(super) fn sum(
    a: &NativeHistogram,
    b: &NativeHistogram,
    factor: f64,
) -> Result<NativeHistogram, String> {
    let same_kind = a.has_custom_bounds() == b.has_custom_bounds();
    if !same_kind || a.custom_bounds != b.custom_bounds || b.schema < a.schema {
        return Err("these histograms have buckets that cannot be added".to_owned());
    }
    let coarser = u32::from(b.schema.abs_diff(a.schema));
    Ok(NativeHistogram {
        count: a.count + factor * b.count,
        sum: a.sum + factor * b.sum,
        zero_count: a.zero_count + factor * b.zero_count,
        zero_threshold: a.zero_threshold.max(b.zero_threshold),
        positive: added(&a.positive, &b.positive, factor, coarser),
        negative: added(&a.negative, &b.negative, factor, coarser),
        ..a.clone()
    })
}

fn added(
    a: &HistogramBuckets,
    b: &HistogramBuckets,
    factor: f64,
    coarser: u32,
) -> HistogramBuckets {
    let mut counts: BTreeMap<i32, f64> = a.iter().collect();
    for (index, count) in b.iter() {
        // The bucket that holds this one where each is as wide as 2^coarser of them.
        let index = ((index - 1) >> coarser) + 1;
        *counts.entry(index).or_default() += factor * count;
    }
    buckets(&counts)
}

fn buckets(counts: &BTreeMap<i32, f64>) -> HistogramBuckets {
    let mut buckets = HistogramBuckets::default();
    let mut next = 0;
    for (index, count) in counts {
        match buckets.spans.last_mut() {
            Some(span) if *index == next => span.length += 1,
            _ => buckets.spans.push(BucketSpan {
                offset: index - next,
                length: 1,
            }),
        }
        next = index + 1;
        buckets.counts.push(*count);
    }
    buckets
}

/// What of a histogram is compared: two are the same where these are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    schema: i8,
    numbers: [f64; 4],
    positive: BTreeMap<i32, f64>,
    negative: BTreeMap<i32, f64>,
    custom_bounds: Vec<f64>,
}

impl Shape {
    pub(super) fn of(histogram: &NativeHistogram) -> Self {
        let filled = |buckets: &HistogramBuckets| {
            buckets.iter().filter(|(_, count)| *count != 0.0).collect()
        };
        Self {
            schema: histogram.schema,
            numbers: [
                histogram.count,
                histogram.sum,
                histogram.zero_count,
                histogram.zero_threshold,
            ],
            positive: filled(&histogram.positive),
            negative: filled(&histogram.negative),
            custom_bounds: histogram.custom_bounds.clone(),
        }
    }
}

/// A histogram in the notation of tests.
pub(super) fn written(histogram: &NativeHistogram) -> String {
    let mut parts = Vec::new();
    let mut number = |key: &str, value: f64| {
        if value != 0.0 {
            parts.push(format!("{key}:{value}"));
        }
    };
    number("schema", f64::from(histogram.schema));
    number("count", histogram.count);
    number("sum", histogram.sum);
    number("z_bucket", histogram.zero_count);
    number("z_bucket_w", histogram.zero_threshold);
    let list = |values: &[f64]| {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        format!("[{}]", values.join(" "))
    };
    for (offset, name, side) in [
        ("offset", "buckets", &histogram.positive),
        ("n_offset", "n_buckets", &histogram.negative),
    ] {
        let counts: BTreeMap<i32, f64> = side.iter().collect();
        let (Some(low), Some(high)) = (counts.keys().next(), counts.keys().next_back()) else {
            continue;
        };
        if *low != 0 {
            parts.push(format!("{offset}:{low}"));
        }
        let dense = (*low..=*high).map(|index| counts.get(&index).copied().unwrap_or(0.0));
        parts.push(format!("{name}:{}", list(&dense.collect::<Vec<_>>())));
    }
    if !histogram.custom_bounds.is_empty() {
        parts.push(format!("custom_values:{}", list(&histogram.custom_bounds)));
    }
    format!("{{{{{}}}}}", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> NativeHistogram {
        let (histogram, rest) = read(text).unwrap();
        assert_eq!(rest, "");
        histogram
    }

    #[test]
    fn histograms_are_read_and_written() {
        let text = "{{schema:1 count:5 sum:7.5 z_bucket:1 z_bucket_w:0.001 offset:-2 buckets:[2 0 1] n_buckets:[1]}}";
        let histogram = one(text);
        assert_eq!(histogram.schema, 1);
        let positive: Vec<_> = histogram.positive.iter().collect();
        assert_eq!(positive, [(-2, 2.0), (-1, 0.0), (0, 1.0)]);
        assert_eq!(written(&histogram), text);
        assert_eq!(Shape::of(&one(text)), Shape::of(&histogram));
        let custom = one("{{schema:-53 custom_values:[5 10] buckets:[1 4 3]}}");
        assert_eq!(custom.custom_bounds, [5.0, 10.0]);
        assert_eq!(one("{{}}"), NativeHistogram::default());
        for wrong in [
            "{{count}}",
            "{{count:x}}",
            "{{nosuch:1}}",
            "{{count:1",
            "{{buckets:1}}",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn histograms_are_added_in_the_coarser_buckets() {
        let a = one("{{schema:0 count:3 sum:5 buckets:[1 2]}}");
        let b = one("{{schema:1 count:4 sum:1 buckets:[1 1 1 1]}}");
        let both = sum(&a, &b, 1.0).unwrap();
        // Of schema 1, bucket 0 goes into 0, buckets 1 and 2 into 1, bucket 3 into 2.
        assert_eq!(written(&both), "{{count:7 sum:6 buckets:[2 4 1]}}");
        assert!(sum(&b, &a, 1.0).is_err());
        let less = sum(&a, &a, -1.0).unwrap();
        assert_eq!(Shape::of(&less), Shape::of(&NativeHistogram::default()));
    }
}
