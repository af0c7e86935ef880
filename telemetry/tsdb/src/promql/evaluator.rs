use std::sync::Arc;

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Call, Expr};

use super::budget::Budget;
use super::gathering::{Collected, Gather};
use super::grid::Grid;
use super::metric::Metric;
use super::notes::{Note, Notes};
use super::outcome::Outcome;
use super::parse::Parsed;
use super::value::{Column, SampledSeries, Series, Value, joined_unnamed, same_labels};
use super::{aggregation, binary, functions, native, range_functions};
use crate::QueryError;
use crate::storage::{Points, Store};

/// Evaluates expressions over one grid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluator<'a> {
    pub(crate) store: &'a Store,
    pub(crate) grid: Grid,
    /// What the whole query asked for, for `@ start()` and `@ end()`, also within subqueries.
    pub(crate) query: Asked,
    /// The clock's time, which bounds what is carried forward.
    pub(crate) now: i64,
    /// How far back an instant lookup goes, in milliseconds.
    pub(crate) lookback: i64,
    /// Whether names go only at the end.
    pub(crate) delayed: bool,
    pub(crate) budget: &'a Budget,
    pub(crate) parsed: &'a Parsed,
    pub(crate) notes: &'a Notes,
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
            Expr::NumberLiteral(number) => self.constant(number.val).map(Value::Scalar),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(paren) => self.eval(&paren.expr),
            Expr::Unary(unary) => Ok(match self.eval(&unary.expr)? {
                Value::Scalar(column) => Value::Scalar(column.into_iter().map(|v| -v).collect()),
                Value::Vector(series) => {
                    let negated = series.into_iter().map(negated).collect();
                    Value::Vector(joined_unnamed(negated)?)
                }
                text @ Value::Text(_) => text,
            }),
            Expr::Binary(_) => binary::eval(self, expr),
            Expr::Aggregate(_) => aggregation::eval(self, expr).map(Value::Vector),
            Expr::VectorSelector(_) => self.collect(expr).map(Value::Vector),
            Expr::Call(call) if range_functions::is_one(call) => {
                self.collect(expr).map(Value::Vector)
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

    /// Gathers the series of a vector as they come, so that not all need be held at once.
    pub(crate) fn gather<G: Gather>(
        &self,
        expr: &Expr,
        fresh: &(dyn Fn() -> G + Sync),
    ) -> Result<G, QueryError> {
        match expr {
            Expr::Paren(paren) => self.gather(&paren.expr, fresh),
            Expr::VectorSelector(selector) => self.gather_selected(selector, fresh),
            Expr::Call(call) if range_functions::is_one(call) && self.stays_unique(call) => {
                range_functions::gather(self, call, fresh)
            }
            _ => {
                let mut gathered = fresh();
                for mut series in self.vector(expr)? {
                    gathered.take(&mut series)?;
                }
                Ok(gathered)
            }
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
    pub(crate) fn constant(&self, value: f64) -> Result<Column, QueryError> {
        self.budget.hold(self.grid.steps)?;
        Ok(vec![value; self.grid.steps])
    }

    /// A scalar as a vector of one series without labels.
    pub(crate) fn unlabelled(&self, values: Column) -> Vec<Series> {
        let metric = Metric::new(Arc::default()).delayed(self.delayed);
        vec![Series::of_floats(metric, values)]
    }

    /// Notes what the query's author should know; `expr` is what the note is about.
    pub(crate) fn note(&self, note: &Note, metric: &str, expr: &Expr) {
        self.notes.add(note, metric, || self.parsed.place(expr));
    }

    fn collect(&self, expr: &Expr) -> Result<Vec<Series>, QueryError> {
        let fresh = || Collected::new(self);
        let Expr::Call(call) = expr else {
            return Ok(self.gather(expr, &fresh)?.series);
        };
        let series = range_functions::gather(self, call, &fresh)?.series;
        if self.stays_unique(call) {
            return Ok(series);
        }
        let labels = series.iter().map(|one| one.metric.labels());
        let unique: rustc_hash::FxHashSet<_> = labels.collect();
        if unique.len() < series.len() {
            return Err(same_labels());
        }
        Ok(series)
    }

    /// Whether no two series that a range function is over become alike when the name goes.
    fn stays_unique(&self, call: &Call) -> bool {
        self.delayed
            || call.args.args.iter().any(|arg| match &**arg {
                Expr::MatrixSelector(selector) => selector.vs.name.is_some(),
                _ => false,
            })
    }

    /// The samples of a range expression in its window at the last step.
    fn samples_at_end(&self, expr: &Expr) -> Result<Vec<SampledSeries>, QueryError> {
        let step = self.grid.steps.saturating_sub(1);
        let mut all = Vec::new();
        self.each_range(expr, &mut |metric, points, windows| {
            let (floats, histograms) = windows.inside(points, step);
            let mut points = Points::default();
            points.floats.extend_from_slice(floats);
            points.histograms.extend_from_slice(histograms);
            self.budget
                .hold(points.floats.len() + 16 * points.histograms.len())?;
            if !points.is_empty() {
                let metric = metric.clone();
                all.push(SampledSeries { metric, points });
            }
            Ok(())
        })?;
        Ok(all)
    }
}

fn negated(mut series: Series) -> Series {
    for value in &mut series.values {
        if !crate::staleness::is_stale(*value) {
            *value = -*value;
        }
    }
    for histogram in series.histograms.iter_mut().flatten() {
        native::scale(Arc::make_mut(histogram), -1.0);
    }
    series.unnamed()
}

/// Whether an expression is of the scalar type.
pub(crate) fn is_scalar(expr: &Expr) -> bool {
    expr.value_type() == ValueType::Scalar
}

pub(crate) fn failed(reason: &str) -> QueryError {
    QueryError::Execution(reason.to_owned())
}
