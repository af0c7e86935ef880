use std::sync::Arc;

use promql_parser::parser::token::{self, TokenId};
use promql_parser::parser::{AggregateExpr, Expr, LabelModifier};
use rustc_hash::FxHashMap;
use watchfire_schemas::LabelSet;

use super::evaluator::{Evaluator, failed};
use super::float_sum::{FloatSum, Mean, Variance};
use super::ranking;
use super::value::{Column, Metric, Series, empty_column};
use crate::QueryError;
use crate::staleness::is_stale;

/// Evaluates an aggregation. Series are folded into their group as they come.
pub(crate) fn eval(
    evaluator: &Evaluator<'_>,
    aggregate: &AggregateExpr,
) -> Result<Vec<Series>, QueryError> {
    let op = aggregate.op.id();
    if ranking::is_one(op) {
        return ranking::eval(evaluator, aggregate);
    }
    let steps = evaluator.grid.steps;
    let mut groups = Groups::default();
    let mut folds: Vec<Vec<Fold>> = Vec::new();
    evaluator.each(&aggregate.expr, &mut |series| {
        let group = groups.place(&series.metric, aggregate.modifier.as_ref());
        if group == folds.len() {
            evaluator.budget.hold(steps)?;
            let fold = Fold::new(op)
                .ok_or_else(|| failed(&format!("aggregation {} is not supported", aggregate.op)))?;
            folds.push(vec![fold; steps]);
        }
        for (fold, &value) in folds[group].iter_mut().zip(&series.values) {
            if !is_stale(value) {
                fold.add(value);
            }
        }
        Ok(())
    })?;
    let columns = folds
        .into_iter()
        .map(|folds| folds.iter().map(Fold::value).collect());
    Ok(groups.series(columns))
}

/// The groups of an aggregation, in the order in which they appeared.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    places: FxHashMap<LabelSet, usize>,
    labels: Vec<LabelSet>,
}

impl Groups {
    /// The number of the group that a series belongs to.
    pub(crate) fn place(&mut self, metric: &Metric, modifier: Option<&LabelModifier>) -> usize {
        let labels = group_labels(metric, modifier);
        if let Some(&place) = self.places.get(&labels) {
            return place;
        }
        self.places.insert(labels.clone(), self.labels.len());
        self.labels.push(labels);
        self.labels.len() - 1
    }

    /// A series for each group.
    pub(crate) fn series(self, columns: impl Iterator<Item = Column>) -> Vec<Series> {
        let labelled = self.labels.into_iter().zip(columns);
        labelled
            .map(|(labels, values)| Series {
                metric: Metric::new(Arc::new(labels)),
                values,
            })
            .collect()
    }
}

fn group_labels(metric: &Metric, modifier: Option<&LabelModifier>) -> LabelSet {
    match modifier {
        None => LabelSet::default(),
        Some(LabelModifier::Include(kept)) => {
            let kept = kept.labels.iter();
            LabelSet::new(kept.filter_map(|name| Some((name.as_str(), metric.get(name)?))))
        }
        Some(LabelModifier::Exclude(dropped)) => {
            let is_kept =
                |name: &str| name != LabelSet::NAME && !dropped.labels.iter().any(|d| d == name);
            LabelSet::new(metric.iter().filter(|(name, _)| is_kept(name)))
        }
    }
}

/// What a group has gathered at one step.
#[derive(Debug, Clone, Copy)]
enum Fold {
    Sum(Option<FloatSum>),
    Avg(Option<Mean>),
    Min(Option<f64>),
    Max(Option<f64>),
    Count(u32),
    Group(bool),
    Variance(Option<Variance>),
    Deviation(Option<Variance>),
}

impl Fold {
    fn new(op: TokenId) -> Option<Self> {
        Some(match op {
            token::T_SUM => Self::Sum(None),
            token::T_AVG => Self::Avg(None),
            token::T_MIN => Self::Min(None),
            token::T_MAX => Self::Max(None),
            token::T_COUNT => Self::Count(0),
            token::T_GROUP => Self::Group(false),
            token::T_STDVAR => Self::Variance(None),
            token::T_STDDEV => Self::Deviation(None),
            _ => return None,
        })
    }

    fn add(&mut self, value: f64) {
        match self {
            Self::Sum(sum) => sum.get_or_insert_default().add(value),
            Self::Avg(mean) => mean.get_or_insert_default().add(value),
            Self::Min(least) => {
                if least.is_none_or(|least| value < least || least.is_nan()) {
                    *least = Some(value);
                }
            }
            Self::Max(most) => {
                if most.is_none_or(|most| value > most || most.is_nan()) {
                    *most = Some(value);
                }
            }
            Self::Count(count) => *count += 1,
            Self::Group(any) => *any = true,
            Self::Variance(all) | Self::Deviation(all) => all.get_or_insert_default().add(value),
        }
    }

    fn value(&self) -> f64 {
        let value = match *self {
            Self::Sum(sum) => sum.map(FloatSum::total),
            Self::Avg(mean) => mean.map(Mean::value),
            Self::Min(value) | Self::Max(value) => value,
            Self::Count(count) => (count > 0).then_some(f64::from(count)),
            Self::Group(any) => any.then_some(1.0),
            Self::Variance(all) => all.map(Variance::value),
            Self::Deviation(all) => all.map(|all| all.value().sqrt()),
        };
        value.unwrap_or(crate::staleness::STALE)
    }
}

/// The parameter of an aggregation, which the parser has seen to.
pub(crate) fn parameter(aggregate: &AggregateExpr) -> Result<&Expr, QueryError> {
    let param = aggregate.param.as_deref();
    param.ok_or_else(|| failed("the aggregation's parameter is missing"))
}

/// A column for each group.
pub(crate) fn group_columns(groups: usize, steps: usize) -> Vec<Column> {
    vec![empty_column(steps); groups]
}
