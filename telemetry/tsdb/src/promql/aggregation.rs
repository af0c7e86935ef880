use promql_parser::parser::{AggregateExpr, Expr};

use super::evaluator::{Evaluator, failed};
use super::fold::{Fold, Operation};
use super::gathering::Gather;
use super::grouping::{Groups, KeyLabels};
use super::ranking;
use super::value::Series;
use crate::QueryError;

/// Evaluates an aggregation. Series are folded into their group as they come.
pub(crate) fn eval(evaluator: &Evaluator<'_>, expr: &Expr) -> Result<Vec<Series>, QueryError> {
    let Expr::Aggregate(aggregate) = expr else {
        return Err(failed("expected an aggregation"));
    };
    let op = aggregate.op.id();
    if ranking::is_one(op) {
        return ranking::eval(evaluator, expr, aggregate);
    }
    let operation = Operation::new(op)
        .ok_or_else(|| failed(&format!("aggregation {} is not supported", aggregate.op)))?;
    let by = KeyLabels::of_aggregation(aggregate.modifier.as_ref());
    let aggregated = evaluator.gather(&aggregate.expr, &|| Aggregated {
        evaluator,
        inner: &aggregate.expr,
        operation,
        groups: Groups::new(by),
        folds: Vec::new(),
    })?;
    Ok(aggregated.series())
}

/// The groups of an aggregation and what each has gathered.
struct Aggregated<'a> {
    evaluator: &'a Evaluator<'a>,
    inner: &'a Expr,
    operation: Operation,
    groups: Groups<'a>,
    folds: Vec<Fold>,
}

impl Aggregated<'_> {
    /// The fold of a group that was just placed.
    fn make(&mut self, group: usize) -> Result<&mut Fold, QueryError> {
        if group == self.folds.len() {
            let steps = self.evaluator.grid.steps;
            self.evaluator.budget.hold(2 * steps)?;
            self.folds.push(Fold::new(self.operation, steps));
        }
        Ok(&mut self.folds[group])
    }

    fn series(self) -> Vec<Series> {
        let metrics = self.groups.into_metrics(self.evaluator.delayed);
        let mut note = |note| self.evaluator.note(&note, "", self.inner);
        let finished = self.folds.into_iter().zip(metrics);
        let mut series: Vec<_> = finished
            .map(|(fold, metric)| fold.series(metric, &mut note))
            .filter(|one| !one.is_empty())
            .collect();
        // In which order they appeared depends on the store.
        series.sort_by(|a, b| a.metric.iter().cmp(b.metric.iter()));
        series
    }
}

impl Gather for Aggregated<'_> {
    const ORDERED: bool = false;

    fn take(&mut self, series: &mut Series) -> Result<(), QueryError> {
        let (evaluator, inner) = (self.evaluator, self.inner);
        let group = self.groups.place(&series.metric);
        let mut note = |note| evaluator.note(&note, series.metric.name(), inner);
        self.make(group)?.add(series, &mut note);
        Ok(())
    }

    fn absorb(&mut self, later: Self) -> Result<(), QueryError> {
        let (evaluator, inner) = (self.evaluator, self.inner);
        let mut note = |note| evaluator.note(&note, "", inner);
        for (at, fold) in later.folds.into_iter().enumerate() {
            let group = self.groups.place_of(&later.groups, at);
            if group == self.folds.len() {
                self.folds.push(fold);
            } else {
                self.folds[group].absorb(fold, &mut note);
            }
        }
        Ok(())
    }
}

/// The parameter of an aggregation, which the parser has seen to.
pub(crate) fn parameter(aggregate: &AggregateExpr) -> Result<&Expr, QueryError> {
    let param = aggregate.param.as_deref();
    param.ok_or_else(|| failed("the aggregation's parameter is missing"))
}
