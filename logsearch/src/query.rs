//! The query language: text to tree and back. What the names mean is not known here.
//!
//! | query | finds records |
//! |---|---|
//! | `disk full` | with both words; `and` may stand between them |
//! | `"disk full"` | with the words next to each other |
//! | `conn*` | with a word that begins so |
//! | `service:pay`, `service:"a b"`, `service:pay*` | with this value, with one that begins so |
//! | `service:(a or b)` | with one of these values |
//! | `user.id:*` | with any value |
//! | `duration:>100ms`, `status > 499` | with a larger one; also `>=`, `<`, `<=` |
//! | `status:[500 TO 599]`, `{0 TO *}` | with one of the range; braces leave the end out |
//! | `-x`, `not x`, `a or b`, `( … )` | as logic has it; `or` binds weakest |
//!
//! A backslash takes its meaning from the next character.

mod expr;
mod parser;
mod print;
mod scanner;

pub(crate) use expr::{Edge, Expr, Pattern, Test};
pub(crate) use parser::parse;

/// Whether a query ends in a pipe, so that its answer is a table. False for one that does not parse.
pub fn has_pipe(query: &str) -> bool {
    unimplemented!("{query}")
}
