//! Which function each name of a range function stands for.

use promql_parser::parser::Call;
use watchfire_schemas::Sample;

use super::evaluator::{Evaluator, failed};
use super::native_over_time as native;
use super::notes::Note;
use super::range_functions::{RangeFunction, WindowFunction};
use super::rate::RateKind;
use super::value::Point;
use super::{changes, instant_rate, over_time, regression};
use crate::QueryError;
use crate::number::general;

pub(crate) fn function(
    evaluator: &Evaluator<'_>,
    call: &Call,
) -> Result<RangeFunction, QueryError> {
    let extrapolated = |counter, per_second| {
        Ok(RangeFunction::Extrapolated(RateKind {
            counter,
            per_second,
        }))
    };
    match call.func.name {
        "rate" => extrapolated(true, true),
        "increase" => extrapolated(true, false),
        "delta" => extrapolated(false, false),
        name => match plain(name) {
            Some(function) => Ok(RangeFunction::Other(function)),
            None => with_scalars(evaluator, call).map(RangeFunction::Other),
        },
    }
}

/// Functions without further arguments.
fn plain(name: &str) -> Option<WindowFunction> {
    Some(match name {
        "irate" => Box::new(|window, notes| instant_rate::of(window, true, notes)),
        "idelta" => Box::new(|window, notes| instant_rate::of(window, false, notes)),
        "changes" => Box::new(|window, _| Point::Float(changes::changes(window))),
        "resets" => Box::new(|window, _| Point::Float(changes::resets(window))),
        "sum_over_time" => Box::new(|window, notes| match window.histograms {
            [] => Point::Float(over_time::sum(window.floats)),
            _ => native::sum(window, notes),
        }),
        "avg_over_time" => Box::new(|window, notes| match window.histograms {
            [] => Point::Float(over_time::avg(window.floats)),
            _ => native::avg(window, notes),
        }),
        "count_over_time" => Box::new(|window, _| {
            Point::Float((window.floats.len() + window.histograms.len()) as f64)
        }),
        "present_over_time" => Box::new(|_, _| Point::Float(1.0)),
        "last_over_time" => Box::new(|window, _| native::last(window)),
        "first_over_time" => Box::new(|window, _| native::first(window)),
        "ts_of_last_over_time" => Box::new(|window, _| Point::Float(native::last_time(window))),
        "ts_of_first_over_time" => Box::new(|window, _| Point::Float(native::first_time(window))),
        "deriv" => of_floats(|samples, _| {
            let origin = samples[0].t;
            regression::line(samples, origin).map(|(slope, _)| slope)
        }),
        name => {
            let function = over_time::function(name)?;
            of_floats(move |samples, _| Some(function(samples)))
        }
    })
}

/// Functions that take scalars beside the range.
fn with_scalars(evaluator: &Evaluator<'_>, call: &Call) -> Result<WindowFunction, QueryError> {
    let scalar = |at: usize| match call.args.args.get(at) {
        Some(arg) => evaluator.scalar(arg),
        None => Err(failed("a scalar is missing")),
    };
    Ok(match call.func.name {
        "predict_linear" => {
            let ahead = scalar(1)?;
            let grid = evaluator.grid;
            of_floats(move |samples, step| {
                let now = grid.at(step);
                let (slope, value) = regression::line(samples, now)?;
                Some(slope * ahead[step] + value)
            })
        }
        "double_exponential_smoothing" => {
            let (smoothing, trending) = (scalar(1)?, scalar(2)?);
            check_factors("smoothing", "sf", &smoothing)?;
            check_factors("trend", "tf", &trending)?;
            of_floats(move |samples, step| {
                regression::smoothed(samples, smoothing[step], trending[step])
            })
        }
        "quantile_over_time" => {
            let q = scalar(0)?;
            let floats = q.clone();
            let quantile =
                of_floats(move |samples, step| Some(over_time::quantile_of(floats[step], samples)));
            Box::new(move |window, notes| {
                let asked = q[window.step];
                if !window.floats.is_empty() && !(0.0..=1.0).contains(&asked) {
                    notes.add(Note::InvalidQuantile(general(asked)));
                }
                quantile(window, notes)
            })
        }
        name => return Err(failed(&format!("function {name}() is not supported"))),
    })
}

/// A function of numbers alone, which passes over histograms.
fn of_floats(
    function: impl Fn(&[Sample], usize) -> Option<f64> + Sync + 'static,
) -> WindowFunction {
    Box::new(move |window, notes| {
        if window.floats.is_empty() {
            return Point::None;
        }
        if !window.histograms.is_empty() {
            notes.add(Note::HistogramsIgnoredInRange);
        }
        function(window.floats, window.step).map_or(Point::None, Point::Float)
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
