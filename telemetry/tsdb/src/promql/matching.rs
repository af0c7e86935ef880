//! Binary operators between two vectors: which series meets which.

use std::sync::Arc;

use promql_parser::parser::{BinModifier, BinaryExpr, Expr, VectorMatchCardinality};
use rustc_hash::FxHashMap;
use watchfire_schemas::LabelSet;

use super::binary::Operator;
use super::evaluator::{Evaluator, failed};
use super::grouping::{Groups, KeyLabels};
use super::metric::Metric;
use super::notes::Note;
use super::value::{Point, Series, empty_column};
use crate::QueryError;
use crate::staleness::STALE;

/// By which labels series of the two sides find each other.
pub(crate) fn key_labels(modifier: Option<&BinModifier>) -> KeyLabels<'_> {
    KeyLabels::of_matching(modifier.and_then(|modifier| modifier.matching.as_ref()))
}

/// The series of both sides that have the same key.
#[derive(Debug, Default)]
struct Meeting {
    many: Vec<usize>,
    one: Vec<usize>,
}

struct Match<'e> {
    evaluator: &'e Evaluator<'e>,
    expr: &'e Expr,
    operator: Operator,
    cardinality: Option<&'e VectorMatchCardinality>,
    key: KeyLabels<'e>,
    /// The "many" side, which is the left one unless `group_right` is said.
    many: Vec<Series>,
    one: Vec<Series>,
    swapped: bool,
    /// What stands for a value that one side lacks: of the "many" side and of the other.
    fill: [Option<f64>; 2],
}

pub(crate) fn eval(
    evaluator: &Evaluator<'_>,
    expr: &Expr,
    binary: &BinaryExpr,
    operator: Operator,
) -> Result<Vec<Series>, QueryError> {
    let modifier = binary.modifier.as_ref();
    let fills = modifier.map(|modifier| &modifier.fill_values);
    let [fill_left, fill_right] = fills.map_or([None; 2], |fill| [fill.lhs, fill.rhs]);
    let mut left = evaluator.vector(&binary.lhs)?;
    if left.is_empty() && fill_left.is_none() {
        // Nothing will match, whatever the right side is; it may be long to read.
        return Ok(left);
    }
    let mut right = evaluator.vector(&binary.rhs)?;
    if fill_left.is_none() && fill_right.is_none() {
        clear_lonely_steps(&mut left, &mut right, evaluator.grid.steps);
    }
    let cardinality = modifier.map(|modifier| &modifier.card);
    let swapped = matches!(cardinality, Some(VectorMatchCardinality::OneToMany(_)));
    let (many, one, fill) = if swapped {
        (right, left, [fill_right, fill_left])
    } else {
        (left, right, [fill_left, fill_right])
    };
    let matched = Match {
        evaluator,
        expr,
        operator,
        cardinality,
        key: key_labels(modifier),
        many,
        one,
        swapped,
        fill,
    };
    matched.results()
}

