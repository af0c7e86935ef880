//! Functions over a range of samples: their windows slide over each series once.

use promql_parser::parser::{Call, Expr};
use watchfire_schemas::Sample;

use super::evaluator::{Evaluator, Sink, failed};
use super::rate::{self, RateKind};
use super::selection::Windows;
use super::value::{Column, Series, empty_column};
use super::{over_time, regression};
use crate::QueryError;

/// The samples of one series at one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'s> {
    /// Earliest first; at least one.
    pub(crate) samples: &'s [Sample],
    /// The window's bounds; the left one is outside.
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: usize,
}

/// What a function makes of a window; nothing where it has too few samples.
type WindowFunction = Box<dyn Fn(&Window<'_>) -> Option<f64>>;

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

/// Hands over the function's result for each series.
pub(crate) fn each(
    evaluator: &Evaluator<'_>,
    call: &Call,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let name = call.func.name;
    let args = &call.args.args;
    let range_at = usize::from(name == "quantile_over_time");
    let range = args
        .get(range_at)
        .ok_or_else(|| failed("a range is missing"))?;
    let function = function(evaluator, call)?;
    let keeps_name = matches!(name, "last_over_time" | "first_over_time");
    evaluator.each_range(range, &mut |metric, samples, windows| {
        let values = slide(samples, windows, &function);
        let metric = metric.clone();
        let metric = if keeps_name { metric } else { metric.unnamed() };
        let series = Series { metric, values };
        if series.is_empty() {
            Ok(())
        } else {
            sink(series)
        }
    })
}

/// Looks at a series through each window in turn.
fn slide(samples: &[Sample], windows: &Windows, function: &WindowFunction) -> Column {
    let mut values = empty_column(windows.grid.steps);
    let (mut from, mut to) = (0, 0);
    for (step, value) in values.iter_mut().enumerate() {
        let end = windows.end(step);
        let start = end - windows.range;
        while to < samples.len() && samples[to].t <= end {
            to += 1;
        }
        while from < to && samples[from].t <= start {
            from += 1;
        }
        if from == to {
            continue;
        }
        let window = Window {
            samples: &samples[from..to],
            start,
            end,
            step,
        };
        if let Some(result) = function(&window) {
            *value = result;
        }
    }
    values
}

fn function(evaluator: &Evaluator<'_>, call: &Call) -> Result<WindowFunction, QueryError> {
    let scalar = |at: usize| match call.args.args.get(at) {
        Some(arg) => evaluator.scalar(arg),
        None => Err(failed("a scalar is missing")),
    };
    let extrapolated = |counter, per_second| -> WindowFunction {
        let kind = RateKind {
            counter,
            per_second,
        };
        Box::new(move |window| rate::extrapolated(window, kind))
    };
    Ok(match call.func.name {
        "rate" => extrapolated(true, true),
        "increase" => extrapolated(true, false),
        "delta" => extrapolated(false, false),
        "irate" => Box::new(|window| rate::instant(window.samples, true)),
        "idelta" => Box::new(|window| rate::instant(window.samples, false)),
        "changes" => Box::new(|window| Some(rate::changes(window.samples))),
        "resets" => Box::new(|window| Some(rate::resets(window.samples))),
        "deriv" => Box::new(|window| {
            let origin = window.samples[0].t;
            regression::line(window.samples, origin).map(|(slope, _)| slope)
        }),
        "predict_linear" => {
            let ahead = scalar(1)?;
            let grid = evaluator.grid;
            let fixed = is_fixed(&call.args.args[0]);
            Box::new(move |window| {
                let now = grid.at(if fixed { 0 } else { window.step });
                let (slope, value) = regression::line(window.samples, now)?;
                Some(slope * ahead[window.step] + value)
            })
        }
        "double_exponential_smoothing" => {
            let (smoothing, trending) = (scalar(1)?, scalar(2)?);
            check_factors("smoothing", "sf", &smoothing)?;
            check_factors("trend", "tf", &trending)?;
            Box::new(move |window| {
                let step = window.step;
                regression::smoothed(window.samples, smoothing[step], trending[step])
            })
        }
        "quantile_over_time" => {
            let q = scalar(0)?;
            Box::new(move |window| Some(over_time::quantile_of(q[window.step], window.samples)))
        }
        name => match over_time::function(name) {
            Some(function) => Box::new(move |window| Some(function(window.samples))),
            None => return Err(failed(&format!("function {name}() is not supported"))),
        },
    })
}

fn check_factors(what: &str, symbol: &str, factors: &[f64]) -> Result<(), QueryError> {
    let wrong = factors
        .iter()
        .find(|factor| !(0.0 < **factor && **factor < 1.0));
    wrong.map_or(Ok(()), |factor| {
        let text = format!("invalid {what} factor. Expected: 0 < {symbol} < 1, got: {factor:.6}");
        Err(QueryError::Execution(text))
    })
}

/// Whether `@` fixes a range, so that Prometheus evaluates the call once, at the first step.
fn is_fixed(range: &Expr) -> bool {
    match without_parens(range) {
        Expr::MatrixSelector(matrix) => matrix.vs.at.is_some(),
        Expr::Subquery(subquery) => subquery.at.is_some(),
        _ => false,
    }
}

pub(crate) fn without_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => without_parens(&paren.expr),
        other => other,
    }
}
