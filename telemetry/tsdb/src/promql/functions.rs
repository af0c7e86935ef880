//! Functions over instant vectors and scalars.

use promql_parser::parser::{Call, Expr};

use super::evaluator::{Evaluator, failed};
use super::gathering::Collected;
use super::range_functions::without_parens;
use super::selection::Lookup;
use super::sorting::{Direction, by_labels, by_value};
use super::value::{Column, Series, Value, joined_unnamed};
use super::{absent, calendar, histogram_functions, info, label_functions, math};
use crate::QueryError;
use crate::staleness::is_stale;

pub(crate) fn eval(evaluator: &Evaluator<'_>, call: &Call) -> Result<Value, QueryError> {
    let name = call.func.name;
    if let Some(function) = math::function(name) {
        return mapped(evaluator.vector(arg(call, 0)?)?, function);
    }
    if let Some(function) = calendar::function(name) {
        let times = match call.args.args.first() {
            Some(arg) => evaluator.vector(arg)?,
            None => evaluator.unlabelled(times(evaluator)?),
        };
        return mapped(times, function);
    }
    if let Some(column) = scalar_function(evaluator, call)? {
        return Ok(Value::Scalar(column));
    }
    vector_function(evaluator, call).map(Value::Vector)
}

fn scalar_function(evaluator: &Evaluator<'_>, call: &Call) -> Result<Option<Column>, QueryError> {
    let seconds = |millis: i64| millis as f64 / 1000.0;
    Ok(Some(match call.func.name {
        "time" => times(evaluator)?,
        "pi" => evaluator.constant(std::f64::consts::PI)?,
        "start" => evaluator.constant(seconds(evaluator.query.start))?,
        "end" => evaluator.constant(seconds(evaluator.query.end))?,
        "step" => evaluator.constant(seconds(evaluator.query.step))?,
        "range" => evaluator.constant(seconds(evaluator.query.end - evaluator.query.start))?,
        "scalar" => only_values(&evaluator.vector(arg(call, 0)?)?, evaluator.grid.steps),
        "max_of" | "min_of" => {
            let (a, b) = (
                evaluator.scalar(arg(call, 0)?)?,
                evaluator.scalar(arg(call, 1)?)?,
            );
            let better = if call.func.name == "max_of" {
                math::max
            } else {
                math::min
            };
            a.into_iter().zip(b).map(|(a, b)| better(a, b)).collect()
        }
        _ => return Ok(None),
    }))
}

fn vector_function(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let vector = |at| evaluator.vector(arg(call, at)?);
    let scalar = |at| evaluator.scalar(arg(call, at)?);
    match call.func.name {
        "vector" => Ok(evaluator.unlabelled(scalar(0)?)),
        "timestamp" => timestamps(evaluator, arg(call, 0)?),
        "absent" => absent::of_vector(evaluator, call),
        "absent_over_time" => absent::of_range(evaluator, call),
        "sort" => Ok(by_value(vector(0)?, Direction::Ascending)),
        "sort_desc" => Ok(by_value(vector(0)?, Direction::Descending)),
        "sort_by_label" => {
            let names = label_functions::texts(evaluator, call, 1)?;
            Ok(by_labels(vector(0)?, &names, Direction::Ascending))
        }
        "sort_by_label_desc" => {
            let names = label_functions::texts(evaluator, call, 1)?;
            Ok(by_labels(vector(0)?, &names, Direction::Descending))
        }
        "label_replace" => label_functions::replace(evaluator, call),
        "label_join" => label_functions::join(evaluator, call),
        "info" => info::eval(evaluator, call),
        name if histogram_functions::is_one(name) => histogram_functions::eval(evaluator, call),
        "round" => {
            let to = match call.args.args.get(1) {
                Some(to) => evaluator.scalar(to)?,
                None => evaluator.constant(1.0)?,
            };
            stepwise(vector(0)?, |value, step| Some(math::round(value, to[step])))
        }
        "clamp" => {
            let (least, most) = (scalar(1)?, scalar(2)?);
            stepwise(vector(0)?, |value, step| {
                let inside = math::max(least[step], math::min(most[step], value));
                (most[step] >= least[step] || most[step].is_nan() || least[step].is_nan())
                    .then_some(inside)
            })
        }
        "clamp_min" => {
            let least = scalar(1)?;
            stepwise(vector(0)?, |value, step| {
                Some(math::max(least[step], value))
            })
        }
        "clamp_max" => {
            let most = scalar(1)?;
            stepwise(vector(0)?, |value, step| Some(math::min(most[step], value)))
        }
        name => Err(failed(&format!("function {name}() is not supported"))),
    }
}

fn arg(call: &Call, at: usize) -> Result<&Expr, QueryError> {
    let arg = call.args.args.get(at).map(AsRef::as_ref);
    arg.ok_or_else(|| failed(&format!("{}() lacks an argument", call.func.name)))
}

fn times(evaluator: &Evaluator<'_>) -> Result<Column, QueryError> {
    evaluator.budget.hold(evaluator.grid.steps)?;
    Ok(evaluator.grid.times().map(|t| t as f64 / 1000.0).collect())
}

fn mapped(series: Vec<Series>, function: fn(f64) -> f64) -> Result<Value, QueryError> {
    let mapped = series
        .into_iter()
        .map(|one| one.map(function).unnamed())
        .filter(|one| !one.is_empty())
        .collect();
    joined_unnamed(mapped).map(Value::Vector)
}

/// Applies a function that depends on the step; `None` takes the value away.
fn stepwise(
    series: Vec<Series>,
    function: impl Fn(f64, usize) -> Option<f64>,
) -> Result<Vec<Series>, QueryError> {
    let changed = series.into_iter().map(|mut one| {
        one.histograms.clear();
        for (step, value) in one.values.iter_mut().enumerate() {
            if !is_stale(*value) {
                *value = function(*value, step).unwrap_or(crate::staleness::STALE);
            }
        }
        one.unnamed()
    });
    joined_unnamed(changed.filter(|one| !one.is_empty()).collect())
}

/// `scalar`: the value of the only series at a step, NaN if there is none or more than one.
fn only_values(series: &[Series], steps: usize) -> Column {
    let of_step = |step: usize| {
        let mut values = series
            .iter()
            .map(|one| one.values[step])
            .filter(|&v| !is_stale(v));
        match (values.next(), values.next()) {
            (Some(only), None) => only,
            _ => f64::NAN,
        }
    };
    (0..steps).map(of_step).collect()
}

/// `timestamp`: of a selector the time of the sample itself, of anything else that of the step.
fn timestamps(evaluator: &Evaluator<'_>, arg: &Expr) -> Result<Vec<Series>, QueryError> {
    if let Expr::VectorSelector(selector) = without_parens(arg) {
        let windows = evaluator.lookup_windows(selector);
        let slices = evaluator.select(selector, windows.span(), true)?;
        let times = Lookup {
            windows,
            times: true,
        };
        let fresh = || Collected::new(evaluator);
        let all = evaluator.gather_stored(&slices, windows.span(), &times, &fresh)?;
        return joined_unnamed(all.series.into_iter().map(Series::unnamed).collect());
    }
    let series = evaluator.vector(arg)?.into_iter().map(|mut one| {
        for step in 0..one.values.len() {
            if one.is_present(step) {
                one.values[step] = evaluator.grid.at(step) as f64 / 1000.0;
            }
        }
        one.histograms.clear();
        one.unnamed()
    });
    joined_unnamed(series.collect())
}
