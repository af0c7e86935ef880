use std::fmt::{self, Display, Formatter, Write as _};

use super::expr::{Edge, Expr, Pattern, Query, Test};

/// The canonical text of a query: it parses to the same tree.
impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.filter.fmt(f)?;
        match &self.pipe {
            Some(pipe) => write!(f, " | {pipe}"),
            None => Ok(()),
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::And(parts) => joined(f, parts, " ", |part| {
                matches!(part, Self::And(_) | Self::Or(_))
            }),
            Self::Or(parts) => joined(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            Self::Not(inner) => {
                f.write_str("not ")?;
                nested(f, inner, matches!(**inner, Self::And(_) | Self::Or(_)))
            }
            Self::Words(pattern) => pattern.fmt(f),
            Self::Field { name, test } => {
                // A name of digits alone would be a time such as 12:30.
                if name.bytes().all(|byte| byte.is_ascii_digit()) {
                    f.write_char('\\')?;
                }
                escaped(f, name)?;
                f.write_char(':')?;
                test.fmt(f)
            }
        }
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(pattern) => pattern.fmt(f),
            Self::Present => f.write_char('*'),
            Self::Compare(comparison, value) => {
                f.write_str(comparison.as_str())?;
                quoted(f, value)
            }
            Self::Within(low, high) => {
                f.write_char(if matches!(low, Edge::Exclusive(_)) {
                    '{'
                } else {
                    '['
                })?;
                low.fmt(f)?;
                f.write_str(" TO ")?;
                high.fmt(f)?;
                f.write_char(if matches!(high, Edge::Exclusive(_)) {
                    '}'
                } else {
                    ']'
                })
            }
        }
    }
}

impl Display for Edge {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_char('*'),
            Self::Inclusive(value) | Self::Exclusive(value) => quoted(f, value),
        }
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => quoted(f, text),
            Self::Prefix(text) => {
                escaped(f, text)?;
                f.write_char('*')
            }
        }
    }
}

fn joined(
    f: &mut Formatter<'_>,
    parts: &[Expr],
    by: &str,
    needs_parentheses: fn(&Expr) -> bool,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(by)?;
        }
        nested(f, part, needs_parentheses(part))?;
    }
    Ok(())
}

fn nested(f: &mut Formatter<'_>, part: &Expr, parentheses: bool) -> fmt::Result {
    if parentheses {
        write!(f, "({part})")
    } else {
        part.fmt(f)
    }
}

/// As it is where that cannot be misread, in quotes otherwise.
pub(super) fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/');
    let operator = matches!(
        text,
        "and" | "AND" | "or" | "OR" | "not" | "NOT" | "to" | "TO"
    );
    // After a colon, two slashes would make it the address of a page.
    let is_address = text.starts_with("//");
    if !text.is_empty() && !operator && !is_address && text.chars().all(plain) {
        return f.write_str(text);
    }
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

/// Every character that could mean something after a backslash.
fn escaped(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        if !(c.is_alphanumeric() || matches!(c, '_' | '.')) {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::expr::Comparison;
    use super::super::{Pipe, Step, parse};
    use super::*;

    fn pattern() -> impl Strategy<Value = Pattern> {
        prop_oneof![
            any::<String>().prop_map(Pattern::Exact),
            ".{1,8}".prop_map(Pattern::Prefix),
        ]
    }

    fn leaf() -> impl Strategy<Value = Expr> {
        let test = prop_oneof![
            pattern().prop_map(Test::Is),
            Just(Test::Present),
            ".*".prop_map(|value| Test::Compare(Comparison::GreaterOrEqual, value)),
            (".*", ".*").prop_map(|(a, b)| Test::Within(Edge::Inclusive(a), Edge::Exclusive(b))),
            ".*".prop_map(|a| Test::Within(Edge::Open, Edge::Inclusive(a))),
        ];
        prop_oneof![
            pattern().prop_map(Expr::Words),
            ("[a-zé0-9.:@ (-]{1,9}", test).prop_map(|(name, test)| Expr::Field { name, test }),
        ]
    }

    fn expr() -> impl Strategy<Value = Expr> {
        leaf().prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
                inner.prop_map(|inner| Expr::Not(Box::new(inner))),
            ]
        })
    }

    fn pipe() -> impl Strategy<Value = Pipe> {
        let name = || "[a-zé.:@ ,|(-]{1,9}";
        let step = prop_oneof![
            (1_u32..9_999_999).prop_map(|n| Step::Number(f64::from(n) / 1e3)),
            (1_u64..1 << 40).prop_map(|n| Step::Duration(std::time::Duration::from_nanos(n))),
        ];
        prop_oneof![
            prop::collection::vec(name(), 0..4).prop_map(Pipe::Count),
            (prop::option::of(1_usize..10_000), name())
                .prop_map(|(most, field)| Pipe::Top { most, field }),
            (name(), prop::option::of(step)).prop_map(|(field, step)| Pipe::Hist { field, step }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_tree(expr in expr()) {
            let text = expr.to_string();
            let query = Query { filter: expr, pipe: None };
            prop_assert_eq!(parse(&text), Ok(query), "{}", text);
        }

        #[test]
        fn a_query_with_a_pipe_parses_to_the_same(filter in leaf(), pipe in pipe()) {
            let query = Query { filter, pipe: Some(pipe) };
            let text = query.to_string();
            prop_assert_eq!(parse(&text), Ok(query), "{}", text);
        }

        #[test]
        fn no_text_ends_the_parser(text in "[a-c\\\\ \"()\\[\\]{}:|*<>=@+&,-]{0,24}|.{0,40}") {
            if let Ok(query) = parse(&text) {
                prop_assert_eq!(parse(&query.to_string()), Ok(query), "{}", text);
            }
        }
    }
}
