//! Binary operators between two vectors: which series meets which.

use std::sync::Arc;

use promql_parser::parser::{BinModifier, BinaryExpr, LabelModifier, VectorMatchCardinality};
use rustc_hash::FxHashMap;
use watchfire_schemas::LabelSet;

use super::binary::Operator;
use super::evaluator::{Evaluator, failed};
use super::value::{Column, Metric, Series};
use crate::QueryError;
use crate::staleness::is_stale;

/// By which labels series of the two sides find each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MatchLabels<'e>(Option<&'e LabelModifier>);

impl<'e> MatchLabels<'e> {
    pub(crate) fn of(modifier: Option<&'e BinModifier>) -> Self {
        Self(modifier.and_then(|modifier| modifier.matching.as_ref()))
    }

    /// What two series must have in common.
    pub(crate) fn signature(self, metric: &Metric) -> LabelSet {
        LabelSet::new(metric.iter().filter(|(name, _)| match self.0 {
            Some(LabelModifier::Include(on)) => on.labels.iter().any(|other| other == name),
            Some(LabelModifier::Exclude(ignored)) => {
                *name != LabelSet::NAME && !ignored.labels.iter().any(|other| other == name)
            }
            None => *name != LabelSet::NAME,
        }))
    }
}

/// The series of both sides that have the same signature.
#[derive(Debug, Default)]
struct Meeting {
    many: Vec<usize>,
    one: Vec<usize>,
}

struct Match<'e> {
    expr: &'e BinaryExpr,
    operator: Operator,
    /// The "many" side, which is the left one unless `group_right` is said.
    many: Vec<Series>,
    one: Vec<Series>,
    swapped: bool,
    labels: MatchLabels<'e>,
}

pub(crate) fn eval(
    evaluator: &Evaluator<'_>,
    expr: &BinaryExpr,
    operator: Operator,
) -> Result<Vec<Series>, QueryError> {
    let modifier = expr.modifier.as_ref();
    if modifier.is_some_and(|m| m.fill_values.lhs.is_some() || m.fill_values.rhs.is_some()) {
        return Err(QueryError::BadData(
            "fill modifiers are experimental and are not enabled".to_owned(),
        ));
    }
    let mut left = evaluator.vector(&expr.lhs)?;
    if left.is_empty() {
        // Nothing will match, whatever the right side is; it may be long to read.
        return Ok(left);
    }
    let mut right = evaluator.vector(&expr.rhs)?;
    clear_lonely_steps(&mut left, &mut right, evaluator.grid.steps);
    let swapped = matches!(
        cardinality(expr),
        Some(VectorMatchCardinality::OneToMany(_))
    );
    let (many, one) = if swapped {
        (right, left)
    } else {
        (left, right)
    };
    let matched = Match {
        expr,
        operator,
        many,
        one,
        swapped,
        labels: MatchLabels::of(modifier),
    };
    matched.results()
}

