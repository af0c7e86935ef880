use std::sync::Arc;

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Call, Expr};
use watchfire_schemas::Sample;

use super::budget::Budget;
use super::grid::Grid;
use super::outcome::Outcome;
use super::value::{Column, Metric, SampledSeries, Series, Value, joined_unnamed};
use super::{aggregation, binary, functions, range_functions};
use crate::QueryError;
use crate::storage::Store;

/// Evaluates expressions over one grid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluator<'a> {
    pub(crate) store: &'a Store,
    pub(crate) grid: Grid,
    /// What the whole query asked for, for `@ start()` and `@ end()`, also within subqueries.
    pub(crate) query: Asked,
    /// The clock's time, which bounds what is carried forward.
    pub(crate) now: i64,
    pub(crate) budget: &'a Budget,
}

/// The times of a query as they were asked for, in milliseconds; the end need not be on the grid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: i64,
}

impl Asked {
    pub(crate) fn grid(self) -> Grid {
        Grid::new(self.start, self.end, self.step)
    }
}

/// Takes series one by one.
pub(crate) type Sink<'s> = dyn FnMut(Series) -> Result<(), QueryError> + 's;

impl Evaluator<'_> {
    /// Evaluates the expression of an instant query, which alone may be a range.
    pub(crate) fn outcome(&self, expr: &Expr) -> Result<Outcome, QueryError> {
        match expr {
            Expr::Paren(paren) => self.outcome(&paren.expr),
            Expr::MatrixSelector(_) | Expr::Subquery(_) => {
                let samples = self.samples_at_end(expr)?;
                Ok(Outcome::Samples(samples))
            }
            _ => self.eval(expr).map(Outcome::Value),
        }
    }

    pub(crate) fn eval(&self, expr: &Expr) -> Result<Value, QueryError> {
        self.budget.check_time()?;
        match expr {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(self.constant(number.val))),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(paren) => self.eval(&paren.expr),
            Expr::Unary(unary) => Ok(match self.eval(&unary.expr)? {
                Value::Scalar(column) => Value::Scalar(column.into_iter().map(|v| -v).collect()),
                Value::Vector(series) => Value::Vector(joined_unnamed(
                    series
                        .into_iter()
                        .map(|one| one.map(|v| -v).unnamed())
                        .collect(),
                )?),
                text @ Value::Text(_) => text,
            }),
            Expr::Binary(operation) => binary::eval(self, operation),
            Expr::Aggregate(aggregate) => aggregation::eval(self, aggregate).map(Value::Vector),
            Expr::VectorSelector(_) => self.collect(expr).map(Value::Vector),
            Expr::Call(call) if range_functions::is_one(call) => {
                joined_unnamed(self.collect(expr)?).map(Value::Vector)
            }
            Expr::Call(call) => functions::eval(self, call),
            Expr::MatrixSelector(_) | Expr::Subquery(_) => {
                Err(failed("expected an instant vector, got a range vector"))
            }
            Expr::Extension(extension) => Err(failed(&format!(
                "unknown expression: {}",
                extension.expr.name()
            ))),
        }
    }

    /// Hands over the series of a vector one by one, so that not all need be held at once.
    pub(crate) fn each(&self, expr: &Expr, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        match expr {
            Expr::Paren(paren) => self.each(&paren.expr, sink),
            Expr::VectorSelector(selector) => self.each_selected(selector, sink),
            Expr::Call(call) if range_functions::is_one(call) && names_one_metric(call) => {
                range_functions::each(self, call, sink)
            }
            _ => self.vector(expr)?.into_iter().try_for_each(sink),
        }
    }

    pub(crate) fn vector(&self, expr: &Expr) -> Result<Vec<Series>, QueryError> {
        match self.eval(expr)? {
            Value::Vector(series) => Ok(series),
            _ => Err(failed("expected an instant vector")),
        }
    }

    pub(crate) fn scalar(&self, expr: &Expr) -> Result<Column, QueryError> {
        match self.eval(expr)? {
            Value::Scalar(column) => Ok(column),
            _ => Err(failed("expected a scalar")),
        }
    }

    pub(crate) fn text(&self, expr: &Expr) -> Result<String, QueryError> {
        match self.eval(expr)? {
            Value::Text(text) => Ok(text),
            _ => Err(failed("expected a string")),
        }
    }

    /// The same value at each step.
    pub(crate) fn constant(&self, value: f64) -> Column {
        vec![value; self.grid.steps]
    }

    /// A scalar as a vector of one series without labels.
    pub(crate) fn unlabelled(values: Column) -> Vec<Series> {
        let metric = Metric::new(Arc::default());
        vec![Series { metric, values }]
    }

    fn collect(&self, expr: &Expr) -> Result<Vec<Series>, QueryError> {
        let mut all = Vec::new();
        let mut keep = |series: Series| {
            self.budget.hold(series.values.len())?;
            all.push(series);
            Ok(())
        };
        match expr {
            Expr::VectorSelector(selector) => self.each_selected(selector, &mut keep)?,
            Expr::Call(call) => range_functions::each(self, call, &mut keep)?,
            _ => return self.vector(expr),
        }
        Ok(all)
    }

    /// The samples of a range expression in its window at the last step.
    fn samples_at_end(&self, expr: &Expr) -> Result<Vec<SampledSeries>, QueryError> {
        let step = self.grid.steps.saturating_sub(1);
        let mut all = Vec::new();
        self.each_range(expr, &mut |metric, samples, windows| {
            let inside: Vec<Sample> = windows.samples(samples, step).to_vec();
            self.budget.hold(inside.len())?;
            if !inside.is_empty() {
                let metric = metric.clone();
                all.push(SampledSeries {
                    metric,
                    samples: inside,
                });
            }
            Ok(())
        })?;
        Ok(all)
    }
}

/// Whether all series that a range function is over are of one metric, so that none become alike
/// when the name goes.
fn names_one_metric(call: &Call) -> bool {
    call.args.args.iter().any(|arg| match &**arg {
        Expr::MatrixSelector(selector) => selector.vs.name.is_some(),
        _ => false,
    })
}

/// Whether an expression is of the scalar type.
pub(crate) fn is_scalar(expr: &Expr) -> bool {
    expr.value_type() == ValueType::Scalar
}

pub(crate) fn failed(reason: &str) -> QueryError {
    QueryError::Execution(reason.to_owned())
}
