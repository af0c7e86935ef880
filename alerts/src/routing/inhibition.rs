//! Alerts that keep other alerts from being notified.

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
    /// The first of the firing alerts that inhibits one with these labels. An alert that is both
    /// source and target is not inhibited by its like.
    pub(crate) fn inhibitor<'a, T>(
        &self,
        labels: &LabelSet,
        firing: impl IntoIterator<Item = (&'a LabelSet, T)>,
    ) -> Option<T> {
        if !self.target.matches(labels) {
            return None;
        }
        let is_source_too = self.source.matches(labels);
        let inhibits = |other: &LabelSet| {
            let value = |set: &'_ LabelSet, name: &str| set.get(name).map(str::to_owned);
            self.source.matches(other)
                && self
                    .equal
                    .iter()
                    .all(|name| value(other, name) == value(labels, name))
                && !(is_source_too && self.target.matches(other))
        };
        firing
            .into_iter()
            .find_map(|(other, id)| inhibits(other).then_some(id))
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
        let found = rule.inhibitor(&set(target), [(&source, ())]);
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
