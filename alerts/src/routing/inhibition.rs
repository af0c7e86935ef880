//! Alerts that keep other alerts from being notified.

use std::collections::HashMap;

use watchfire_schemas::LabelSet;

use super::matcher::Matchers;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InhibitRule {
    pub source: Matchers,
    pub target: Matchers,
    /// Labels that both must have in common; an absent label is an empty one.
    pub equal: Vec<String>,
}

impl InhibitRule {
    fn shared<'a>(&'a self, labels: &'a LabelSet) -> Vec<&'a str> {
        let values = self.equal.iter().map(|name| labels.get(name));
        values.map(Option::unwrap_or_default).collect()
    }
}

/// The alerts that fire, as far as they inhibit others: found by what they must have in common.
#[derive(Debug)]
pub(crate) struct Inhibitors<'a> {
    rules: Vec<(&'a InhibitRule, Sources<'a>)>,
}

/// A source's labels and fingerprint.
type Source<'a> = (&'a LabelSet, u64);
/// Those of a rule, by the values that they must have in common with their targets.
type Sources<'a> = HashMap<Vec<&'a str>, Vec<Source<'a>>>;

impl<'a> Inhibitors<'a> {
    pub(crate) fn new(rules: &'a [InhibitRule], firing: impl Iterator<Item = Source<'a>>) -> Self {
        let mut all: Vec<_> = rules.iter().map(|rule| (rule, HashMap::new())).collect();
        if all.is_empty() {
            return Self { rules: all };
        }
        for (labels, fingerprint) in firing {
            for (rule, sources) in &mut all {
                if rule.source.matches(labels) {
                    let known: &mut Vec<Source<'a>> =
                        sources.entry(rule.shared(labels)).or_default();
                    known.push((labels, fingerprint));
                }
            }
        }
        Self { rules: all }
    }

    /// An alert that inhibits one with these labels: by the first rule that does, and of its
    /// sources always the same one. What is both source and target is not inhibited by its like.
    pub(crate) fn of(&self, labels: &LabelSet) -> Option<u64> {
        self.rules.iter().find_map(|(rule, sources)| {
            if !rule.target.matches(labels) {
                return None;
            }
            let sources = sources.get(&rule.shared(labels))?.iter();
            let is_source_too = rule.source.matches(labels);
            let inhibiting =
                sources.filter(|(other, _)| !(is_source_too && rule.target.matches(other)));
            inhibiting.map(|(_, fingerprint)| *fingerprint).min()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matchers(text: &str) -> Matchers {
        Matchers::new(Matchers::parse(text).unwrap())
    }

    fn check(rule: &InhibitRule, target: &[(&str, &str)], source: &[(&str, &str)], expected: bool) {
        let set = |pairs: &[(&str, &str)]| LabelSet::new(pairs.iter().copied());
        let source = set(source);
        let rules = std::slice::from_ref(rule);
        let found = Inhibitors::new(rules, [(&source, 1)].into_iter()).of(&set(target));
        assert_eq!(found.is_some(), expected, "{target:?} by {source}");
    }

    #[test]
    fn a_source_inhibits_what_is_equal_to_it() {
        let rule = InhibitRule {
            source: matchers("s=1"),
            target: matchers("t=1"),
            equal: vec!["e".to_owned()],
        };
        check(
            &rule,
            &[("t", "1"), ("e", "1")],
            &[("s", "1"), ("e", "1")],
            true,
        );
        check(
            &rule,
            &[("t", "1"), ("e", "1")],
            &[("s", "1"), ("e", "2")],
            false,
        );
        check(&rule, &[("t", "1")], &[("s", "1")], true);
        check(&rule, &[("t", "1")], &[("s", "1"), ("e", "2")], false);
        check(&rule, &[("t", "2")], &[("s", "1")], false);
        check(&rule, &[("t", "1")], &[("s", "2")], false);
        // Both source and target: not by its like, but by a mere source.
        check(
            &rule,
            &[("t", "1"), ("s", "1")],
            &[("t", "1"), ("s", "1")],
            false,
        );
        check(&rule, &[("t", "1"), ("s", "1")], &[("s", "1")], true);
        check(&rule, &[("t", "1")], &[("t", "1"), ("s", "1")], true);
    }
}
