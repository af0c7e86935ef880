//! Functions of histograms, native ones and classic ones.

use std::sync::Arc;

use promql_parser::parser::{Call, Expr};
use rustc_hash::FxHashMap;
use watchfire_schemas::{LabelSet, NativeHistogram};

use super::classic_histogram::{self, BUCKET_LABEL, Bucket};
use super::evaluator::{Evaluator, failed};
use super::metric::Metric;
use super::native;
use super::notes::Note;
use super::value::{Column, Point, Series, empty_column, join_by_labels, joined_unnamed};
use crate::QueryError;
use crate::number::{general, parse_number, shortest};
use crate::staleness::is_stale;

pub(crate) fn is_one(name: &str) -> bool {
    figure(name).is_some()
        || matches!(
            name,
            "histogram_quantile" | "histogram_quantiles" | "histogram_fraction"
        )
}

/// Functions from a native histogram to a number; they pass over what is none.
fn figure(name: &str) -> Option<fn(&NativeHistogram) -> f64> {
    Some(match name {
        "histogram_count" => |h| h.count,
        "histogram_sum" => |h| h.sum,
        "histogram_avg" => native::average,
        "histogram_stdvar" => native::variance,
        "histogram_stddev" => |h| native::variance(h).sqrt(),
        _ => return None,
    })
}

pub(crate) fn eval(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let arg = |at: usize| -> Result<&Expr, QueryError> {
        let arg = call.args.args.get(at).map(AsRef::as_ref);
        arg.ok_or_else(|| failed(&format!("{}() lacks an argument", call.func.name)))
    };
    if let Some(figure) = figure(call.func.name) {
        return joined_unnamed(figures(evaluator.vector(arg(0)?)?, figure));
    }
    match call.func.name {
        "histogram_quantile" => {
            let q = evaluator.scalar(arg(0)?)?;
            let inputs = Inputs::of(evaluator, arg(1)?)?;
            joined_unnamed(quantiles(evaluator, &q, arg(0)?, &inputs))
        }
        "histogram_fraction" => {
            let (lower, upper) = (evaluator.scalar(arg(0)?)?, evaluator.scalar(arg(1)?)?);
            let inputs = Inputs::of(evaluator, arg(2)?)?;
            joined_unnamed(fractions(evaluator, [&lower, &upper], arg(0)?, &inputs))
        }
        _ => {
            let label = evaluator.text(arg(1)?)?;
            let inputs = Inputs::of(evaluator, arg(0)?)?;
            let mut all = Vec::new();
            for q_arg in call.args.args.iter().skip(2) {
                let q = evaluator.scalar(q_arg)?;
                let name = q.first().map_or_else(String::new, |q| shortest(*q));
                let of_one = quantiles(evaluator, &q, q_arg, &inputs);
                all.extend(of_one.into_iter().map(|mut one| {
                    let labels = one.metric.labels().with(&label, &name);
                    one.metric = one.metric.relabelled(labels, false);
                    one
                }));
            }
            join_by_labels(all)
        }
    }
}

fn figures(series: Vec<Series>, figure: fn(&NativeHistogram) -> f64) -> Vec<Series> {
    let with_histograms = series.into_iter().filter(|one| !one.histograms.is_empty());
    let figures = with_histograms.map(|mut one| {
        one.values = empty_column(one.values.len());
        for (value, histogram) in one.values.iter_mut().zip(one.histograms.drain(..)) {
            if let Some(histogram) = histogram {
                *value = figure(&histogram);
            }
        }
        one.unnamed()
    });
    figures.filter(|one| !one.is_empty()).collect()
}

/// The histograms of a vector.
struct Inputs<'a> {
    arg: &'a Expr,
    /// Series with native histograms.
    native: Vec<Series>,
    classic: Vec<Classic>,
}

/// Buckets that differ in nothing but their bound.
struct Classic {
    metric: Metric,
    buckets: Vec<(f64, Column)>,
}

