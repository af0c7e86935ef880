//! The query language: text to tree and back. What the names mean is not known here.
//!
//! | query | finds records |
//! |---|---|
//! | `disk full` | with both words; `and` may stand between them |
//! | `"disk full"` | with the words next to each other |
//! | `conn*`, `"reset by p"*` | with a word, a phrase, that begins so |
//! | `service:pay`, `service:"a b"`, `service:pay*` | with this value, with one that begins so |
//! | `service:(a or b)` | with one of these values |
//! | `user.id:*` | with any value |
//! | `duration:>100ms`, `status > 499` | with a larger one; also `>=`, `<`, `<=` |
//! | `status:[500 TO 599]`, `{0 TO *}` | with one of the range; braces leave the end out |
//! | `-x`, `not x`, `a or b`, `( … )` | as logic has it; `or` binds weakest |
//! | `*` | all of them |
//!
//! Operators are also written `AND`, `OR`, `NOT`, `&&`, `||`. A `@` or `+` in front of a field is
//! read over. A backslash takes its meaning from the next character.
//!
//! | pipe | makes of the records |
//! |---|---|
//! | `… \| count by f, g` | how many there are for each pair of values; without `by`, how many |
//! | `… \| top 5 f` | the most frequent values |
//! | `… \| hist f by 100` | how many there are in each step of numbers, durations or time |

mod expr;
mod parser;
mod pipe;
mod print;
mod scanner;

pub(crate) use expr::{Edge, Expr, Pattern, Query, Test};
pub(crate) use parser::parse;
pub(crate) use pipe::{Pipe, Step, read_duration, write_duration};

/// Whether a query ends in a pipe, so that its answer is a table. False for one that does not parse.
pub fn has_pipe(query: &str) -> bool {
    parse(query).is_ok_and(|query| query.pipe.is_some())
}
