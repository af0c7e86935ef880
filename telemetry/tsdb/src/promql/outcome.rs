//! From columns to the answer of a query.

use promql_parser::parser::Expr;
use promql_parser::parser::value::ValueType;
use watchfire_schemas::{LabelSet, Sample, Timestamp};

use super::evaluator::Evaluator;
use super::grid::Grid;
use super::value::{Column, SampledSeries, Value};
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
    pub(crate) fn at(self, at: Timestamp) -> QueryValue {
        let t = at.millis();
        match self {
            Self::Samples(series) => {
                QueryValue::Matrix(sorted(series.into_iter().map(SampledSeries::into_range)))
            }
            Self::Value(Value::Text(text)) => QueryValue::String(at, text),
            Self::Value(Value::Scalar(column)) => {
                let v = column.first().copied().unwrap_or(f64::NAN);
                QueryValue::Scalar(Sample { t, v })
            }
            Self::Value(Value::Vector(series)) => {
                let present = series.into_iter().filter(|one| !one.is_empty());
                let samples = present.map(|one| InstantSample {
                    labels: LabelSet::clone(&one.metric.labels()),
                    sample: Sample {
                        t,
                        v: one.values[0],
                    },
                    histogram: None,
                });
                QueryValue::Vector(samples.collect())
            }
        }
    }
}

impl SampledSeries {
    fn into_range(self) -> RangeSeries {
        RangeSeries {
            labels: LabelSet::clone(&self.metric.labels()),
            samples: self.samples,
            histograms: Vec::new(),
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
        self.budget.hold(self.grid.steps)?;
        Ok(match self.eval(expr)? {
            Value::Scalar(column) => vec![RangeSeries {
                samples: samples(self.grid, &column),
                ..RangeSeries::default()
            }],
            Value::Vector(series) => sorted(series.into_iter().map(|one| RangeSeries {
                labels: LabelSet::clone(&one.metric.labels()),
                samples: samples(self.grid, &one.values),
                histograms: Vec::new(),
            })),
            Value::Text(_) => Vec::new(),
        })
    }
}

fn samples(grid: Grid, column: &Column) -> Vec<Sample> {
    let present = grid.times().zip(column).filter(|(_, v)| !is_stale(**v));
    present.map(|(t, &v)| Sample { t, v }).collect()
}

/// Without the series that have nothing, in the order of their labels.
fn sorted(series: impl Iterator<Item = RangeSeries>) -> Vec<RangeSeries> {
    let mut series: Vec<_> = series.filter(|one| !one.samples.is_empty()).collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}
