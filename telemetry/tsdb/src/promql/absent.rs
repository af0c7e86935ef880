use std::sync::Arc;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Call, Expr, VectorSelector};
use watchfire_schemas::LabelSet;

use super::evaluator::{Evaluator, failed};
use super::range_functions::without_parens;
use super::value::{Metric, Series, empty_column};
use crate::QueryError;
use crate::staleness::is_stale;

/// `absent`: 1 at the steps where the vector is empty.
pub(crate) fn of_vector(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let arg = call
        .args
        .args
        .first()
        .ok_or_else(|| failed("a vector is missing"))?;
    let mut seen = vec![false; evaluator.grid.steps];
    evaluator.each(arg, &mut |series| {
        for (seen, &value) in seen.iter_mut().zip(&series.values) {
            *seen |= !is_stale(value);
        }
        Ok(())
    })?;
    Ok(ones(&seen, arg))
}

/// `absent_over_time`: 1 at the steps whose window holds no sample of any series.
pub(crate) fn of_range(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let arg = call
        .args
        .args
        .first()
        .ok_or_else(|| failed("a range is missing"))?;
    let mut seen = vec![false; evaluator.grid.steps];
    evaluator.each_range(arg, &mut |_, samples, windows| {
        for (step, seen) in seen.iter_mut().enumerate() {
            *seen |= !windows.samples(samples, step).is_empty();
        }
        Ok(())
    })?;
    Ok(ones(&seen, arg))
}

fn ones(seen: &[bool], arg: &Expr) -> Vec<Series> {
    let mut values = empty_column(seen.len());
    for (value, _) in values.iter_mut().zip(seen).filter(|(_, seen)| !**seen) {
        *value = 1.0;
    }
    let series = Series {
        metric: Metric::new(Arc::new(known_labels(arg))),
        values,
    };
    if series.is_empty() {
        Vec::new()
    } else {
        vec![series]
    }
}

/// The labels that a series would surely have had: those that the selector sets by one `=`.
fn known_labels(arg: &Expr) -> LabelSet {
    let selector: &VectorSelector = match without_parens(arg) {
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(matrix) => &matrix.vs,
        _ => return LabelSet::default(),
    };
    let matchers = &selector.matchers.matchers;
    let is_known = |matcher: &&Matcher| {
        let others = matchers.iter().filter(|other| other.name == matcher.name);
        matches!(matcher.op, MatchOp::Equal)
            && matcher.name != LabelSet::NAME
            && others.count() == 1
    };
    let known = matchers.iter().filter(is_known);
    LabelSet::new(known.map(|matcher| (matcher.name.as_str(), matcher.value.as_str())))
}
