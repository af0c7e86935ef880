use super::{AttributeTest, Filter, KeywordTest, TextFilter};

/// Beginnings of words that each need a look at all words that begin so. Those that are bare
/// alternatives of one another count as one.
const MOST_BEGINNINGS: usize = 100;
/// Words of all phrases together.
const MOST_WORDS: usize = 4_000;
/// Words of a phrase that ends with the beginning of one.
const LONGEST_OPEN_PHRASE: usize = 64;

/// Whether a filter costs no more than any query may; if it does, what to ask instead. How many
/// clauses there are and how deep they nest, the parser has bounded.
pub(crate) fn affordable(filter: &Filter) -> Result<(), String> {
    let mut cost = Cost::default();
    cost.add(filter);
    if cost.beginnings > MOST_BEGINNINGS {
        return Err(format!(
            "a query has at most {MOST_BEGINNINGS} words that end in *; alternatives that stand \
             together (a* or b* or …) count as one"
        ));
    }
    if cost.words > MOST_WORDS {
        return Err(format!(
            "the phrases of a query have at most {MOST_WORDS} words"
        ));
    }
    if cost.longest_open_phrase > LONGEST_OPEN_PHRASE {
        return Err(format!(
            "a phrase that ends in * has at most {LONGEST_OPEN_PHRASE} words"
        ));
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Cost {
    beginnings: usize,
    words: usize,
    longest_open_phrase: usize,
}

impl Cost {
    fn add(&mut self, filter: &Filter) {
        match filter {
            Filter::And(parts) => parts.iter().for_each(|part| self.add(part)),
            Filter::Or(parts) => {
                let (bare, others): (Vec<_>, Vec<_>) =
                    parts.iter().partition(|part| is_bare_beginning(part));
                self.beginnings += usize::from(!bare.is_empty());
                for part in others {
                    self.add(part);
                }
            }
            Filter::Not(inner) => self.add(inner),
            Filter::Text(TextFilter { tokens, prefix, .. }) => {
                self.words += tokens.len();
                self.beginnings += usize::from(*prefix);
                if *prefix {
                    self.longest_open_phrase = self.longest_open_phrase.max(tokens.len());
                }
            }
            Filter::Keyword {
                test: KeywordTest::Prefix(_),
                ..
            }
            | Filter::Attribute {
                test: AttributeTest::Prefix(_),
                ..
            } => self.beginnings += 1,
            _ => {}
        }
    }
}

/// Those that are looked up together.
fn is_bare_beginning(filter: &Filter) -> bool {
    matches!(
        filter,
        Filter::Text(TextFilter { tokens, prefix: true, .. }) if tokens.len() == 1
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::filter::{KnownNames, resolve};
    use crate::logs::Logs;
    use crate::query::parse;

    struct Everything;

    impl KnownNames for Everything {
        fn contains(&self, _path: &str) -> bool {
            true
        }

        fn all(&self) -> BTreeSet<String> {
            BTreeSet::new()
        }
    }

    fn refusal(query: &str) -> Option<String> {
        let (filter, _) = resolve::<Logs>(&parse(query).unwrap().filter, &Everything);
        affordable(&filter).err()
    }

    fn many(count: usize, one: impl Fn(usize) -> String, between: &str) -> String {
        (0..count).map(one).collect::<Vec<_>>().join(between)
    }

    #[test]
    fn what_costs_too_much_is_refused_in_words() {
        let check = |query: &str, reason: &str| {
            let refusal = refusal(query);
            assert!(
                refusal.as_ref().is_some_and(|text| text.contains(reason)),
                "{refusal:?}"
            );
        };
        check(
            &many(101, |n| format!("a{n}*"), " "),
            "at most 100 words that end in *",
        );
        check(&many(101, |n| format!("user.id:a{n}*"), " or "), "end in *");
        check(&many(101, |n| format!("service:a{n}*"), " or "), "end in *");
        let phrase = format!("\"{}\"", "word ".repeat(100));
        check(&many(50, |_| phrase.clone(), " or "), "at most 4000 words");
        let open = format!("{}a*", "word-".repeat(100));
        check(&open, "at most 64 words");
    }

    #[test]
    fn what_looks_costly_but_is_not_is_answered() {
        for query in [
            many(999, |n| format!("a{n}*"), " or "),
            many(100, |n| format!("a{n}*"), " "),
            many(999, |n| format!("a{n}"), " "),
            format!("\"{}\"", "word ".repeat(1_000)),
            "*".to_owned(),
        ] {
            assert_eq!(refusal(&query), None, "{query}");
        }
    }
}
