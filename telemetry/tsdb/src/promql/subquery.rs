use promql_parser::parser::SubqueryExpr;
use watchfire_schemas::Sample;

use super::evaluator::Evaluator;
use super::grid::Grid;
use super::selection::{RangeSink, millis};
use crate::QueryError;
use crate::staleness::is_stale;

/// The step of a subquery that names none: Prometheus' default evaluation interval.
const DEFAULT_STEP_MS: i64 = 60_000;

impl Evaluator<'_> {
    /// Evaluates the inner expression at the multiples of the subquery's step that any window of
    /// the outer one covers, and looks at the results as at stored samples.
    pub(crate) fn each_of_subquery(
        &self,
        subquery: &SubqueryExpr,
        sink: &mut RangeSink<'_>,
    ) -> Result<(), QueryError> {
        let range = millis(subquery.range);
        let windows = self.windows(subquery.at.as_ref(), subquery.offset.as_ref(), range);
        let step = subquery.step.map_or(DEFAULT_STEP_MS, millis).max(1);
        let (first, last) = windows.bounds();
        let start = first.div_euclid(step) * step;
        let start = if start < first { start + step } else { start };
        let inner = Evaluator {
            grid: Grid::new(start, last, step),
            ..*self
        };
        if inner.grid.steps == 0 {
            return Ok(());
        }
        self.budget.hold(inner.grid.steps)?;
        let mut samples: Vec<Sample> = Vec::new();
        inner.each(&subquery.expr, &mut |series| {
            samples.clear();
            let present = inner.grid.times().zip(&series.values);
            let present = present.filter(|(_, value)| !is_stale(**value));
            samples.extend(present.map(|(t, &v)| Sample { t, v }));
            sink(&series.metric, &samples, &windows)
        })
    }
}
