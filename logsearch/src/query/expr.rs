use super::Pipe;

/// Which records are meant, and what is made of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) filter: Expr,
    pub(crate) pipe: Option<Pipe>,
}

/// Which records are meant, as the author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expr {
    /// Every record.
    All,
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// Words in the texts that words are searched in.
    Words(Pattern),
    Field {
        name: String,
        test: Test,
    },
}

/// What a field is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    Is(Pattern),
    /// It has any value.
    Present,
    Compare(Comparison, String),
    Within(Edge, Edge),
}

/// A value or the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    Exact(String),
    Prefix(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edge {
    Open,
    Inclusive(String),
    Exclusive(String),
}

impl Expr {
    /// Calls `each` with every clause, in order: words and fields.
    pub(crate) fn each_clause<'a>(&'a self, each: &mut dyn FnMut(&'a Expr)) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.each_clause(each);
                }
            }
            Self::Not(inner) => inner.each_clause(each),
            clause => each(clause),
        }
    }
}

impl Comparison {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The same as a range.
    pub(crate) fn edges(self, value: &str) -> (Edge, Edge) {
        let value = value.to_owned();
        match self {
            Self::Less => (Edge::Open, Edge::Exclusive(value)),
            Self::LessOrEqual => (Edge::Open, Edge::Inclusive(value)),
            Self::Greater => (Edge::Exclusive(value), Edge::Open),
            Self::GreaterOrEqual => (Edge::Inclusive(value), Edge::Open),
        }
    }
}
