//! What stands around the box of a query, wherever records or spans are searched: where it cannot be
//! read, what was perhaps meant, and its clauses as pills.

mod hint;
mod pills;

use crate::figures;

pub(crate) use self::hint::{Hint, hint};
pub(crate) use self::pills::{Pill, pills};

/// The state of a page that has a query.
pub(crate) trait QueryUrl {
    fn query(&self) -> &str;

    /// Clauses that were taken out of the query for now.
    fn off(&self) -> &[String];

    /// The first page of what another query finds, all else as it is.
    fn asking(&self, query: &str, off: Vec<String>) -> String;
}

/// A query that cannot be read: its text up to the error and from it on, and what is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Unreadable {
    pub(crate) head: String,
    pub(crate) tail: String,
    pub(crate) reason: String,
}

impl Unreadable {
    /// `column` counts characters from one.
    pub(crate) fn new(query: &str, column: usize, reason: &str) -> Self {
        let (head, _) = figures::cut(query, column.saturating_sub(1));
        Self {
            tail: query[head.len()..].to_owned(),
            head: head.to_owned(),
            reason: format!("column {column}: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_marked_where_it_stands() {
        let error = Unreadable::new("é:(", 3, "expected a value");
        assert_eq!((error.head.as_str(), error.tail.as_str()), ("é:", "("));
        assert_eq!(error.reason, "column 3: expected a value");
        let beyond = Unreadable::new("a", 9, "");
        assert_eq!((beyond.head.as_str(), beyond.tail.as_str()), ("a", ""));
    }
}
