use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use regex::Regex;
use watchfire_schemas::LabelSet;

use crate::QueryError;
use crate::promql::parse;

/// A parsed series selector such as `up{job="a"}`.
#[derive(Debug, Clone)]
pub struct Selector {
    /// Sets of matchers; a series is selected if all matchers of one set like it.
    pub(crate) alternatives: Vec<Vec<Matcher>>,
}

impl Selector {
    /// Reads a selector without range, offset or `@`.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        match parse(text)?.expr() {
            Expr::VectorSelector(selector)
                if selector.offset.is_none() && selector.at.is_none() =>
            {
                Self::new(selector)
            }
            _ => Err(QueryError::BadData(format!(
                "expected a series selector, got: {text}"
            ))),
        }
    }

    /// A series that all of these like is selected.
    pub(crate) fn of(matchers: &[promql_parser::label::Matcher]) -> Result<Self, QueryError> {
        let all = matchers
            .iter()
            .map(Matcher::new)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            alternatives: vec![all],
        })
    }

    pub(crate) fn new(selector: &VectorSelector) -> Result<Self, QueryError> {
        let name = selector.name.as_deref().map(Matcher::name_is);
        let matchers = &selector.matchers;
        let with_name = |set: &Vec<promql_parser::label::Matcher>| {
            let rest = set.iter().map(Matcher::new);
            name.iter().cloned().map(Ok).chain(rest).collect()
        };
        let first = (matchers.or_matchers.is_empty() || !matchers.matchers.is_empty())
            .then_some(&matchers.matchers);
        let sets = first.into_iter().chain(&matchers.or_matchers);
        Ok(Self {
            alternatives: sets.map(with_name).collect::<Result<_, _>>()?,
        })
    }

    /// Whether a series with these labels is selected.
    pub fn matches(&self, labels: &LabelSet) -> bool {
        self.alternatives.iter().any(|set| {
            set.iter()
                .all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or_default()))
        })
    }
}

/// All selectors within an expression.
pub(crate) fn selectors_of(expr: &Expr) -> Result<Vec<Selector>, QueryError> {
    struct Found(Vec<Selector>);
    impl ExprVisitor for Found {
        type Error = QueryError;

        fn pre_visit(&mut self, expr: &Expr) -> Result<bool, QueryError> {
            match expr {
                Expr::VectorSelector(selector) => self.0.push(Selector::new(selector)?),
                Expr::MatrixSelector(matrix) => self.0.push(Selector::new(&matrix.vs)?),
                _ => {}
            }
            Ok(true)
        }
    }
    let mut found = Found(Vec::new());
    walk_expr(&mut found, expr)?;
    Ok(found.0)
}

/// A condition on one label; a label that a series lacks has the empty value.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    pub(crate) name: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Equal(String),
    NotEqual(String),
    Regex(Pattern),
    NotRegex(Pattern),
}

/// A regular expression over a whole value.
#[derive(Debug, Clone)]
struct Pattern {
    regex: Regex,
    /// The texts it stands for, if it is nothing but alternatives of plain text.
    literals: Option<Vec<String>>,
}

impl Matcher {
    pub(crate) fn new(matcher: &promql_parser::label::Matcher) -> Result<Self, QueryError> {
        let value = matcher.value.clone();
        let test = match &matcher.op {
            MatchOp::Equal => Test::Equal(value),
            MatchOp::NotEqual => Test::NotEqual(value),
            MatchOp::Re(regex) => Test::Regex(Pattern::new(&value, regex)?),
            MatchOp::NotRe(regex) => Test::NotRegex(Pattern::new(&value, regex)?),
        };
        Ok(Self {
            name: matcher.name.clone(),
            test,
        })
    }

    fn name_is(name: &str) -> Self {
        Self {
            name: LabelSet::NAME.to_owned(),
            test: Test::Equal(name.to_owned()),
        }
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        match &self.test {
            Test::Equal(text) => text == value,
            Test::NotEqual(text) => text != value,
            Test::Regex(pattern) => pattern.matches(value),
            Test::NotRegex(pattern) => !pattern.matches(value),
        }
    }

    /// All values that it likes, if they can be named.
    pub(crate) fn literals(&self) -> Option<&[String]> {
        match &self.test {
            Test::Equal(text) => Some(std::slice::from_ref(text)),
            Test::Regex(pattern) => pattern.literals.as_deref(),
            _ => None,
        }
    }
}

impl Pattern {
    /// The parser has compiled the expression already (and eased what Go allows and we do not);
    /// only the dot that matches a line's end is ours to add.
    fn new(text: &str, parsed: &Regex) -> Result<Self, QueryError> {
        let inner = parsed
            .as_str()
            .strip_prefix("^(?:")
            .and_then(|rest| rest.strip_suffix(")$"))
            .unwrap_or(text);
        let regex = Regex::new(&format!("^(?s:{inner})$"))
            .map_err(|error| QueryError::BadData(error.to_string()))?;
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '|' | ' ' | ':' | '/');
        let literals = text
            .chars()
            .all(plain)
            .then(|| text.split('|').map(str::to_owned).collect());
        Ok(Self { regex, literals })
    }

    fn matches(&self, value: &str) -> bool {
        match &self.literals {
            Some(literals) => literals.iter().any(|literal| literal == value),
            None => self.regex.is_match(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(selector: &str, labels: &[(&str, &str)], expected: bool) {
        let labels = LabelSet::new(labels.iter().copied());
        let selector = Selector::parse(selector).unwrap();
        assert_eq!(selector.matches(&labels), expected, "{selector:?}");
    }

    #[test]
    fn a_selector_judges_labels() {
        check("up", &[("__name__", "up")], true);
        check("up", &[("__name__", "down")], false);
        check("{a=~'x.z'}", &[("a", "x\nz")], true);
        check("{a=~'x'}", &[("a", "xx")], false);
        check("{a='x' or b='y'}", &[("b", "y")], true);
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["up[5m]", "up offset 1m", "1", "sum(up)", "{", "{}"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }
}
