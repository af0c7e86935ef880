use std::collections::BTreeMap;

use watchfire_schemas::{BucketSpan, CounterReset, HistogramBuckets, NativeHistogram};

/// `schema:1 sum:2 count:3 buckets:[1 2] offset:0 …`
pub(crate) fn parse_histogram(text: &str) -> Result<NativeHistogram, String> {
    let mut histogram = NativeHistogram::default();
    let (mut offset, mut n_offset) = (0, 0);
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once(':')
            .ok_or_else(|| format!("no value: {rest}"))?;
        let end = if after.starts_with('[') {
            after.find(']').ok_or("a list does not end")? + 1
        } else {
            after.find(' ').unwrap_or(after.len())
        };
        let (value, after) = after.split_at(end);
        let number = || {
            value
                .parse::<f64>()
                .map_err(|_| format!("bad number {value}"))
        };
        match key {
            "schema" => histogram.schema = number()? as i8,
            "sum" => histogram.sum = number()?,
            "count" => histogram.count = number()?,
            "z_bucket" => histogram.zero_count = number()?,
            "z_bucket_w" => histogram.zero_threshold = number()?,
            "buckets" => histogram.positive.counts = list(value)?,
            "n_buckets" => histogram.negative.counts = list(value)?,
            "custom_values" => histogram.custom_bounds = list(value)?,
            "offset" => offset = number()? as i32,
            "n_offset" => n_offset = number()? as i32,
            "counter_reset_hint" => {
                histogram.reset = match value {
                    "reset" => CounterReset::Reset,
                    "not_reset" => CounterReset::NoReset,
                    "gauge" => CounterReset::Gauge,
                    _ => CounterReset::Unknown,
                };
            }
            _ => return Err(format!("unknown {key}")),
        }
        rest = after.trim_start();
    }
    for (buckets, offset) in [
        (&mut histogram.positive, offset),
        (&mut histogram.negative, n_offset),
    ] {
        let length = buckets.counts.len() as u32;
        if length > 0 {
            buckets.spans = vec![BucketSpan { offset, length }];
        }
    }
    Ok(histogram)
}

fn list(text: &str) -> Result<Vec<f64>, String> {
    let inside = text.trim_matches(['[', ']']);
    inside
        .split_whitespace()
        .map(|number| number.parse().map_err(|_| format!("bad number {number}")))
        .collect()
}

/// A histogram and an increment of the same zero bucket.
pub(crate) fn added(a: &NativeHistogram, b: &NativeHistogram, sign: f64) -> NativeHistogram {
    let schema = a.schema.min(b.schema);
    let (a, b) = (&reduced(a, schema), &reduced(b, schema));
    let mut sum = a.clone();
    sum.count += sign * b.count;
    sum.sum += sign * b.sum;
    sum.zero_count += sign * b.zero_count;
    sum.zero_threshold = sum.zero_threshold.max(b.zero_threshold);
    sum.positive = joined(&a.positive, &b.positive, sign);
    sum.negative = joined(&a.negative, &b.negative, sign);
    if a.reset != b.reset {
        sum.reset = match (a.reset, b.reset) {
            (CounterReset::Gauge, _) | (_, CounterReset::Gauge) => CounterReset::Gauge,
            _ => CounterReset::Unknown,
        };
    }
    sum
}

/// The same histogram in a coarser schema.
fn reduced(histogram: &NativeHistogram, schema: i8) -> NativeHistogram {
    let mut reduced = histogram.clone();
    let steps = u32::from((histogram.schema - schema).unsigned_abs());
    reduced.schema = schema;
    for buckets in [&mut reduced.positive, &mut reduced.negative] {
        let mut all: BTreeMap<i32, f64> = BTreeMap::new();
        for (index, count) in buckets.iter() {
            *all.entry(((index - 1) >> steps) + 1).or_default() += count;
        }
        *buckets = from_map(all);
    }
    reduced
}

fn joined(a: &HistogramBuckets, b: &HistogramBuckets, sign: f64) -> HistogramBuckets {
    let mut all: BTreeMap<i32, f64> = a.iter().collect();
    for (index, count) in b.iter() {
        *all.entry(index).or_default() += sign * count;
    }
    from_map(all)
}

pub(crate) fn from_map(all: BTreeMap<i32, f64>) -> HistogramBuckets {
    let mut buckets = HistogramBuckets::default();
    let mut next = 0;
    for (index, count) in all {
        match buckets.spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => buckets.spans.push(BucketSpan {
                offset: index - next,
                length: 1,
            }),
        }
        buckets.counts.push(count);
        next = index + 1;
    }
    buckets
}
