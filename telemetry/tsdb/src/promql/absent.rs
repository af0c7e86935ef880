use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Call, Expr, VectorSelector};
use watchfire_schemas::LabelSet;

use super::evaluator::{Evaluator, failed};
use super::gathering::Gather;
use super::metric::Metric;
use super::range_functions::without_parens;
use super::value::{Series, empty_column};
use crate::QueryError;

/// `absent`: 1 at the steps where the vector is empty.
pub(crate) fn of_vector(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let arg = call
        .args
        .args
        .first()
        .ok_or_else(|| failed("a vector is missing"))?;
    let seen = evaluator.gather(arg, &|| Seen(vec![false; evaluator.grid.steps]))?;
    Ok(ones(evaluator, &seen.0, arg))
}

/// At which steps anything is there.
struct Seen(Vec<bool>);

impl Gather for Seen {
    const ORDERED: bool = false;

    fn take(&mut self, series: &mut Series) -> Result<(), QueryError> {
        for (step, seen) in self.0.iter_mut().enumerate() {
            *seen = *seen || series.is_present(step);
        }
        Ok(())
    }

    fn absorb(&mut self, later: Self) -> Result<(), QueryError> {
        for (seen, other) in self.0.iter_mut().zip(later.0) {
            *seen |= other;
        }
        Ok(())
    }
}

/// `absent_over_time`: 1 at the steps whose window holds no sample of any series.
pub(crate) fn of_range(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let arg = call
        .args
        .args
        .first()
        .ok_or_else(|| failed("a range is missing"))?;
    let mut seen = vec![false; evaluator.grid.steps];
    evaluator.each_range(arg, &mut |_, points, windows| {
        for (step, seen) in seen.iter_mut().enumerate() {
            let (floats, histograms) = windows.inside(points, step);
            *seen |= !floats.is_empty() || !histograms.is_empty();
        }
        Ok(())
    })?;
    Ok(ones(evaluator, &seen, arg))
}

fn ones(evaluator: &Evaluator<'_>, seen: &[bool], arg: &Expr) -> Vec<Series> {
    let mut values = empty_column(seen.len());
    for (value, _) in values.iter_mut().zip(seen).filter(|(_, seen)| !**seen) {
        *value = 1.0;
    }
    let metric = Metric::new(known_labels(arg)).delayed(evaluator.delayed);
    let series = Series::of_floats(metric, values);
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
