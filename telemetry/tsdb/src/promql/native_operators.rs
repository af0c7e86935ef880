//! Binary operators where one operand is a histogram at least.

use std::sync::Arc;

use promql_parser::parser::token::{self, TokenId};
use watchfire_schemas::NativeHistogram;

use super::native;
use super::notes::Note;
use super::value::Point;

/// What an operator came to.
#[derive(Debug)]
pub(crate) enum Applied {
    None,
    Histogram(Arc<NativeHistogram>),
    /// Of a comparison.
    Holds(bool),
}

pub(crate) fn apply(
    op: TokenId,
    left: &Point,
    right: &Point,
    note: &mut dyn FnMut(Note),
) -> Applied {
    match (left, right) {
        (Point::Histogram(left), Point::Histogram(right)) => match op {
            token::T_ADD => summed(op, left, right, native::add, note),
            token::T_SUB => summed(op, left, right, native::subtract, note),
            token::T_EQLC => Applied::Holds(native::equal(left, right)),
            token::T_NEQ => Applied::Holds(!native::equal(left, right)),
            _ => impossible(op, ["histogram", "histogram"], note),
        },
        (Point::Histogram(left), Point::Float(right)) => match op {
            token::T_MUL => scaled(left, |h| native::scale(h, *right)),
            token::T_DIV => scaled(left, |h| native::divide(h, *right)),
            _ => impossible(op, ["histogram", "float"], note),
        },
        (Point::Float(left), Point::Histogram(right)) => match op {
            token::T_MUL => scaled(right, |h| native::scale(h, *left)),
            _ => impossible(op, ["float", "histogram"], note),
        },
        (Point::None | Point::Float(_), _) | (_, Point::None) => Applied::None,
    }
}

fn summed(
    op: TokenId,
    left: &NativeHistogram,
    right: &NativeHistogram,
    sum: fn(&mut NativeHistogram, &NativeHistogram) -> Result<(), native::Mismatch>,
    note: &mut dyn FnMut(Note),
) -> Applied {
    let mut result = left.clone();
    if sum(&mut result, right).is_err() {
        note(Note::IncompatibleBuckets(symbol(op)));
        return Applied::None;
    }
    native::compact(&mut result);
    Applied::Histogram(Arc::new(result))
}

fn scaled(histogram: &NativeHistogram, change: impl FnOnce(&mut NativeHistogram)) -> Applied {
    let mut result = histogram.clone();
    change(&mut result);
    native::compact(&mut result);
    Applied::Histogram(Arc::new(result))
}

fn impossible(
    op: TokenId,
    [left, right]: [&'static str; 2],
    note: &mut dyn FnMut(Note),
) -> Applied {
    let operator = symbol(op);
    note(Note::IncompatibleTypes {
        left,
        operator,
        right,
    });
    Applied::None
}

fn symbol(op: TokenId) -> String {
    token::TokenType::new(op).to_string()
}
