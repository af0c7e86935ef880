//! Aggregations that look at all members of a group at a step: `topk`, `bottomk`, `limitk`,
//! `limit_ratio`, `quantile`, `count_values`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use promql_parser::parser::token::{self, TokenId};
use promql_parser::parser::{AggregateExpr, Expr};
use rustc_hash::FxHashMap;
use watchfire_schemas::LabelSet;

use super::aggregation::parameter;
use super::evaluator::{Evaluator, failed};
use super::grouping::{Groups, KeyLabels};
use super::label_functions::is_label_name;
use super::metric::Metric;
use super::native;
use super::notes::Note;
use super::quantile::quantile;
use super::sorting::{Direction, compare};
use super::value::{Column, Point, Series, empty_column};
use crate::QueryError;
use crate::number::{general, shortest};
use crate::staleness::{STALE, is_stale};

pub(crate) fn is_one(op: TokenId) -> bool {
    matches!(
        op,
        token::T_TOPK
            | token::T_BOTTOMK
            | token::T_QUANTILE
            | token::T_COUNT_VALUES
            | token::T_LIMITK
            | token::T_LIMIT_RATIO
    )
}

pub(crate) fn eval(
    evaluator: &Evaluator<'_>,
    expr: &Expr,
    aggregate: &AggregateExpr,
) -> Result<Vec<Series>, QueryError> {
    let series = evaluator.vector(&aggregate.expr)?;
    let by = KeyLabels::of_aggregation(aggregate.modifier.as_ref());
    let mut groups = Groups::new(by);
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (i, one) in series.iter().enumerate() {
        let group = groups.place(&one.metric);
        if group == members.len() {
            members.push(Vec::new());
        }
        members[group].push(i);
    }
    let param = parameter(aggregate)?;
    let op = aggregate.op.id();
    if op == token::T_COUNT_VALUES {
        let label = evaluator.text(param)?;
        if let Some(broken) = evaluator.parsed.broken_text(param) {
            return Err(failed(&format!("invalid label name \"{broken}\"")));
        }
        if !is_label_name(&label) {
            return Err(failed(&format!("invalid label name {label:?}")));
        }
        return counted(evaluator, &label, groups, &members, &series);
    }
    let asked = evaluator.scalar(param)?;
    match op {
        token::T_QUANTILE => {
            note_quantiles(evaluator, &asked, param);
            let (floats, had_histograms) = without_histograms(series);
            if had_histograms {
                evaluator.note(&Note::HistogramIgnored("quantile"), "", &aggregate.expr);
            }
            let columns = members
                .iter()
                .map(|group| quantiles(&asked, group, &floats));
            let metrics = groups.into_metrics(evaluator.delayed);
            let results = metrics.zip(columns);
            let results = results.map(|(metric, values)| Series::of_floats(metric, values));
            Ok(results.filter(|one| !one.is_empty()).collect())
        }
        token::T_LIMITK => picked(&asked, &members, series, |present, most, _, _| {
            present.truncate(whole(most)?);
            Ok(())
        }),
        token::T_LIMIT_RATIO => {
            note_ratios(evaluator, &asked, param);
            picked(&asked, &members, series, |present, ratio, series, _| {
                let ratio = checked_ratio(ratio)?;
                present.retain(|&i| is_drawn(ratio, &series[i].metric));
                Ok(())
            })
        }
        _ => {
            let (name, direction) = match op {
                token::T_TOPK => ("topk", Direction::Descending),
                _ => ("bottomk", Direction::Ascending),
            };
            let (floats, had_histograms) = without_histograms(series);
            if had_histograms && asked.iter().any(|most| *most >= 1.0) {
                evaluator.note(&Note::HistogramIgnored(name), "", expr);
            }
            picked(&asked, &members, floats, |present, most, series, step| {
                rank(present, whole(most)?, |a, b| {
                    let value = |i: usize| series[i].values[step];
                    compare(value(a), value(b), direction)
                });
                Ok(())
            })
        }
    }
}

fn without_histograms(mut series: Vec<Series>) -> (Vec<Series>, bool) {
    let mut had_any = false;
    for one in &mut series {
        had_any |= one.histograms.iter().any(Option::is_some);
        one.histograms.clear();
    }
    (series, had_any)
}

fn note_quantiles(evaluator: &Evaluator<'_>, asked: &[f64], param: &Expr) {
    let invalid = asked.iter().filter(|q| !(0.0..=1.0).contains(*q));
    let mut noted: Vec<u64> = invalid.map(|q| q.to_bits()).collect();
    noted.sort_unstable();
    noted.dedup();
    for q in noted.into_iter().map(f64::from_bits) {
        evaluator.note(&Note::InvalidQuantile(general(q)), "", param);
    }
}

fn note_ratios(evaluator: &Evaluator<'_>, asked: &[f64], param: &Expr) {
    let most = asked.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = asked.iter().copied().fold(f64::INFINITY, f64::min);
    for (got, used, is_beyond) in [(most, "1", most > 1.0), (least, "-1", least < -1.0)] {
        if is_beyond {
            let got = general(got);
            evaluator.note(&Note::InvalidRatio { got, used }, "", param);
        }
    }
}

