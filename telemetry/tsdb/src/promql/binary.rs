use promql_parser::parser::Expr;
use promql_parser::parser::token::{self, TokenId};

use super::evaluator::{Evaluator, failed, is_scalar};
use super::native_operators::{self, Applied};
use super::notes::Note;
use super::value::{Point, Series, Value, joined_unnamed};
use super::{matching, set_operators};
use crate::QueryError;
use crate::staleness::{STALE, is_stale};

/// What a binary operator does with two numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator {
    pub(crate) op: TokenId,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Arithmetic(fn(f64, f64) -> f64),
    /// Keeps the left value where it holds, or gives 0 and 1 if `bool` is said.
    Comparison {
        holds: fn(f64, f64) -> bool,
        as_number: bool,
    },
}

impl Operator {
    fn new(op: TokenId, as_number: bool) -> Option<Self> {
        let arithmetic: fn(f64, f64) -> f64 = match op {
            token::T_ADD => |a, b| a + b,
            token::T_SUB => |a, b| a - b,
            token::T_MUL => |a, b| a * b,
            token::T_DIV => |a, b| a / b,
            token::T_MOD => |a, b| a % b,
            token::T_POW => f64::powf,
            token::T_ATAN2 => f64::atan2,
            _ => return Self::comparison(op, as_number),
        };
        let kind = Kind::Arithmetic(arithmetic);
        Some(Self { op, kind })
    }

    fn comparison(op: TokenId, as_number: bool) -> Option<Self> {
        let holds: fn(f64, f64) -> bool = match op {
            token::T_EQLC => |a, b| a.partial_cmp(&b).is_some_and(std::cmp::Ordering::is_eq),
            token::T_NEQ => |a, b| !a.partial_cmp(&b).is_some_and(std::cmp::Ordering::is_eq),
            token::T_GTR => |a, b| a > b,
            token::T_LSS => |a, b| a < b,
            token::T_GTE => |a, b| a >= b,
            token::T_LTE => |a, b| a <= b,
            _ => return None,
        };
        let kind = Kind::Comparison { holds, as_number };
        Some(Self { op, kind })
    }

    /// The result, with `kept` as the value that a comparison lets through.
    pub(crate) fn apply(self, left: f64, right: f64, kept: f64) -> f64 {
        if is_stale(left) || is_stale(right) {
            return STALE;
        }
        match self.kind {
            Kind::Arithmetic(compute) => compute(left, right),
            Kind::Comparison { holds, as_number } => match (holds(left, right), as_number) {
                (holds, true) => f64::from(u8::from(holds)),
                (true, false) => kept,
                (false, false) => STALE,
            },
        }
    }

    /// The result where a histogram may be among the operands.
    pub(crate) fn apply_points(
        self,
        left: &Point,
        right: &Point,
        kept: &Point,
        note: &mut dyn FnMut(Note),
    ) -> Point {
        if let (Point::Float(left), Point::Float(right), Point::Float(kept)) = (left, right, kept) {
            let value = self.apply(*left, *right, *kept);
            return if is_stale(value) {
                Point::None
            } else {
                Point::Float(value)
            };
        }
        let applied = native_operators::apply(self.op, left, right, note);
        match (applied, self.gives_number()) {
            (Applied::Histogram(histogram), _) => Point::Histogram(histogram),
            (Applied::Holds(holds), true) => Point::Float(f64::from(u8::from(holds))),
            (Applied::Holds(true), false) => kept.clone(),
            (Applied::Holds(false), false) | (Applied::None, _) => Point::None,
        }
    }

    /// Whether `bool` is said.
    pub(crate) fn gives_number(self) -> bool {
        matches!(
            self.kind,
            Kind::Comparison {
                as_number: true,
                ..
            }
        )
    }

    pub(crate) fn is_comparison(self) -> bool {
        matches!(self.kind, Kind::Comparison { .. })
    }

    /// Whether the result is of another metric than the operands.
    pub(crate) fn drops_name(self) -> bool {
        !self.is_comparison() || self.gives_number()
    }
}

pub(crate) fn eval(evaluator: &Evaluator<'_>, expr: &Expr) -> Result<Value, QueryError> {
    let Expr::Binary(binary) = expr else {
        return Err(failed("expected a binary operation"));
    };
    if binary.op.is_set_operator() {
        return set_operators::eval(evaluator, binary).map(Value::Vector);
    }
    let operator = Operator::new(binary.op.id(), binary.return_bool())
        .ok_or_else(|| failed(&format!("operator {} is not supported", binary.op)))?;
    match (is_scalar(&binary.lhs), is_scalar(&binary.rhs)) {
        (true, true) => {
            let left = evaluator.scalar(&binary.lhs)?;
            let right = evaluator.scalar(&binary.rhs)?;
            let pairs = left.iter().zip(&right);
            Ok(Value::Scalar(
                pairs.map(|(&l, &r)| operator.apply(l, r, l)).collect(),
            ))
        }
        (true, false) => {
            let left = evaluator.scalar(&binary.lhs)?;
            let series = evaluator.vector(&binary.rhs)?;
            with_scalar(evaluator, expr, operator, series, (&left, true))
        }
        (false, true) => {
            let right = evaluator.scalar(&binary.rhs)?;
            let series = evaluator.vector(&binary.lhs)?;
            with_scalar(evaluator, expr, operator, series, (&right, false))
        }
        (false, false) => matching::eval(evaluator, expr, binary, operator).map(Value::Vector),
    }
}

/// `scalar` comes with whether it is on the left. A comparison keeps the vector's value.
fn with_scalar(
    evaluator: &Evaluator<'_>,
    expr: &Expr,
    operator: Operator,
    series: Vec<Series>,
    (scalar, on_left): (&[f64], bool),
) -> Result<Value, QueryError> {
    let mut note = |note| evaluator.note(&note, "", expr);
    let results = series.into_iter().map(|mut one| {
        for (value, &scalar) in one.values.iter_mut().zip(scalar) {
            let (left, right) = if on_left {
                (scalar, *value)
            } else {
                (*value, scalar)
            };
            if !is_stale(*value) {
                *value = operator.apply(left, right, *value);
            }
        }
        for step in 0..one.histograms.len() {
            let Some(histogram) = one.histogram(step) else {
                continue;
            };
            let vector = Point::Histogram(histogram.clone());
            let scalar = Point::Float(scalar[step]);
            let (left, right) = if on_left {
                (&scalar, &vector)
            } else {
                (&vector, &scalar)
            };
            let point = operator.apply_points(left, right, &vector, &mut note);
            one.set(step, point);
        }
        if operator.drops_name() {
            one.unnamed()
        } else {
            one
        }
    });
    let results = results.filter(|one| !one.is_empty()).collect();
    joined_unnamed(results).map(Value::Vector)
}
