use promql_parser::parser::BinaryExpr;
use promql_parser::parser::token::{T_LAND, T_LOR};
use rustc_hash::FxHashMap;

use super::evaluator::Evaluator;
use super::grouping::{Groups, KeyLabels};
use super::matching::key_labels;
use super::value::{Point, Series};
use crate::QueryError;

/// `and`, `or`, `unless`: by which keys the other side has at the step.
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
    let key = key_labels(expr.modifier.as_ref());
    let steps = evaluator.grid.steps;
    match expr.op.id() {
        T_LOR => {
            let present = Presence::of(&left, key, steps);
            let added = present.filtered(right, false);
            Ok(alternatives(left, added))
        }
        op => {
            let present = Presence::of(&right, key, steps);
            Ok(present.filtered(left, op == T_LAND))
        }
    }
}

/// At which steps each key is there.
struct Presence<'e> {
    groups: Groups<'e>,
    steps: Vec<Vec<bool>>,
}

impl<'e> Presence<'e> {
    fn of(series: &[Series], key: KeyLabels<'e>, steps: usize) -> Self {
        let mut present = Self {
            groups: Groups::new(key),
            steps: Vec::new(),
        };
        for one in series {
            let group = present.groups.place(&one.metric);
            if group == present.steps.len() {
                present.steps.push(vec![false; steps]);
            }
            for (step, seen) in present.steps[group].iter_mut().enumerate() {
                *seen = *seen || one.is_present(step);
            }
        }
        present
    }

    /// The values where the key is there, or where it is not.
    fn filtered(&self, mut series: Vec<Series>, there: bool) -> Vec<Series> {
        for one in &mut series {
            let seen = self.groups.of(&one.metric).map(|group| &self.steps[group]);
            for step in 0..one.values.len() {
                if seen.is_some_and(|seen| seen[step]) != there {
                    one.set(step, Point::None);
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
                for step in 0..one.values.len() {
                    if !left[at].is_present(step) {
                        left[at].set(step, one.point(step));
                    }
                }
            }
            None => left.push(one),
        }
    }
    left
}
