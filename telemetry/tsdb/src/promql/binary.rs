use promql_parser::parser::BinaryExpr;
use promql_parser::parser::token::{self, TokenId};

use super::evaluator::{Evaluator, failed, is_scalar};
use super::value::{Series, Value, joined_unnamed};
use super::{matching, set_operators};
use crate::QueryError;
use crate::staleness::{STALE, is_stale};

/// What a binary operator does with two numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operator {
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
        Some(Self::Arithmetic(arithmetic))
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
        Some(Self::Comparison { holds, as_number })
    }

    /// The result, with `kept` as the value that a comparison lets through.
    pub(crate) fn apply(self, left: f64, right: f64, kept: f64) -> f64 {
        if is_stale(left) || is_stale(right) {
            return STALE;
        }
        match self {
            Self::Arithmetic(compute) => compute(left, right),
            Self::Comparison { holds, as_number } => match (holds(left, right), as_number) {
                (holds, true) => f64::from(u8::from(holds)),
                (true, false) => kept,
                (false, false) => STALE,
            },
        }
    }

    /// Whether the result is of another metric than the operands.
    pub(crate) fn drops_name(self) -> bool {
        !matches!(
            self,
            Self::Comparison {
                as_number: false,
                ..
            }
        )
    }
}

pub(crate) fn eval(evaluator: &Evaluator<'_>, expr: &BinaryExpr) -> Result<Value, QueryError> {
    if expr.op.is_set_operator() {
        return set_operators::eval(evaluator, expr).map(Value::Vector);
    }
    let operator = Operator::new(expr.op.id(), expr.return_bool())
        .ok_or_else(|| failed(&format!("operator {} is not supported", expr.op)))?;
    match (is_scalar(&expr.lhs), is_scalar(&expr.rhs)) {
        (true, true) => {
            let (left, right) = (evaluator.scalar(&expr.lhs)?, evaluator.scalar(&expr.rhs)?);
            let pairs = left.iter().zip(&right);
            Ok(Value::Scalar(
                pairs.map(|(&l, &r)| operator.apply(l, r, l)).collect(),
            ))
        }
        (true, false) => {
            let left = evaluator.scalar(&expr.lhs)?;
            let series = evaluator.vector(&expr.rhs)?;
            with_scalar(series, &left, operator, |value, left| {
                operator.apply(left, value, value)
            })
        }
        (false, true) => {
            let right = evaluator.scalar(&expr.rhs)?;
            let series = evaluator.vector(&expr.lhs)?;
            with_scalar(series, &right, operator, |value, right| {
                operator.apply(value, right, value)
            })
        }
        (false, false) => matching::eval(evaluator, expr, operator).map(Value::Vector),
    }
}

fn with_scalar(
    series: Vec<Series>,
    scalar: &[f64],
    operator: Operator,
    apply: impl Fn(f64, f64) -> f64,
) -> Result<Value, QueryError> {
    let results = series.into_iter().map(|mut one| {
        for (value, &scalar) in one.values.iter_mut().zip(scalar) {
            *value = apply(*value, scalar);
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