impl Match<'_> {
    fn results(&self) -> Result<Vec<Series>, QueryError> {
        let mut results: Vec<Series> = Vec::new();
        let mut places: FxHashMap<Arc<LabelSet>, usize> = FxHashMap::default();
        let (groups, meetings) = self.meetings();
        for (group, meeting) in meetings.iter().enumerate() {
            self.evaluator.budget.check_time()?;
            self.check_one_side(groups.labels(group), &meeting.one)?;
            let first = results.len();
            for (many, one) in self.pairs(&groups, group, meeting) {
                let Some(both) = self.computed(&many, &one) else {
                    continue;
                };
                let place = if self.is_one_to_one() {
                    // All results of a key have the same labels, and no others have them.
                    (results.len() > first).then_some(first)
                } else {
                    let labels = both.metric.labels();
                    let place = places.get(&labels).copied();
                    places.entry(labels).or_insert(results.len());
                    place
                };
                if let Some(place) = place {
                    self.merge(&mut results[place], &both)?;
                } else {
                    self.evaluator.budget.hold(both.weight())?;
                    results.push(both);
                }
            }
        }
        results.retain(|one| !one.is_empty());
        Ok(results)
    }

    /// Series by key, in the order of the "many" side.
    fn meetings(&self) -> (Groups<'_>, Vec<Meeting>) {
        let mut groups = Groups::new(self.key);
        let mut meetings: Vec<Meeting> = Vec::new();
        for (i, series) in self.many.iter().enumerate() {
            let group = groups.place(&series.metric);
            if group == meetings.len() {
                meetings.push(Meeting::default());
            }
            meetings[group].many.push(i);
        }
        for (i, series) in self.one.iter().enumerate() {
            let group = if self.fill[0].is_some() {
                let group = groups.place(&series.metric);
                if group == meetings.len() {
                    meetings.push(Meeting::default());
                }
                group
            } else {
                match groups.of(&series.metric) {
                    Some(group) => group,
                    None => continue,
                }
            };
            meetings[group].one.push(i);
        }
        (groups, meetings)
    }

    /// The pairs of series that meet; where one side lacks a value that is filled in, a series of
    /// that value.
    fn pairs<'s>(
        &'s self,
        groups: &Groups<'_>,
        group: usize,
        meeting: &Meeting,
    ) -> Vec<(std::borrow::Cow<'s, Series>, std::borrow::Cow<'s, Series>)> {
        use std::borrow::Cow::{Borrowed, Owned};
        let mut pairs = Vec::new();
        for &many in &meeting.many {
            for &one in &meeting.one {
                pairs.push((Borrowed(&self.many[many]), Borrowed(&self.one[one])));
            }
        }
        let filled = |value: f64, present: &[usize], side: &[Series]| {
            let metric = Metric::new(groups.labels(group).clone());
            let mut series = Series::of_floats(metric, empty_column(self.evaluator.grid.steps));
            for (step, place) in series.values.iter_mut().enumerate() {
                if !present.iter().any(|&i| side[i].is_present(step)) {
                    *place = value;
                }
            }
            series
        };
        if let Some(value) = self.fill[1] {
            let one = filled(value, &meeting.one, &self.one);
            for &many in &meeting.many {
                pairs.push((Borrowed(&self.many[many]), Owned(one.clone())));
            }
        }
        if let Some(value) = self.fill[0] {
            let many = filled(value, &meeting.many, &self.many);
            for &one in &meeting.one {
                pairs.push((Owned(many.clone()), Borrowed(&self.one[one])));
            }
        }
        pairs
    }

    fn check_one_side(&self, key: &LabelSet, one: &[usize]) -> Result<(), QueryError> {
        if one.len() < 2 {
            return Ok(());
        }
        let mut there: Vec<Option<usize>> = vec![None; self.evaluator.grid.steps];
        for &b in one {
            for (step, first) in there.iter_mut().enumerate() {
                if !self.one[b].is_present(step) {
                    continue;
                }
                if let Some(a) = first.replace(b) {
                    let side = if self.swapped { "left" } else { "right" };
                    return Err(failed(&format!(
                        "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                        braced(key),
                        braced(&self.one[b].metric.labels()),
                        braced(&self.one[a].metric.labels()),
                    )));
                }
            }
        }
        Ok(())
    }

    /// The result of two series; none if at no step both are there.
    ///
    /// A comparison leaves a hole where it does not hold. That it was tried does not count: as in
    /// Prometheus, two series of the "many" side may meet the same one if only one result remains.
    fn computed(&self, many: &Series, one: &Series) -> Option<Series> {
        let metric = self.result_metric(&many.metric, &one.metric);
        if many.histograms.is_empty() && one.histograms.is_empty() {
            let pairs = many.values.iter().zip(&one.values);
            let mut met = false;
            let values = pairs
                .map(|(&many, &one)| {
                    let (left, right) = if self.swapped {
                        (one, many)
                    } else {
                        (many, one)
                    };
                    let value = self.operator.apply(left, right, left);
                    met |= value.to_bits() != STALE.to_bits();
                    value
                })
                .collect();
            return met.then(|| Series::of_floats(metric, values));
        }
        let mut result = Series::of_floats(metric, empty_column(many.values.len()));
        let mut note = |note: Note| self.evaluator.note(&note, "", self.expr);
        for step in 0..many.values.len() {
            let (mut left, mut right) = (many.point(step), one.point(step));
            if self.swapped {
                std::mem::swap(&mut left, &mut right);
            }
            let point = self.operator.apply_points(&left, &right, &left, &mut note);
            result.set(step, point);
        }
        (!result.is_empty()).then_some(result)
    }

    fn result_metric(&self, many: &Metric, one: &Metric) -> Metric {
        let grouped = self.cardinality.and_then(VectorMatchCardinality::labels);
        let metric = match (self.operator.is_comparison(), self.operator.drops_name()) {
            (false, _) => many.clone().stripped(),
            (true, true) => many.clone().unnamed(),
            (true, false) => many.clone(),
        };
        let whole = matches!(self.key, KeyLabels::Without([]));
        match grouped {
            None if whole => metric,
            None => {
                // The name stays unless it is named.
                let keeps = |name: &str| match self.key {
                    KeyLabels::Only(on) => on.iter().any(|other| other == name),
                    KeyLabels::Without(ignored) => !ignored.iter().any(|other| other == name),
                };
                let kept = metric.iter().filter(|(name, _)| keeps(name));
                metric.relabelled(LabelSet::new(kept), false)
            }
            Some(included) if included.labels.is_empty() => metric,
            Some(included) => {
                let mut labels = LabelSet::clone(&metric.labels());
                for name in &included.labels {
                    labels = labels.with(name, one.get(name).unwrap_or_default());
                }
                metric.relabelled(labels, false)
            }
        }
    }

    fn is_one_to_one(&self) -> bool {
        matches!(
            self.cardinality,
            None | Some(VectorMatchCardinality::OneToOne)
        )
    }

    fn merge(&self, result: &mut Series, other: &Series) -> Result<(), QueryError> {
        for step in 0..result.values.len() {
            let point = match other.point(step) {
                Point::None => continue,
                point => point,
            };
            if result.is_present(step) {
                return Err(failed(if self.is_one_to_one() {
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                } else {
                    "multiple matches for labels: grouping labels must ensure unique matches"
                }));
            }
            result.set(step, point);
        }
        Ok(())
    }
}

/// Where one side has nothing at all, nothing can match, and duplicates on the other do no harm.
fn clear_lonely_steps(left: &mut [Series], right: &mut [Series], steps: usize) {
    let seen = |series: &[Series]| {
        let mut seen = vec![false; steps];
        for one in series {
            for (step, seen) in seen.iter_mut().enumerate() {
                *seen = *seen || one.is_present(step);
            }
        }
        seen
    };
    let (in_left, in_right) = (seen(left), seen(right));
    for step in 0..steps {
        let lonely = match (in_left[step], in_right[step]) {
            (true, false) => &mut *left,
            (false, true) => &mut *right,
            _ => continue,
        };
        for series in lonely {
            series.set(step, Point::None);
        }
    }
}

/// Labels as Prometheus writes them in messages.
fn braced(labels: &LabelSet) -> String {
    let pairs: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}
