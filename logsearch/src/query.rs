//! The query language: text to tree and back. What the names mean is not known here.

mod expr;
mod parser;
mod print;

pub(crate) use expr::{Edge, Expr, Pattern, Test};
pub(crate) use parser::parse;
