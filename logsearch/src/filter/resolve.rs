use std::collections::BTreeSet;
use std::ops::Bound;

use super::did_you_mean::hint_at;
use super::{AttributeTest, Filter, KeywordTest, Literal, NumberRange, TextFilter};
use crate::fields::{Dataset, Kind, find};
use crate::query::{Edge, Expr, Pattern, Test};
use crate::scalar::cut;
use crate::tokens::{is_of_word, tokens};

/// Which attributes there are, asked for only when a query names one.
pub(crate) trait KnownNames {
    fn contains(&self, path: &str) -> bool;
    /// All of them, to find the one that was meant.
    fn all(&self) -> BTreeSet<String>;
}

/// What a query means for a dataset, and hints where it can mean nothing.
pub(crate) fn resolve<D: Dataset>(expr: &Expr, known: &dyn KnownNames) -> (Filter, Vec<String>) {
    let mut resolver = Resolver::<D> {
        known,
        hints: Vec::new(),
        dataset: std::marker::PhantomData,
    };
    let filter = resolver.expr(expr).unwrap_or(Filter::All);
    (filter, resolver.hints)
}

/// After this many hints, names are not looked up any more.
const MOST_HINTS: usize = 10;

struct Resolver<'a, D> {
    known: &'a dyn KnownNames,
    hints: Vec<String>,
    dataset: std::marker::PhantomData<D>,
}

impl<D: Dataset> Resolver<'_, D> {
    /// `None` where nothing is asked: words without a letter or digit, such as a dash.
    fn expr(&mut self, expr: &Expr) -> Option<Filter> {
        match expr {
            Expr::All => Some(Filter::All),
            Expr::And(parts) => {
                let parts: Vec<_> = parts.iter().filter_map(|part| self.expr(part)).collect();
                (!parts.is_empty()).then_some(Filter::And(parts))
            }
            Expr::Or(parts) => {
                let parts: Vec<_> = parts.iter().filter_map(|part| self.expr(part)).collect();
                (!parts.is_empty()).then_some(Filter::Or(parts))
            }
            Expr::Not(inner) => Some(Filter::Not(Box::new(self.expr(inner)?))),
            Expr::Words(pattern) => text(None, pattern),
            Expr::Field { name, test } => self.field(name, test),
        }
    }

    fn field(&mut self, name: &str, test: &Test) -> Option<Filter> {
        let Some(field) = find(D::fields(), name) else {
            return Some(self.attribute(name, test));
        };
        match &D::fields()[field].kind {
            Kind::Text { .. } => self.text(name, field, test),
            Kind::Keyword { fold, .. } => Some(self.keyword(name, field, test, *fold)),
            Kind::Number {
                interval, example, ..
            } => Some(self.number(name, field, test, *interval, example)),
            Kind::Trace { .. } => Some(self.trace(name, field, test)),
        }
    }

    fn text(&mut self, name: &str, field: usize, test: &Test) -> Option<Filter> {
        let section = D::fields()[..field]
            .iter()
            .filter(|field| matches!(field.kind, Kind::Text { .. }))
            .count();
        match test {
            Test::Is(pattern) => text(Some(section), pattern),
            Test::Present => Some(Filter::TextPresent { field }),
            Test::Compare(..) | Test::Within(..) => Some(self.without_order(name)),
        }
    }

    fn keyword(
        &mut self,
        name: &str,
        field: usize,
        test: &Test,
        fold: fn(&str) -> String,
    ) -> Filter {
        let folded = |text: &str| cut(&fold(text)).to_owned();
        let test = match test {
            Test::Is(Pattern::Exact(value)) => KeywordTest::Is(folded(value)),
            Test::Is(Pattern::Prefix(start)) => KeywordTest::Prefix(folded(start)),
            Test::Present => KeywordTest::Present,
            Test::Compare(..) | Test::Within(..) => return self.without_order(name),
        };
        Filter::Keyword { field, test }
    }

    fn number(
        &mut self,
        name: &str,
        field: usize,
        test: &Test,
        interval: fn(&str) -> Option<(i64, i64)>,
        example: &str,
    ) -> Filter {
        let bounds = match test {
            Test::Present => return Filter::NumberPresent { field },
            Test::Is(Pattern::Exact(value)) => interval(value),
            Test::Is(Pattern::Prefix(_)) => None,
            Test::Compare(comparison, value) => {
                let (low, high) = comparison.edges(value);
                within(&low, &high, interval)
            }
            Test::Within(low, high) => within(low, high, interval),
        };
        match bounds {
            Some((low, high)) => Filter::Number { field, low, high },
            None => self.nothing(format!("{name} takes {example}")),
        }
    }

    fn trace(&mut self, name: &str, field: usize, test: &Test) -> Filter {
        match test {
            Test::Present => Filter::TracePresent { field },
            Test::Is(Pattern::Exact(id)) => match id.parse() {
                Ok(id) => Filter::Trace { field, id },
                Err(error) => self.nothing(format!("{name}: {error}")),
            },
            Test::Is(Pattern::Prefix(_)) => {
                self.nothing(format!("{name} takes all 32 hexadecimal digits"))
            }
            Test::Compare(..) | Test::Within(..) => self.without_order(name),
        }
    }

    fn attribute(&mut self, path: &str, test: &Test) -> Filter {
        // To know the names is to ask every split, so it is not done for each of many clauses.
        if self.hints.len() < MOST_HINTS
            && let Some(hint) = hint_at::<D>(path, self.known)
        {
            self.hint(hint);
        }
        let test = match test {
            Test::Present => AttributeTest::Present,
            Test::Is(Pattern::Exact(value)) => AttributeTest::Is(Literal::new(cut(value))),
            Test::Is(Pattern::Prefix(start)) => AttributeTest::Prefix(cut(start).to_owned()),
            Test::Compare(comparison, value) => {
                let (low, high) = comparison.edges(value);
                match number_range(&low, &high) {
                    Some(range) => AttributeTest::Within(range),
                    None => {
                        return self.nothing(format!("{path} can only be compared with numbers"));
                    }
                }
            }
            Test::Within(low, high) => match number_range(low, high) {
                Some(range) => AttributeTest::Within(range),
                None => return self.nothing(format!("{path} can only be compared with numbers")),
            },
        };
        Filter::Attribute {
            path: path.to_owned(),
            test,
        }
    }

    fn without_order(&mut self, name: &str) -> Filter {
        self.nothing(format!("{name} has no order"))
    }

    fn nothing(&mut self, hint: String) -> Filter {
        self.hint(hint);
        Filter::Nothing
    }

    fn hint(&mut self, hint: String) {
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }
}

