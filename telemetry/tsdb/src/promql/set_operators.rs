use promql_parser::parser::BinaryExpr;
use promql_parser::parser::token::{T_LAND, T_LOR};
use rustc_hash::FxHashMap;
use watchfire_schemas::LabelSet;

use super::evaluator::Evaluator;
use super::matching::MatchLabels;
use super::value::Series;
use crate::QueryError;
use crate::staleness::{STALE, is_stale};

/// `and`, `or`, `unless`: by which signatures the other side has at the step.
pub(crate) fn eval(
    evaluator: &Evaluator<'_>,
    expr: &BinaryExpr,
) -> Result<Vec<Series>, QueryError> {
    let left = evaluator.vector(&expr.lhs)?;
    if left.is_empty() && expr.op.id() != T_LOR {
        // Nothing can be added to it. Rules put the condition that seldom holds first, so that the
        // long ranges after it are seldom read.
        return Ok(left);
    }
    let right = evaluator.vector(&expr.rhs)?;
    let labels = MatchLabels::of(expr.modifier.as_ref());
    let steps = evaluator.grid.steps;
    match expr.op.id() {
        T_LOR => {
            let present = Presence::of(&left, labels, steps);
            let added = present.filtered(right, labels, false);
            Ok(alternatives(left, added))
        }
        op => {
            let present = Presence::of(&right, labels, steps);
            Ok(present.filtered(left, labels, op == T_LAND))
        }
    }
}

/// At which steps each signature is there.
struct Presence {
    steps: FxHashMap<LabelSet, Vec<bool>>,
}

impl Presence {
    fn of(series: &[Series], labels: MatchLabels<'_>, steps: usize) -> Self {
        let mut present: FxHashMap<LabelSet, Vec<bool>> = FxHashMap::default();
        for one in series {
            let signature = labels.signature(&one.metric);
            let seen = present
                .entry(signature)
                .or_insert_with(|| vec![false; steps]);
            for (seen, &value) in seen.iter_mut().zip(&one.values) {
                *seen |= !is_stale(value);
            }
        }
        Self { steps: present }
    }

    /// The values where the signature is there, or where it is not.
    fn filtered(
        &self,
        mut series: Vec<Series>,
        labels: MatchLabels<'_>,
        there: bool,
    ) -> Vec<Series> {
        for one in &mut series {
            let seen = self.steps.get(&labels.signature(&one.metric));
            for (step, value) in one.values.iter_mut().enumerate() {
                if seen.is_some_and(|seen| seen[step]) != there {
                    *value = STALE;
                }
            }
        }
        series.retain(|one| !one.is_empty());
        series
    }
}

/// Both sides of `or`. Series of the same labels become one; at a step the left one counts.
fn alternatives(mut left: Vec<Series>, right: Vec<Series>) -> Vec<Series> {
    let labels = left.iter().map(|one| one.metric.labels());
    let places: FxHashMap<_, usize> = labels.enumerate().map(|(i, labels)| (labels, i)).collect();
    for one in right {
        match places.get(&one.metric.labels()) {
            Some(&at) => {
                let values = left[at].values.iter_mut().zip(&one.values);
                for (value, &other) in values.filter(|(value, _)| is_stale(**value)) {
                    *value = other;
                }
            }
            None => left.push(one),
        }
    }
    left
}
