//! Functions over a range of samples: their windows slide over each series once.

use promql_parser::parser::{Call, Expr};
use watchfire_schemas::{HistogramSample, Sample};

use super::evaluator::{Evaluator, failed};
use super::gathering::{Fill, Gather};
use super::notes::{Note, SeriesNotes};
use super::rate;
use super::rate::RateKind;
use super::selection::{Windows, drop_markers, millis};
use super::value::{Point, Series};
use super::window_functions::function;
use crate::QueryError;
use crate::storage::Points;

/// The samples of one series at one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'s> {
    /// Earliest first. There is at least one of these and the histograms.
    pub(crate) floats: &'s [Sample],
    /// Earliest first.
    pub(crate) histograms: &'s [HistogramSample],
    /// The window's bounds; the left one is outside.
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: usize,
}

/// What a function makes of a window; nothing where it has too few samples.
pub(crate) type WindowFunction = Box<dyn Fn(&Window<'_>, &mut SeriesNotes) -> Point + Sync>;

/// What is done with each window.
pub(crate) enum RangeFunction {
    /// `rate`, `increase`, `delta`.
    Extrapolated(RateKind),
    Other(WindowFunction),
}

/// A function with its windows, to be filled into columns.
struct Sliding<'a> {
    evaluator: &'a Evaluator<'a>,
    call: &'a Call,
    range: &'a Expr,
    windows: Windows,
    function: RangeFunction,
    keeps_name: bool,
}

/// Whether a call is to one of these functions (`absent_over_time` is not: it is over all series
/// at once).
pub(crate) fn is_one(call: &Call) -> bool {
    let is_range = |arg: &Expr| {
        matches!(
            without_parens(arg),
            Expr::MatrixSelector(_) | Expr::Subquery(_)
        )
    };
    call.func.name != "absent_over_time" && call.args.args.iter().any(|arg| is_range(arg))
}

/// Gathers the function's result for each series.
pub(crate) fn gather<G: Gather>(
    evaluator: &Evaluator<'_>,
    call: &Call,
    fresh: &(dyn Fn() -> G + Sync),
) -> Result<G, QueryError> {
    let name = call.func.name;
    let range_at = usize::from(name == "quantile_over_time");
    let range = call.args.args.get(range_at);
    let range = range.ok_or_else(|| failed("a range is missing"))?;
    let mut sliding = Sliding {
        evaluator,
        call,
        range,
        windows: evaluator.windows(None, None, 0),
        function: function(evaluator, call)?,
        keeps_name: matches!(name, "last_over_time" | "first_over_time"),
    };
    if let Expr::MatrixSelector(matrix) = without_parens(range) {
        let selector = &matrix.vs;
        let (at, offset) = (selector.at.as_ref(), selector.offset.as_ref());
        sliding.windows = evaluator.windows(at, offset, millis(matrix.range));
        let span = sliding.windows.span();
        let slices = evaluator.select(selector, span, G::ORDERED)?;
        return evaluator.gather_stored(&slices, span, &sliding, fresh);
    }
    let (mut gathered, mut series) = (fresh(), Series::default());
    evaluator.each_range(range, &mut |metric, points, windows| {
        sliding.windows = *windows;
        series.reset(metric.clone(), evaluator.grid.steps);
        sliding.fill(points, &mut series)?;
        if series.is_empty() {
            return Ok(());
        }
        gathered.take(&mut series)
    })?;
    Ok(gathered)
}

impl Fill for Sliding<'_> {
    fn fill(&self, points: &mut Points, series: &mut Series) -> Result<(), QueryError> {
        drop_markers(points);
        let mut notes = SeriesNotes::default();
        match &self.function {
            RangeFunction::Extrapolated(kind) if points.histograms.is_empty() => {
                rate::slide(&points.floats, &self.windows, *kind, &mut series.values);
                if kind.counter {
                    self.note_name(series);
                }
            }
            RangeFunction::Extrapolated(kind) => {
                self.slide(points, series, &mut |window| {
                    rate::extrapolated(window, *kind, &mut notes)
                });
                if kind.counter {
                    self.note_name(series);
                }
            }
            RangeFunction::Other(function) => {
                self.slide(points, series, &mut |window| function(window, &mut notes));
            }
        }
        for note in notes.drain() {
            let place = match note {
                // The quantile stands first.
                Note::InvalidQuantile(_) => &*self.call.args.args[0],
                _ => self.range,
            };
            self.evaluator.note(&note, series.metric.name(), place);
        }
        if !self.keeps_name {
            series.metric = std::mem::take(&mut series.metric).unnamed();
        }
        Ok(())
    }
}

impl Sliding<'_> {
    /// Looks at a series through each window in turn.
    fn slide(
        &self,
        points: &Points,
        series: &mut Series,
        function: &mut dyn FnMut(&Window<'_>) -> Point,
    ) {
        let (floats, histograms) = (&points.floats, &points.histograms);
        let (mut from, mut to, mut from_h, mut to_h) = (0, 0, 0, 0);
        for step in 0..self.windows.grid.steps {
            let end = self.windows.end(step);
            let start = end - self.windows.range;
            while to < floats.len() && floats[to].t <= end {
                to += 1;
            }
            while from < to && floats[from].t <= start {
                from += 1;
            }
            while to_h < histograms.len() && histograms[to_h].t <= end {
                to_h += 1;
            }
            while from_h < to_h && histograms[from_h].t <= start {
                from_h += 1;
            }
            if from == to && from_h == to_h {
                continue;
            }
            let window = Window {
                floats: &floats[from..to],
                histograms: &histograms[from_h..to_h],
                start,
                end,
                step,
            };
            match function(&window) {
                Point::Float(value) => series.values[step] = value,
                point => series.set(step, point),
            }
        }
    }

    /// A metric that is rated as a counter should have a counter's name.
    fn note_name(&self, series: &Series) {
        let name = series.metric.name();
        let suffixes = ["_total", "_sum", "_count", "_bucket"];
        let has_floats = || {
            series
                .values
                .iter()
                .any(|v| !crate::staleness::is_stale(*v))
        };
        if !name.is_empty() && !suffixes.iter().any(|end| name.ends_with(end)) && has_floats() {
            self.evaluator
                .note(&Note::NameOfNoCounter, name, self.range);
        }
    }
}

pub(crate) fn without_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => without_parens(&paren.expr),
        other => other,
    }
}
