//! Histograms over time: from a query to cells, of classic and of native histograms.

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_schemas::{HistogramBuckets, NativeHistogram};
use watchfire_tsdb::RangeSeries;

use super::syntax::{Kind, Token, tokens};
use crate::charts::{Cells, Steps};

/// Rows of a native histogram at most.
const MOST_ROWS: usize = 40;

/// How long a growth is looked at, at least: targets are scraped each few seconds.
pub(crate) const LEAST_WINDOW: Duration = Duration::from_mins(1);

/// What to ask for the buckets behind an expression: of a quantile what it is taken of, of a mere
/// histogram how it grew in each step.
pub(crate) fn expression(expr: &str, step: Duration) -> String {
    let all = tokens(expr);
    if let Some(inner) = quantile_of(expr, &all) {
        return inner.to_owned();
    }
    let Some((name, matchers)) = selector(expr, &all) else {
        return expr.to_owned();
    };
    let window = step.max(LEAST_WINDOW).as_secs();
    let classic = |bucket: &str| format!("sum by (le) (increase({bucket}{matchers}[{window}s]))");
    if name.ends_with("_bucket") {
        return classic(name);
    }
    format!(
        "{} or sum(increase({name}{matchers}[{window}s]))",
        classic(&format!("{name}_bucket"))
    )
}

