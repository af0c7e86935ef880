//! From columns to the answer of a query.

use promql_parser::parser::Expr;
use promql_parser::parser::value::ValueType;
use rustc_hash::FxHashSet;
use watchfire_schemas::{HistogramSample, LabelSet, NativeHistogram, Sample, Timestamp};

use super::evaluator::Evaluator;
use super::grid::Grid;
use super::value::{SampledSeries, Series, Value, same_labels};
use crate::staleness::is_stale;
use crate::{InstantSample, QueryError, QueryValue, RangeSeries};

/// What an expression came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Value(Value),
    /// The samples themselves, for an instant query of a range selector.
    Samples(Vec<SampledSeries>),
}

impl Outcome {
    /// The answer of an instant query.
    pub(crate) fn at(self, at: Timestamp) -> Result<QueryValue, QueryError> {
        let t = at.millis();
        Ok(match self {
            Self::Samples(series) => {
                QueryValue::Matrix(sorted(series.into_iter().map(SampledSeries::into_range))?)
            }
            Self::Value(Value::Text(text)) => QueryValue::String(at, text),
            Self::Value(Value::Scalar(column)) => {
                let v = column.first().copied().unwrap_or(f64::NAN);
                QueryValue::Scalar(Sample { t, v })
            }
            Self::Value(Value::Vector(series)) => {
                let present = series.into_iter().filter(|one| !one.is_empty());
                let samples: Vec<_> = present.map(|one| instant(t, &one)).collect();
                check_unique(samples.iter().map(|sample| &sample.labels))?;
                QueryValue::Vector(samples)
            }
        })
    }
}

fn instant(t: i64, series: &Series) -> InstantSample {
    let histogram = series.histogram(0).map(|h| NativeHistogram::clone(h));
    let v = match &histogram {
        Some(_) => f64::NAN,
        None => series.values[0],
    };
    InstantSample {
        labels: LabelSet::clone(&series.metric.final_labels()),
        sample: Sample { t, v },
        histogram,
    }
}

impl SampledSeries {
    fn into_range(self) -> RangeSeries {
        RangeSeries {
            labels: LabelSet::clone(&self.metric.final_labels()),
            samples: self.points.floats,
            histograms: self.points.histograms,
        }
    }
}

impl Evaluator<'_> {
    /// The answer of a range query.
    pub(crate) fn matrix(&self, expr: &Expr) -> Result<Vec<RangeSeries>, QueryError> {
        let kind = match expr.value_type() {
            ValueType::Scalar | ValueType::Vector => None,
            ValueType::Matrix => Some("range vector"),
            ValueType::String => Some("string"),
        };
        if let Some(kind) = kind {
            return Err(QueryError::BadData(format!(
                "invalid expression type \"{kind}\" for range query, must be Scalar or instant Vector"
            )));
        }
        match self.eval(expr)? {
            Value::Scalar(column) => Ok(vec![RangeSeries {
                samples: samples(self.grid, &column),
                ..RangeSeries::default()
            }]),
            Value::Vector(series) => sorted(series.into_iter().map(|one| RangeSeries {
                labels: LabelSet::clone(&one.metric.final_labels()),
                samples: samples(self.grid, &one.values),
                histograms: histograms(self.grid, one),
            })),
            Value::Text(_) => Ok(Vec::new()),
        }
    }
}

fn samples(grid: Grid, column: &[f64]) -> Vec<Sample> {
    let present = grid.times().zip(column).filter(|(_, v)| !is_stale(**v));
    present.map(|(t, &v)| Sample { t, v }).collect()
}

fn histograms(grid: Grid, series: Series) -> Vec<HistogramSample> {
    let steps = grid.times().zip(series.histograms);
    let present = steps.filter_map(|(t, histogram)| {
        let h = std::sync::Arc::unwrap_or_clone(histogram?);
        Some(HistogramSample { t, h })
    });
    present.collect()
}

/// Without the series that have nothing, in the order of their labels, which differ.
fn sorted(series: impl Iterator<Item = RangeSeries>) -> Result<Vec<RangeSeries>, QueryError> {
    let mut series: Vec<_> = series
        .filter(|one| !one.samples.is_empty() || !one.histograms.is_empty())
        .collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    check_unique(series.iter().map(|one| &one.labels))?;
    Ok(series)
}

fn check_unique<'l>(labels: impl ExactSizeIterator<Item = &'l LabelSet>) -> Result<(), QueryError> {
    let all = labels.len();
    let unique: FxHashSet<&LabelSet> = labels.collect();
    if unique.len() < all {
        return Err(same_labels());
    }
    Ok(())
}