impl Match<'_> {
    fn results(&self) -> Result<Vec<Series>, QueryError> {
        let mut results: Vec<Series> = Vec::new();
        let mut places: FxHashMap<Arc<LabelSet>, usize> = FxHashMap::default();
        for (signature, meeting) in self.meetings() {
            self.check_one_side(&signature, &meeting.one)?;
            for &many in &meeting.many {
                for &one in &meeting.one {
                    let (many, one) = (&self.many[many], &self.one[one]);
                    let Some(both) = self.computed(many, one) else {
                        continue;
                    };
                    if let Some(&at) = places.get(&both.metric.labels()) {
                        self.merge(&mut results[at].values, &both.values)?;
                    } else {
                        places.insert(both.metric.labels(), results.len());
                        results.push(both);
                    }
                }
            }
        }
        results.retain(|one| !one.is_empty());
        Ok(results)
    }

    /// Series by signature, in the order of the "many" side.
    fn meetings(&self) -> Vec<(LabelSet, Meeting)> {
        let mut places: FxHashMap<LabelSet, usize> = FxHashMap::default();
        let mut meetings: Vec<(LabelSet, Meeting)> = Vec::new();
        let sides = [(&self.many, true), (&self.one, false)];
        for (series, is_many) in sides {
            for (i, series) in series.iter().enumerate() {
                let signature = self.labels.signature(&series.metric);
                let place = *places.entry(signature.clone()).or_insert_with(|| {
                    meetings.push((signature, Meeting::default()));
                    meetings.len() - 1
                });
                let meeting = &mut meetings[place].1;
                let side = if is_many {
                    &mut meeting.many
                } else {
                    &mut meeting.one
                };
                side.push(i);
            }
        }
        meetings
    }

    fn check_one_side(&self, signature: &LabelSet, one: &[usize]) -> Result<(), QueryError> {
        for (i, &a) in one.iter().enumerate() {
            for &b in &one[i + 1..] {
                let (a, b) = (&self.one[a], &self.one[b]);
                let mut steps = a.values.iter().zip(&b.values);
                if steps.any(|(&a, &b)| !is_stale(a) && !is_stale(b)) {
                    let side = if self.swapped { "left" } else { "right" };
                    return Err(failed(&format!(
                        "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                        braced(signature),
                        braced(&b.metric.labels()),
                        braced(&a.metric.labels()),
                    )));
                }
            }
        }
        Ok(())
    }

    /// The result of two series; none if at no step both are there.
    ///
    /// A comparison leaves a NaN-free hole where it does not hold, but that it was tried counts:
    /// two series of the "many" side must not meet the same one at a step. So a hole of that kind
    /// is found by [`Self::merge`] only if values remain, as in Prometheus, which looks at what is
    /// kept.
    fn computed(&self, many: &Series, one: &Series) -> Option<Series> {
        let pairs = many.values.iter().zip(&one.values);
        let mut met = false;
        let values: Column = pairs
            .map(|(&many, &one)| {
                met |= !is_stale(many) && !is_stale(one);
                let (left, right) = if self.swapped {
                    (one, many)
                } else {
                    (many, one)
                };
                self.operator.apply(left, right, left)
            })
            .collect();
        met.then(|| Series {
            metric: self.result_metric(&many.metric, &one.metric),
            values,
        })
    }

    fn result_metric(&self, many: &Metric, one: &Metric) -> Metric {
        let drops_name = self.operator.drops_name();
        let grouped = cardinality(self.expr).and_then(VectorMatchCardinality::labels);
        let keeps = |name: &str| match (self.labels.0, grouped) {
            (_, Some(_)) | (None, None) => true,
            (Some(LabelModifier::Include(on)), None) => on.labels.iter().any(|l| l == name),
            (Some(LabelModifier::Exclude(ignored)), None) => {
                !ignored.labels.iter().any(|l| l == name)
            }
        };
        let kept = many
            .iter()
            .filter(|(name, _)| keeps(name) && !(drops_name && *name == LabelSet::NAME));
        let mut labels = LabelSet::new(kept);
        for name in grouped.iter().flat_map(|labels| &labels.labels) {
            labels = labels.with(name, one.get(name).unwrap_or_default());
        }
        Metric::new(Arc::new(labels))
    }

    fn merge(&self, values: &mut Column, others: &[f64]) -> Result<(), QueryError> {
        for (value, &other) in values.iter_mut().zip(others) {
            if is_stale(other) {
                continue;
            }
            if !is_stale(*value) {
                return Err(failed(match cardinality(self.expr) {
                    None | Some(VectorMatchCardinality::OneToOne) => {
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    }
                    _ => "multiple matches for labels: grouping labels must ensure unique matches",
                }));
            }
            *value = other;
        }
        Ok(())
    }
}

fn cardinality(expr: &BinaryExpr) -> Option<&VectorMatchCardinality> {
    expr.modifier.as_ref().map(|modifier| &modifier.card)
}

/// Where one side has nothing at all, nothing can match, and duplicates on the other do no harm.
fn clear_lonely_steps(left: &mut [Series], right: &mut [Series], steps: usize) {
    let any = |series: &[Series], step: usize| series.iter().any(|s| !is_stale(s.values[step]));
    for step in 0..steps {
        let (in_left, in_right) = (any(left, step), any(right, step));
        if in_left != in_right {
            let lonely = if in_left { &mut *left } else { &mut *right };
            for series in lonely {
                series.values[step] = crate::staleness::STALE;
            }
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
