use promql_parser::parser::{AtModifier, Expr, Offset, VectorSelector};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use watchfire_schemas::Sample;

use super::evaluator::{Evaluator, Sink, failed};
use super::grid::Grid;
use super::value::{Column, Metric, Series, empty_column};
use crate::QueryError;
use crate::matcher::Selector;
use crate::staleness::is_stale;

/// How far back an instant lookup goes.
pub(crate) const LOOKBACK_MS: i64 = 300_000;

/// The windows of a range, one for each step: open on the left, closed on the right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) grid: Grid,
    /// The time that stands for each step, if `@` fixes it.
    pub(crate) at: Option<i64>,
    pub(crate) offset: i64,
    pub(crate) range: i64,
}

/// Takes the series of a range expression one by one, with the windows to look at them through.
pub(crate) type RangeSink<'s> =
    dyn FnMut(&Metric, &[Sample], &Windows) -> Result<(), QueryError> + 's;

impl Windows {
    /// Where the window of a step ends.
    pub(crate) fn end(&self, step: usize) -> i64 {
        self.at.unwrap_or_else(|| self.grid.at(step)) - self.offset
    }

    /// The first time that may be inside a window, and the last.
    pub(crate) fn bounds(&self) -> (i64, i64) {
        let last = self.grid.steps.saturating_sub(1);
        (self.end(0) - self.range + 1, self.end(last))
    }

    /// The samples inside the window of a step.
    pub(crate) fn samples<'s>(&self, samples: &'s [Sample], step: usize) -> &'s [Sample] {
        let end = self.end(step);
        let from = samples.partition_point(|s| s.t <= end - self.range);
        let to = samples.partition_point(|s| s.t <= end);
        &samples[from..to]
    }
}

impl Evaluator<'_> {
    /// The windows of a selector with its modifiers.
    pub(crate) fn windows(
        &self,
        at: Option<&AtModifier>,
        offset: Option<&Offset>,
        range: i64,
    ) -> Windows {
        Windows {
            grid: self.grid,
            at: at.map(|at| match at {
                AtModifier::Start => self.query.start,
                AtModifier::End => self.query.end,
                AtModifier::At(time) => millis_of(*time),
            }),
            offset: match offset {
                None => 0,
                Some(Offset::Pos(by)) => millis(*by),
                Some(Offset::Neg(by)) => -millis(*by),
            },
            range,
        }
    }

    /// An instant selector: at each step the newest sample within the lookback.
    pub(crate) fn each_selected(
        &self,
        selector: &VectorSelector,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        self.each_lookup(selector, &mut |metric, values, _| {
            sink(Series { metric, values })
        })
    }

    /// Like [`Self::each_selected`], with the times of the samples in seconds beside the values.
    pub(crate) fn each_lookup(
        &self,
        selector: &VectorSelector,
        sink: &mut dyn FnMut(Metric, Column, Column) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let windows = self.windows(selector.at.as_ref(), selector.offset.as_ref(), LOOKBACK_MS);
        self.each_stored(selector, &windows, &mut |metric, samples| {
            let mut values = empty_column(self.grid.steps);
            let mut times = empty_column(self.grid.steps);
            let mut seen = 0;
            let mut any = false;
            for step in 0..self.grid.steps {
                let end = windows.end(step);
                while seen < samples.len() && samples[seen].t <= end {
                    seen += 1;
                }
                let Some(newest) = seen.checked_sub(1).map(|at| samples[at]) else {
                    continue;
                };
                if newest.t > end - LOOKBACK_MS && !is_stale(newest.v) {
                    values[step] = newest.v;
                    times[step] = newest.t as f64 / 1000.0;
                    any = true;
                }
            }
            if any {
                sink(metric, values, times)
            } else {
                Ok(())
            }
        })
    }

    /// A range selector or a subquery: each series with all samples that a window may need.
    pub(crate) fn each_range(
        &self,
        expr: &Expr,
        sink: &mut RangeSink<'_>,
    ) -> Result<(), QueryError> {
        match expr {
            Expr::Paren(paren) => self.each_range(&paren.expr, sink),
            Expr::MatrixSelector(matrix) => {
                let selector = &matrix.vs;
                let range = millis(matrix.range);
                let windows = self.windows(selector.at.as_ref(), selector.offset.as_ref(), range);
                self.each_stored(selector, &windows, &mut |metric, mut samples| {
                    samples.retain(|sample| !is_stale(sample.v));
                    sink(&metric, &samples, &windows)
                })
            }
            Expr::Subquery(subquery) => self.each_of_subquery(subquery, sink),
            _ => Err(failed("expected a range vector")),
        }
    }

    fn each_stored(
        &self,
        selector: &VectorSelector,
        windows: &Windows,
        sink: &mut dyn FnMut(Metric, Vec<Sample>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let (from, to) = windows.bounds();
        let unreadable = |error: std::io::Error| failed(&format!("reading blocks: {error}"));
        let slices = self
            .store
            .select(&Selector::new(selector)?, from, to)
            .map_err(unreadable)?;
        for (i, slice) in slices.into_iter().enumerate() {
            if i % 64 == 0 {
                self.budget.check_time()?;
            }
            let points = slice.decode(from, to, self.now).map_err(unreadable)?;
            if !points.is_empty() {
                sink(Metric::new(slice.labels), points.floats)?;
            }
        }
        Ok(())
    }
}

/// Milliseconds, cut so far below the largest number that no nesting of ranges and offsets gets
/// there.
pub(crate) fn millis(duration: Duration) -> i64 {
    const MOST: i64 = i64::MAX / 1024;
    i64::try_from(duration.as_millis())
        .unwrap_or(MOST)
        .min(MOST)
}

fn millis_of(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    }
}
