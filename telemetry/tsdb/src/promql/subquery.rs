use std::sync::Arc;

use promql_parser::parser::SubqueryExpr;
use watchfire_schemas::{CounterReset, HistogramSample, Sample};

use super::evaluator::Evaluator;
use super::grid::Grid;
use super::selection::{RangeSink, millis};
use super::value::Series;
use crate::QueryError;
use crate::staleness::is_stale;
use crate::storage::Points;

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
        let span = windows.span();
        let start = span.from.div_euclid(step) * step;
        let start = if start < span.from {
            start + step
        } else {
            start
        };
        let inner = Evaluator {
            grid: Grid::new(start, span.to, step),
            ..*self
        };
        if inner.grid.steps == 0 {
            return Ok(());
        }
        self.budget.hold(inner.grid.steps)?;
        let mut points = Points::default();
        for mut series in inner.vector(&subquery.expr)? {
            self.budget.check_time()?;
            fill(&mut points, &mut series, inner.grid);
            sink(&series.metric, &mut points, &windows)?;
        }
        Ok(())
    }
}

/// What a series has at each step, as samples.
fn fill(points: &mut Points, series: &mut Series, grid: Grid) {
    points.clear();
    let floats = grid.times().zip(&series.values);
    let floats = floats.filter(|(_, value)| !is_stale(**value));
    points.floats.extend(floats.map(|(t, &v)| Sample { t, v }));
    let histograms = grid.times().zip(series.histograms.drain(..));
    points
        .histograms
        .extend(histograms.filter_map(|(t, histogram)| {
            let mut h = Arc::unwrap_or_clone(histogram?);
            if matches!(h.reset, CounterReset::Reset | CounterReset::NoReset) {
                // What it says is of the sample before it in the store.
                h.reset = CounterReset::Unknown;
            }
            Some(HistogramSample { t, h })
        }));
}