impl<'a> Inputs<'a> {
    fn of(evaluator: &Evaluator<'_>, arg: &'a Expr) -> Result<Self, QueryError> {
        let mut inputs = Self {
            arg,
            native: Vec::new(),
            classic: Vec::new(),
        };
        let mut places: FxHashMap<LabelSet, usize> = FxHashMap::default();
        for mut series in evaluator.vector(arg)? {
            if !series.histograms.is_empty() {
                let floats = series.values.clone();
                let metric = series.metric.clone();
                series.values = empty_column(floats.len());
                inputs.native.push(series);
                series = Series::of_floats(metric, floats);
            }
            if !series.is_empty() {
                inputs.add_bucket(evaluator, &mut places, series);
            }
        }
        for histogram in &mut inputs.classic {
            histogram.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        inputs.leave_out_doubles(evaluator, &places);
        Ok(inputs)
    }

    fn add_bucket(
        &mut self,
        evaluator: &Evaluator<'_>,
        places: &mut FxHashMap<LabelSet, usize>,
        series: Series,
    ) {
        let le = series.metric.get(BUCKET_LABEL).unwrap_or_default();
        let Some(bound) = parse_number(le) else {
            let note = Note::BadBucketLabel(le.to_owned());
            return evaluator.note(&note, series.metric.name(), self.arg);
        };
        let others = series
            .metric
            .iter()
            .filter(|(name, _)| *name != BUCKET_LABEL);
        let key = LabelSet::new(others);
        let place = *places.entry(key.clone()).or_insert_with(|| {
            let labels = key.without(LabelSet::NAME);
            self.classic.push(Classic {
                metric: series.metric.relabelled(labels, false),
                buckets: Vec::new(),
            });
            self.classic.len() - 1
        });
        self.classic[place].buckets.push((bound, series.values));
    }

    /// A classic histogram of the same labels as a native one at the same step: neither counts.
    fn leave_out_doubles(
        &mut self,
        evaluator: &Evaluator<'_>,
        places: &FxHashMap<LabelSet, usize>,
    ) {
        for native in &mut self.native {
            let Some(&place) = places.get(&*native.metric.labels()) else {
                continue;
            };
            let classic = &mut self.classic[place];
            for step in 0..native.values.len() {
                let buckets = &mut classic.buckets;
                let is_classic = buckets.iter().any(|(_, column)| !is_stale(column[step]));
                if is_classic && native.is_present(step) {
                    evaluator.note(&Note::MixedClassicNative, native.metric.name(), self.arg);
                    native.set(step, Point::None);
                    for (_, column) in buckets {
                        column[step] = crate::staleness::STALE;
                    }
                }
            }
        }
    }
}

fn quantiles(
    evaluator: &Evaluator<'_>,
    q: &[f64],
    q_arg: &Expr,
    inputs: &Inputs<'_>,
) -> Vec<Series> {
    if let Some(q) = q.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        let note = Note::InvalidQuantile(general(*q));
        evaluator.note(&note, "", q_arg);
    }
    let native = |step: usize, histogram: &NativeHistogram| native::quantile(q[step], histogram);
    let mut results = of_native(evaluator, q_arg, inputs, &native);
    results.extend(of_classic(inputs, |step, buckets, metric| {
        let (value, forced) = classic_histogram::quantile(q[step], buckets);
        if forced {
            evaluator.note(&Note::ForcedMonotonic, metric.name(), inputs.arg);
        }
        value
    }));
    results
}

fn fractions(
    evaluator: &Evaluator<'_>,
    [lower, upper]: [&[f64]; 2],
    first_arg: &Expr,
    inputs: &Inputs<'_>,
) -> Vec<Series> {
    let native = |step: usize, histogram: &NativeHistogram| {
        native::fraction(lower[step], upper[step], histogram)
    };
    let mut results = of_native(evaluator, first_arg, inputs, &native);
    results.extend(of_classic(inputs, |step, buckets, _| {
        classic_histogram::fraction(lower[step], upper[step], buckets)
    }));
    results
}

type NativeFunction<'f> = dyn Fn(usize, &NativeHistogram) -> (f64, Option<Note>) + 'f;

fn of_native(
    evaluator: &Evaluator<'_>,
    place: &Expr,
    inputs: &Inputs<'_>,
    function: &NativeFunction<'_>,
) -> Vec<Series> {
    let results = inputs.native.iter().map(|series| {
        let metric = series.metric.clone().unnamed();
        let mut values = empty_column(series.values.len());
        let steps = values.iter_mut().zip(&series.histograms).enumerate();
        for (step, (value, histogram)) in steps {
            let Some(histogram) = histogram.as_ref().map(Arc::as_ref) else {
                continue;
            };
            let (result, note) = function(step, histogram);
            *value = result;
            if let Some(note) = note {
                evaluator.note(&note, metric.name(), place);
            }
        }
        Series::of_floats(metric, values)
    });
    results.filter(|one| !one.is_empty()).collect()
}

fn of_classic(
    inputs: &Inputs<'_>,
    function: impl Fn(usize, &mut Vec<Bucket>, &Metric) -> f64,
) -> Vec<Series> {
    let mut present: Vec<Bucket> = Vec::new();
    let results = inputs.classic.iter().map(|histogram| {
        let steps = histogram
            .buckets
            .first()
            .map_or(0, |(_, column)| column.len());
        let mut values = empty_column(steps);
        for (step, value) in values.iter_mut().enumerate() {
            let buckets = histogram.buckets.iter();
            let buckets = buckets.map(|(upper, column)| (*upper, column[step]));
            let buckets = buckets.filter(|(_, count)| !is_stale(*count));
            present.clear();
            present.extend(buckets.map(|(upper, count)| Bucket { upper, count }));
            if !present.is_empty() {
                *value = function(step, &mut present, &histogram.metric);
            }
        }
        Series::of_floats(histogram.metric.clone().unnamed(), values)
    });
    results.filter(|one| !one.is_empty()).collect()
}