/// The second argument of a `histogram_quantile` that is the whole expression.
fn quantile_of<'a>(expr: &'a str, all: &[Token<'_>]) -> Option<&'a str> {
    let is_quantile = all.first()?.text == "histogram_quantile" && all.get(1)?.text == "(";
    if !is_quantile {
        return None;
    }
    let (mut depth, mut comma) = (0, None);
    for (at, token) in all.iter().enumerate() {
        match token.text {
            "(" | "{" | "[" => depth += 1,
            ")" | "}" | "]" => depth -= 1,
            "," if depth == 1 && comma.is_none() => comma = Some(token.at + 1),
            _ => {}
        }
        if depth == 0 && at > 0 {
            let is_whole = at + 1 == all.len();
            return comma
                .filter(|_| is_whole)
                .map(|comma| expr[comma..token.at].trim());
        }
    }
    None
}

/// Name and matchers of an expression that is a selector and nothing else.
fn selector<'a>(expr: &'a str, all: &[Token<'a>]) -> Option<(&'a str, &'a str)> {
    let name = all.first().filter(|token| token.kind == Kind::Name)?;
    let (first, last) = (all.get(1), all.last()?);
    match first {
        None => Some((name.text, "")),
        Some(open) if open.text == "{" && last.text == "}" => {
            Some((name.text, &expr[open.at..=last.at]))
        }
        Some(_) => None,
    }
}

/// The cells of an answer; none if it has no buckets.
pub(crate) fn cells(series: &[RangeSeries], steps: Steps) -> Option<Cells> {
    let has_native = series.iter().any(|series| !series.histograms.is_empty());
    let cells = if has_native {
        native(series, steps)
    } else {
        classic(series, steps)
    };
    cells.map(trimmed)
}

fn place(t: i64, steps: Steps) -> Option<usize> {
    let at = usize::try_from((t - steps.first) / steps.width).ok()?;
    (t >= steps.first && at < steps.count).then_some(at)
}

/// From counts of "at most so much" to counts between two bounds.
fn classic(series: &[RangeSeries], steps: Steps) -> Option<Cells> {
    let mut buckets: Vec<(f64, Vec<f64>)> = Vec::new();
    for series in series {
        let bound: f64 = series.labels.get("le")?.parse().ok()?;
        let found = buckets
            .iter()
            .position(|(other, _)| other.total_cmp(&bound).is_eq());
        let at = found.unwrap_or_else(|| {
            buckets.push((bound, vec![0.0; steps.count]));
            buckets.len() - 1
        });
        for sample in series.samples.iter().filter(|sample| sample.v.is_finite()) {
            if let Some(step) = place(sample.t, steps) {
                buckets[at].1[step] += sample.v;
            }
        }
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let lowest = buckets.first()?.0;
    let mut bounds = vec![if lowest > 0.0 { 0.0 } else { f64::NEG_INFINITY }];
    bounds.extend(buckets.iter().map(|(bound, _)| *bound));
    let mut below = vec![0.0; steps.count];
    let mut rows = Vec::with_capacity(buckets.len());
    for (_, upto) in buckets {
        rows.push(
            upto.iter()
                .zip(&below)
                .map(|(upto, below)| (upto - below).max(0.0))
                .collect(),
        );
        below = upto;
    }
    Some(Cells { bounds, rows })
}

/// Rows at powers of a fixed factor, as fine as there is room for.
fn native(series: &[RangeSeries], steps: Steps) -> Option<Cells> {
    let mut counted: Vec<(usize, f64, f64)> = Vec::new();
    // Rows finer than buckets would leave stripes.
    let mut finest = 4.0_f64;
    for sample in series.iter().flat_map(|series| &series.histograms) {
        if let Some(step) = place(sample.t, steps) {
            if (-4..=8).contains(&sample.h.schema) {
                finest = finest.min(f64::from(sample.h.schema).exp2());
            }
            let buckets = buckets(&sample.h);
            counted.extend(
                buckets
                    .into_iter()
                    .map(|(middle, count)| (step, middle, count)),
            );
        }
    }
    let above = counted
        .iter()
        .map(|(_, middle, _)| *middle)
        .filter(|middle| *middle > 0.0);
    let (low, high) = above.fold((f64::INFINITY, 0.0_f64), |(low, high), middle| {
        (low.min(middle), high.max(middle))
    });
    if low > high {
        return None;
    }
    let octaves = (high / low).log2().max(0.0) + 1.0;
    let fine = [4.0, 2.0, 1.0, 0.5, 0.25]
        .into_iter()
        .find(|fine| *fine <= finest && octaves * fine < MOST_ROWS as f64)
        .unwrap_or(0.125);
    let row_of = |middle: f64| (middle.log2() * fine).floor() as i64;
    let first = row_of(low);
    let mut rows: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (step, middle, count) in counted {
        // What is zero or less lies in a row of its own at the foot.
        let row = if middle > 0.0 {
            row_of(middle)
        } else {
            first - 1
        };
        rows.entry(row).or_insert_with(|| vec![0.0; steps.count])[step] += count;
    }
    let last = *rows.keys().next_back()?;
    let bound = |row: i64| (row as f64 / fine).exp2();
    let has_zero = rows.contains_key(&(first - 1));
    let mut bounds: Vec<f64> = (first..=last + 1).map(bound).collect();
    if has_zero {
        bounds.insert(0, 0.0);
    }
    let from = if has_zero { first - 1 } else { first };
    let row = |at| rows.remove(&at).unwrap_or_else(|| vec![0.0; steps.count]);
    Some(Cells {
        bounds,
        rows: (from..=last).map(row).collect(),
    })
}

/// The middle and the count of each bucket; the middle of those at and below zero is zero.
fn buckets(histogram: &NativeHistogram) -> Vec<(f64, f64)> {
    let mut all = vec![(0.0, histogram.zero_count)];
    each_bucket(&histogram.negative, |_, count| all.push((0.0, count)));
    let is_custom = !(-4..=8).contains(&histogram.schema);
    let width = (-f64::from(histogram.schema)).exp2();
    each_bucket(&histogram.positive, |index, count| {
        let middle = if is_custom {
            let bound = |at: i64| {
                usize::try_from(at)
                    .ok()
                    .and_then(|at| histogram.custom_bounds.get(at))
            };
            let upper = bound(i64::from(index)).or(histogram.custom_bounds.last());
            upper.copied().unwrap_or(0.0)
        } else {
            ((f64::from(index) - 0.5) * width).exp2()
        };
        all.push((middle, count));
    });
    all.retain(|(middle, count)| *count > 0.0 && middle.is_finite());
    all
}

fn each_bucket(buckets: &HistogramBuckets, mut take: impl FnMut(i32, f64)) {
    let mut counts = buckets.counts.iter();
    let mut index = 0_i32;
    for span in &buckets.spans {
        index = index.saturating_add(span.offset);
        for count in counts.by_ref().take(span.length as usize) {
            take(index, *count);
            index = index.saturating_add(1);
        }
    }
}

/// Rows that are shown even if they are empty: one alone would not look like a map.
const LEAST_ROWS: usize = 4;

/// Without the empty rows at head and foot.
fn trimmed(mut cells: Cells) -> Cells {
    let is_empty = |row: &Vec<f64>| row.iter().all(|count| *count <= 0.0);
    while cells.rows.len() > LEAST_ROWS && cells.rows.last().is_some_and(is_empty) {
        cells.rows.pop();
        cells.bounds.pop();
    }
    let empty = cells.rows.iter().take_while(|row| is_empty(row)).count();
    let empty = empty.min(cells.rows.len().saturating_sub(LEAST_ROWS));
    cells.rows.drain(..empty);
    cells.bounds.drain(..empty);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_schemas::{BucketSpan, HistogramSample, LabelSet, Sample};

    const STEPS: Steps = Steps {
        first: 0,
        width: 1000,
        count: 2,
    };

    #[test]
    fn buckets_are_found_behind_an_expression() {
        let check = |expr: &str, expected: &str| {
            assert_eq!(expression(expr, Duration::from_mins(2)), expected);
        };
        check(
            "histogram_quantile(0.9, sum by (le, a) (rate(x_bucket[5m])))",
            "sum by (le, a) (rate(x_bucket[5m]))",
        );
        check(
            "histogram_quantile(0.9, x) > 3",
            "histogram_quantile(0.9, x) > 3",
        );
        check("x_bucket", "sum by (le) (increase(x_bucket[120s]))");
        check(
            "x{a=\"}\"}",
            "sum by (le) (increase(x_bucket{a=\"}\"}[120s])) or sum(increase(x{a=\"}\"}[120s]))",
        );
        check("rate(x[5m])", "rate(x[5m])");
        check("", "");
    }

    #[test]
    fn classic_counts_are_taken_apart_and_summed() {
        let series = |le: &str, who: &str, values: [f64; 2]| RangeSeries {
            labels: LabelSet::new([("le", le), ("who", who)]),
            samples: vec![
                Sample { t: 0, v: values[0] },
                Sample {
                    t: 1000,
                    v: values[1],
                },
            ],
            ..RangeSeries::default()
        };
        let cells = cells(
            &[
                series("+Inf", "a", [5.0, 1.0]),
                series("0.1", "a", [2.0, 0.0]),
                series("0.5", "a", [4.0, 1.0]),
                series("0.05", "a", [0.0, 0.0]),
                series("0.1", "b", [1.0, 0.0]),
                series("0.5", "b", [1.0, 0.0]),
                series("+Inf", "b", [1.0, 0.0]),
            ],
            STEPS,
        );
        let cells = cells.unwrap();
        assert_eq!(cells.bounds, [0.0, 0.05, 0.1, 0.5, f64::INFINITY]);
        assert_eq!(cells.rows, [[0.0, 0.0], [3.0, 0.0], [2.0, 1.0], [1.0, 0.0]]);
        let plain = RangeSeries {
            labels: LabelSet::new([("a", "b")]),
            ..RangeSeries::default()
        };
        assert!(super::cells(&[plain], STEPS).is_none());
        assert!(super::cells(&[], STEPS).is_none());
    }

    #[test]
    fn native_buckets_lie_between_powers() {
        let histogram = NativeHistogram {
            schema: 0,
            zero_count: 1.0,
            positive: HistogramBuckets {
                spans: vec![
                    BucketSpan {
                        offset: 0,
                        length: 1,
                    },
                    BucketSpan {
                        offset: 1,
                        length: 1,
                    },
                ],
                counts: vec![3.0, 7.0],
            },
            ..NativeHistogram::default()
        };
        let series = RangeSeries {
            labels: LabelSet::default(),
            samples: Vec::new(),
            histograms: vec![HistogramSample {
                t: 1000,
                h: histogram,
            }],
        };
        let cells = cells(&[series], STEPS).unwrap();
        let all: f64 = cells.rows.iter().flatten().sum();
        assert!((all - 11.0).abs() < 1e-9);
        assert_eq!(cells.rows[0], [0.0, 1.0]);
        assert!(cells.bounds[0].abs() < 1e-9);
        // Of schema 0 bucket 0 is (0.5, 1] and bucket 2 is (2, 4].
        let row = cells.bounds.iter().position(|bound| *bound > 0.7).unwrap() - 1;
        assert_eq!(cells.rows[row], [0.0, 3.0]);
    }
}
