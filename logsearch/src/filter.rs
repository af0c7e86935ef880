//! A query that knows its field table: what the tail evaluates and a split is asked.

mod cost;
mod did_you_mean;
mod matches;
mod resolve;

pub(crate) use cost::affordable;
pub(crate) use did_you_mean::hint_at;
pub(crate) use matches::{matches, number_of, texts};
pub(crate) use resolve::{KnownNames, resolve};

use std::ops::{Bound, RangeBounds as _};

use watchfire_schemas::TraceId;

use crate::scalar::Scalar;

/// Which records are meant. Fields are indices into the dataset's field table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    All,
    Nothing,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Text(TextFilter),
    TextPresent {
        field: usize,
    },
    Keyword {
        field: usize,
        test: KeywordTest,
    },
    /// Between the two, both inclusive.
    Number {
        field: usize,
        low: i64,
        high: i64,
    },
    NumberPresent {
        field: usize,
    },
    Trace {
        field: usize,
        id: TraceId,
    },
    TracePresent {
        field: usize,
    },
    Attribute {
        path: String,
        test: AttributeTest,
    },
}

/// Tokens next to each other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TextFilter {
    /// Which text of the field table, counted among its texts; `None` for any of them.
    pub(crate) section: Option<usize>,
    /// At least one.
    pub(crate) tokens: Vec<String>,
    /// Whether the last token is only the beginning of one.
    pub(crate) prefix: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum KeywordTest {
    Is(String),
    Prefix(String),
    Present,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AttributeTest {
    Is(Literal),
    /// Texts only.
    Prefix(String),
    Present,
    /// Numbers only, compared as 64-bit floats.
    Within(NumberRange),
}

/// What one value in a query may mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Literal {
    pub(crate) text: String,
    pub(crate) number: Option<Scalar<'static>>,
    pub(crate) bool: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NumberRange {
    pub(crate) low: Bound<f64>,
    pub(crate) high: Bound<f64>,
}

impl Literal {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            number: Scalar::parse_number(text),
            bool: text.parse().ok(),
        }
    }
}

impl NumberRange {
    pub(crate) fn contains(&self, n: f64) -> bool {
        (self.low, self.high).contains(&n)
    }

    /// Whether the number comes before all of the range.
    pub(crate) fn is_below(&self, n: f64) -> bool {
        !(self.low, Bound::Unbounded).contains(&n)
    }

    /// Whether it comes after.
    pub(crate) fn is_above(&self, n: f64) -> bool {
        !(Bound::Unbounded, self.high).contains(&n)
    }
}