fn quantiles(q: &[f64], group: &[usize], series: &[Series]) -> Column {
    let mut values: Vec<f64> = Vec::with_capacity(group.len());
    let of_step = |(step, &q): (usize, &f64)| {
        values.clear();
        let of_group = group.iter().map(|&i| series[i].values[step]);
        values.extend(of_group.filter(|&value| !is_stale(value)));
        if values.is_empty() {
            STALE
        } else {
            quantile(q, &mut values)
        }
    };
    q.iter().enumerate().map(of_step).collect()
}

/// Keeps at each step the members of each group that `pick` leaves, in its order at the first step.
fn picked(
    asked: &[f64],
    members: &[Vec<usize>],
    mut series: Vec<Series>,
    pick: impl Fn(&mut Vec<usize>, f64, &[Series], usize) -> Result<(), QueryError>,
) -> Result<Vec<Series>, QueryError> {
    let mut kept: FxHashMap<usize, Series> = FxHashMap::default();
    let mut order: Vec<usize> = Vec::new();
    let mut present: Vec<usize> = Vec::new();
    for (step, &asked) in asked.iter().enumerate() {
        for group in members {
            present.clear();
            let there = group.iter().copied();
            present.extend(there.filter(|&i| series[i].is_present(step)));
            pick(&mut present, asked, &series, step)?;
            for &i in &present {
                let result = kept.entry(i).or_insert_with(|| {
                    order.push(i);
                    let metric = series[i].metric.clone();
                    Series::of_floats(metric, empty_column(series[i].values.len()))
                });
                match series[i].point(step) {
                    Point::Float(value) => result.values[step] = value,
                    point => result.set(step, point),
                }
            }
        }
    }
    series.clear();
    Ok(order.iter().filter_map(|i| kept.remove(i)).collect())
}

/// Leaves the first `most` in order; of equal ones those that came first.
fn rank(present: &mut Vec<usize>, most: usize, order: impl Fn(usize, usize) -> Ordering) {
    let by_order = |a: &usize, b: &usize| order(*a, *b).then(a.cmp(b));
    if most == 0 {
        return present.clear();
    }
    if present.len() > most {
        present.select_nth_unstable_by(most - 1, by_order);
        present.truncate(most);
    }
    present.sort_unstable_by(by_order);
}

fn whole(most: f64) -> Result<usize, QueryError> {
    if most.is_nan() || most >= i64::MAX as f64 || most <= i64::MIN as f64 {
        let most = general(most);
        return Err(failed(&format!("Scalar value {most} overflows int64")));
    }
    Ok(most.max(0.0) as usize)
}

fn checked_ratio(ratio: f64) -> Result<f64, QueryError> {
    if ratio.is_nan() {
        return Err(failed("Ratio value NaN is NaN"));
    }
    Ok(ratio.clamp(-1.0, 1.0))
}

/// Whether a series is in the part that a ratio stands for, the same part for the same labels; that
/// of a negative ratio is the rest of the positive one that makes it whole.
fn is_drawn(ratio: f64, metric: &Metric) -> bool {
    let drawn = spread(metric.labels().fingerprint()) as f64 / 2.0_f64.powi(64);
    if ratio >= 0.0 {
        drawn < ratio
    } else {
        drawn >= 1.0 + ratio
    }
}

/// Lets each bit of a hash count for the highest ones (the finish of `SplitMix64`).
fn spread(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// `count_values`: for each value that a group has, how many members have it.
fn counted(
    evaluator: &Evaluator<'_>,
    label: &str,
    groups: Groups<'_>,
    members: &[Vec<usize>],
    series: &[Series],
) -> Result<Vec<Series>, QueryError> {
    let steps = evaluator.grid.steps;
    let mut counted: Vec<Series> = Vec::new();
    let mut places: FxHashMap<LabelSet, usize> = FxHashMap::default();
    let metrics = groups.into_metrics(evaluator.delayed);
    for (metric, members) in metrics.zip(members) {
        let mut columns: BTreeMap<String, Column> = BTreeMap::new();
        for step in 0..steps {
            for &i in members {
                let value = match series[i].point(step) {
                    Point::None => continue,
                    Point::Float(value) => shortest(value),
                    Point::Histogram(histogram) => native::text(&histogram),
                };
                if !columns.contains_key(&value) {
                    evaluator.budget.hold(steps)?;
                }
                let column = columns.entry(value);
                let count = &mut column.or_insert_with(|| empty_column(steps))[step];
                *count = if is_stale(*count) { 1.0 } else { *count + 1.0 };
            }
        }
        for (value, values) in columns {
            let labels = metric.labels().with(label, &value);
            if let Some(&place) = places.get(&labels) {
                // The label was one by which series are grouped.
                add_counts(&mut counted[place].values, &values);
                continue;
            }
            places.insert(labels.clone(), counted.len());
            counted.push(Series::of_floats(metric.relabelled(labels, false), values));
        }
    }
    Ok(counted)
}

fn add_counts(counts: &mut [f64], others: &[f64]) {
    for (count, &other) in counts.iter_mut().zip(others) {
        if is_stale(*count) {
            *count = other;
        } else if !is_stale(other) {
            *count += other;
        }
    }
}
