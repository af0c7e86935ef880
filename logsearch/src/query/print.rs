use std::fmt::{self, Display, Formatter, Write as _};

use super::expr::{Edge, Expr, Pattern, Test};

/// The canonical text of a query: it parses to the same tree.
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
fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/');
    let operator = matches!(
        text,
        "and" | "AND" | "or" | "OR" | "not" | "NOT" | "to" | "TO"
    );
    if !text.is_empty() && !operator && text.chars().all(plain) {
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
    use super::super::parse;
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
            ("[a-zé.:@ (-]{1,9}", test).prop_map(|(name, test)| Expr::Field { name, test }),
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

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_tree(expr in expr()) {
            let text = expr.to_string();
            prop_assert_eq!(parse(&text), Ok(expr), "{}", text);
        }
    }
}