fn text(section: Option<usize>, pattern: &Pattern) -> Option<Filter> {
    let (text, prefix) = match pattern {
        Pattern::Exact(text) => (text, false),
        Pattern::Prefix(text) => (text, true),
    };
    let tokens = tokens(text);
    // In `user-*` the word is whole.
    let prefix = prefix && text.chars().next_back().is_some_and(is_of_word);
    (!tokens.is_empty()).then_some(Filter::Text(TextFilter {
        section,
        tokens,
        prefix,
    }))
}

fn within(low: &Edge, high: &Edge, interval: fn(&str) -> Option<(i64, i64)>) -> Option<(i64, i64)> {
    let low = match low {
        Edge::Open => i64::MIN,
        Edge::Inclusive(value) => interval(value)?.0,
        Edge::Exclusive(value) => interval(value)?.1.checked_add(1)?,
    };
    let high = match high {
        Edge::Open => i64::MAX,
        Edge::Inclusive(value) => interval(value)?.1,
        Edge::Exclusive(value) => interval(value)?.0.checked_sub(1)?,
    };
    Some((low, high))
}

fn number_range(low: &Edge, high: &Edge) -> Option<NumberRange> {
    let edge = |edge: &Edge| match edge {
        Edge::Open => Some(Bound::Unbounded),
        Edge::Inclusive(value) => value.parse().ok().map(Bound::Included),
        Edge::Exclusive(value) => value.parse().ok().map(Bound::Excluded),
    };
    Some(NumberRange {
        low: edge(low)?,
        high: edge(high)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::Logs;
    use crate::query::parse;
    use crate::spans::Spans;

    struct Known;

    impl KnownNames for Known {
        fn contains(&self, path: &str) -> bool {
            path == "user.id"
        }

        fn all(&self) -> BTreeSet<String> {
            BTreeSet::from(["user.id".to_owned()])
        }
    }

    fn hints<D: Dataset>(query: &str) -> Vec<String> {
        resolve::<D>(&parse(query).unwrap().filter, &Known).1
    }

    #[test]
    fn what_can_mean_nothing_is_told() {
        assert_eq!(
            hints::<Logs>("user.id:5 service:x environment:prod"),
            Vec::<String>::new()
        );
        assert_eq!(
            hints::<Logs>("usr.id:5"),
            ["no record has the field usr.id; did you mean user.id?"]
        );
        assert_eq!(
            hints::<Logs>("zzzzzz:5"),
            ["no record has the field zzzzzz"]
        );
        assert_eq!(hints::<Logs>("service:>a"), ["service has no order"]);
        assert_eq!(
            hints::<Spans>("duration:>soon"),
            ["duration takes a duration such as 100ms"]
        );
        assert_eq!(
            hints::<Logs>("trace_id:abc"),
            ["trace_id: expected 32 hexadecimal digits"]
        );
        assert_eq!(
            hints::<Logs>("user.id:>x"),
            ["user.id can only be compared with numbers"]
        );
    }

    #[test]
    fn hints_are_bounded_in_number_and_effort() {
        let clauses: Vec<String> = (0..100).map(|n| format!("zzzzzz{n}:5")).collect();
        assert_eq!(hints::<Logs>(&clauses.join(" ")).len(), MOST_HINTS);
    }

    #[test]
    fn a_prefix_ends_in_what_words_are_made_of() {
        let check = |query: &str, word: &str, expected: bool| match resolve::<Logs>(
            &parse(query).unwrap().filter,
            &Known,
        )
        .0
        {
            Filter::Text(TextFilter { tokens, prefix, .. }) => {
                assert_eq!((tokens[0].as_str(), prefix), (word, expected), "{query}");
            }
            other => panic!("{query}: {other:?}"),
        };
        check("request*", "request", true);
        check("request_*", "request_", true);
        check("user-*", "user", false);
    }

    #[test]
    fn severities_compare_by_their_order() {
        let bounds = |query: &str| match resolve::<Logs>(&parse(query).unwrap().filter, &Known).0 {
            Filter::Number { low, high, .. } => (low, high),
            other => panic!("{other:?}"),
        };
        assert_eq!(bounds("severity:error"), (17, 20));
        assert_eq!(bounds("severity:>=WARN"), (13, i64::MAX));
        assert_eq!(bounds("severity:>WARN"), (17, i64::MAX));
        assert_eq!(bounds("severity < warning"), (i64::MIN, 12));
        assert_eq!(bounds("severity:[INFO TO ERROR}"), (9, 16));
    }
}
