use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use promql_parser::parser::{AtModifier, Expr, Offset, VectorSelector};
use watchfire_schemas::{HistogramSample, Sample};

use super::evaluator::{Evaluator, failed};
use super::gathering::{Fill, Gather, Span};
use super::grid::Grid;
use super::metric::Metric;
use super::value::{Column, Point, Series};
use crate::QueryError;
use crate::matcher::Selector;
use crate::staleness::is_stale;
use crate::storage::{Points, Slice};

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
    dyn FnMut(&Metric, &mut Points, &Windows) -> Result<(), QueryError> + 's;

impl Windows {
    /// Where the window of a step ends.
    pub(crate) fn end(&self, step: usize) -> i64 {
        self.at.unwrap_or_else(|| self.grid.at(step)) - self.offset
    }

    /// The first time that may be inside a window, and the last.
    pub(crate) fn span(&self) -> Span {
        let last = self.grid.steps.saturating_sub(1);
        Span {
            from: self.end(0) - self.range + 1,
            to: self.end(last),
        }
    }

    /// What is inside the window of a step.
    pub(crate) fn inside<'s>(
        &self,
        points: &'s Points,
        step: usize,
    ) -> (&'s [Sample], &'s [HistogramSample]) {
        let end = self.end(step);
        let start = end - self.range;
        let (floats, histograms) = (&points.floats, &points.histograms);
        let from = floats.partition_point(|s| s.t <= start);
        let to = floats.partition_point(|s| s.t <= end);
        let from_h = histograms.partition_point(|s| s.t <= start);
        let to_h = histograms.partition_point(|s| s.t <= end);
        (&floats[from..to], &histograms[from_h..to_h])
    }
}

/// An instant selector: at each step the newest sample within the lookback.
#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) windows: Windows,
    /// Gives the samples' times in seconds, not their values.
    pub(crate) times: bool,
}

impl Fill for Lookup {
    fn fill(&self, points: &mut Points, series: &mut Series) -> Result<(), QueryError> {
        if points.histograms.is_empty() {
            self.look_up_floats(&points.floats, &mut series.values);
            return Ok(());
        }
        let floats = std::mem::take(&mut points.floats);
        let histograms: Vec<_> = points
            .histograms
            .drain(..)
            .map(|s| (s.t, Arc::new(s.h)))
            .collect();
        let (mut seen, mut seen_h) = (0, 0);
        for step in 0..self.windows.grid.steps {
            let end = self.windows.end(step);
            seen += floats[seen..].iter().take_while(|s| s.t <= end).count();
            let more = histograms[seen_h..].iter();
            seen_h += more.take_while(|(t, _)| *t <= end).count();
            let float = seen.checked_sub(1).map(|at| floats[at]);
            let histogram = seen_h.checked_sub(1).map(|at| &histograms[at]);
            let newest = match (float, histogram) {
                (Some(float), Some((t, _))) if float.t >= *t => (float.t, Point::Float(float.v)),
                (_, Some((t, h))) if is_stale(h.sum) => (*t, Point::None),
                (_, Some((t, h))) => (*t, Point::Histogram(Arc::clone(h))),
                (Some(float), None) => (float.t, Point::Float(float.v)),
                (None, None) => continue,
            };
            if newest.0 > end - self.windows.range && !is_marker(&newest.1) {
                let time = Point::Float(newest.0 as f64 / 1000.0);
                series.set(step, if self.times { time } else { newest.1 });
            }
        }
        points.floats = floats;
        Ok(())
    }
}

fn is_marker(point: &Point) -> bool {
    matches!(point, Point::None) || matches!(point, Point::Float(value) if is_stale(*value))
}

impl Lookup {
    fn look_up_floats(&self, samples: &[Sample], values: &mut Column) {
        let mut seen = 0;
        for (step, value) in values.iter_mut().enumerate() {
            let end = self.windows.end(step);
            while seen < samples.len() && samples[seen].t <= end {
                seen += 1;
            }
            let Some(newest) = seen.checked_sub(1).map(|at| samples[at]) else {
                continue;
            };
            if newest.t > end - self.windows.range && !is_stale(newest.v) {
                *value = if self.times {
                    newest.t as f64 / 1000.0
                } else {
                    newest.v
                };
            }
        }
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

    pub(crate) fn lookup_windows(&self, selector: &VectorSelector) -> Windows {
        let (at, offset) = (selector.at.as_ref(), selector.offset.as_ref());
        self.windows(at, offset, self.lookback)
    }

    /// The series of an instant selector.
    pub(crate) fn gather_selected<G: Gather>(
        &self,
        selector: &VectorSelector,
        fresh: &(dyn Fn() -> G + Sync),
    ) -> Result<G, QueryError> {
        let windows = self.lookup_windows(selector);
        let times = false;
        let slices = self.select(selector, windows.span(), G::ORDERED)?;
        let lookup = Lookup { windows, times };
        self.gather_stored(&slices, windows.span(), &lookup, fresh)
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
                let Span { from, to } = windows.span();
                let mut points = Points::default();
                for slice in self.select(selector, windows.span(), true)? {
                    self.budget.check_time()?;
                    slice
                        .decode_into(from, to, self.now, &mut points)
                        .map_err(|error| unreadable(&error))?;
                    drop_markers(&mut points);
                    if !points.is_empty() {
                        let metric = Metric::new(slice.labels).delayed(self.delayed);
                        sink(&metric, &mut points, &windows)?;
                    }
                }
                Ok(())
            }
            Expr::Subquery(subquery) => self.each_of_subquery(subquery, sink),
            _ => Err(failed("expected a range vector")),
        }
    }

    /// The stored series of a selector, in the order of their labels if that is needed.
    pub(crate) fn select(
        &self,
        selector: &VectorSelector,
        span: Span,
        ordered: bool,
    ) -> Result<Vec<Slice>, QueryError> {
        self.budget.check_time()?;
        let selector = Selector::new(selector)?;
        let slices = if ordered {
            self.store.select(&selector, span.from, span.to)
        } else {
            self.store.select_any_order(&selector, span.from, span.to)
        };
        slices.map_err(|error| unreadable(&error))
    }
}

/// Leaves only samples that are values.
pub(crate) fn drop_markers(points: &mut Points) {
    points.floats.retain(|sample| !is_stale(sample.v));
    points.histograms.retain(|sample| !is_stale(sample.h.sum));
}

fn unreadable(error: &std::io::Error) -> QueryError {
    failed(&format!("reading blocks: {error}"))
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
