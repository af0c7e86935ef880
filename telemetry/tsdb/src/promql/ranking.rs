//! Aggregations that look at all members of a group at a step: `topk`, `bottomk`, `quantile`,
//! `count_values`.

use std::collections::BTreeMap;

use promql_parser::parser::AggregateExpr;
use promql_parser::parser::token::{self, TokenId};
use watchfire_schemas::LabelSet;

use super::aggregation::{Groups, group_columns, parameter};
use super::evaluator::{Evaluator, failed};
use super::quantile::quantile;
use super::sorting::{Direction, compare};
use super::value::{Column, Metric, Series, empty_column, join_by_labels};
use crate::QueryError;
use crate::number::shortest;
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
    aggregate: &AggregateExpr,
) -> Result<Vec<Series>, QueryError> {
    let op = aggregate.op.id();
    if matches!(op, token::T_LIMITK | token::T_LIMIT_RATIO) {
        return Err(QueryError::BadData(format!(
            "{}() is experimental and is not enabled",
            aggregate.op
        )));
    }
    let series = evaluator.vector(&aggregate.expr)?;
    let mut groups = Groups::default();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (i, one) in series.iter().enumerate() {
        let group = groups.place(&one.metric, aggregate.modifier.as_ref());
        if group == members.len() {
            members.push(Vec::new());
        }
        members[group].push(i);
    }
    match op {
        token::T_QUANTILE => {
            let q = evaluator.scalar(parameter(aggregate)?)?;
            let columns = members.iter().map(|group| quantiles(&q, group, &series));
            Ok(groups.series(columns))
        }
        token::T_COUNT_VALUES => {
            let label = evaluator.text(parameter(aggregate)?)?;
            let empty = group_columns(members.len(), evaluator.grid.steps);
            let labels = groups.series(empty.into_iter());
            counted(&label, labels, &members, &series)
        }
        _ => {
            let most = evaluator.scalar(parameter(aggregate)?)?;
            let direction = match op {
                token::T_TOPK => Direction::Descending,
                _ => Direction::Ascending,
            };
            ranked(&most, direction, &members, series)
        }
    }
}

fn quantiles(q: &[f64], group: &[usize], series: &[Series]) -> Column {
    let of_step = |(step, &q): (usize, &f64)| {
        let values = group.iter().map(|&i| series[i].values[step]);
        let mut values: Vec<f64> = values.filter(|&value| !is_stale(value)).collect();
        if values.is_empty() {
            STALE
        } else {
            quantile(q, &mut values)
        }
    };
    q.iter().enumerate().map(of_step).collect()
}

/// Keeps at each step the best `most` members of each group.
fn ranked(
    most: &[f64],
    direction: Direction,
    members: &[Vec<usize>],
    mut series: Vec<Series>,
) -> Result<Vec<Series>, QueryError> {
    let steps = most.len();
    let mut kept: Vec<Column> = series.iter().map(|_| empty_column(steps)).collect();
    let mut order: Vec<usize> = Vec::new();
    for (step, &most) in most.iter().enumerate() {
        let most = whole(most)?;
        for group in members {
            let mut present: Vec<usize> = group
                .iter()
                .copied()
                .filter(|&i| !is_stale(series[i].values[step]))
                .collect();
            present.sort_by(|&a, &b| {
                compare(series[a].values[step], series[b].values[step], direction)
            });
            for &i in present.iter().take(most) {
                kept[i][step] = series[i].values[step];
                if step == 0 {
                    order.push(i);
                }
            }
        }
    }
    for (one, values) in series.iter_mut().zip(kept) {
        one.values = values;
    }
    let mut series: Vec<Option<Series>> = series.into_iter().map(Some).collect();
    let mut sorted: Vec<Series> = order.iter().filter_map(|&i| series[i].take()).collect();
    sorted.extend(series.into_iter().flatten().filter(|one| !one.is_empty()));
    Ok(sorted)
}

fn whole(most: f64) -> Result<usize, QueryError> {
    if most.is_nan() || most >= i64::MAX as f64 || most <= i64::MIN as f64 {
        let most = shortest(most);
        return Err(failed(&format!("Scalar value {most} overflows int64")));
    }
    Ok(most.max(0.0) as usize)
}

/// `count_values`: for each value that a group has, how many members have it.
fn counted(
    label: &str,
    groups: Vec<Series>,
    members: &[Vec<usize>],
    series: &[Series],
) -> Result<Vec<Series>, QueryError> {
    if label.is_empty() {
        return Err(failed(&format!("invalid label name \"{label}\"")));
    }
    let mut counted = Vec::new();
    for (group, members) in groups.into_iter().zip(members) {
        let mut columns: BTreeMap<String, Column> = BTreeMap::new();
        let steps = group.values.len();
        for step in 0..steps {
            let values = members.iter().map(|&i| series[i].values[step]);
            for value in values.filter(|&value| !is_stale(value)) {
                let column = columns.entry(shortest(value));
                let count = &mut column.or_insert_with(|| empty_column(steps))[step];
                *count = if is_stale(*count) { 1.0 } else { *count + 1.0 };
            }
        }
        let labels: LabelSet = LabelSet::clone(&group.metric.labels());
        counted.extend(columns.into_iter().map(|(value, values)| Series {
            metric: Metric::new(std::sync::Arc::new(labels.with(label, &value))),
            values,
        }));
    }
    join_by_labels(counted)
}
