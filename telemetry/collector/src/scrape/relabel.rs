use std::collections::BTreeMap;

use md5::{Digest, Md5};
use regex::Regex;
use watchfire_schemas::LabelSet;

/// Labels while they are being changed. One with an empty value is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels(BTreeMap<String, String>);

/// One step of relabelling, as Prometheus defines it.
#[derive(Debug, Clone)]
pub(crate) struct RelabelRule {
    pub(crate) source_labels: Vec<String>,
    pub(crate) separator: String,
    pub(crate) regex: AnchoredRegex,
    pub(crate) target_label: String,
    pub(crate) replacement: String,
    pub(crate) modulus: u64,
    pub(crate) action: RelabelAction,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelabelAction {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

impl RelabelAction {
    /// By its name in a file, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "replace" => Self::Replace,
            "keep" => Self::Keep,
            "drop" => Self::Drop,
            "keepequal" => Self::KeepEqual,
            "dropequal" => Self::DropEqual,
            "hashmod" => Self::HashMod,
            "labelmap" => Self::LabelMap,
            "labeldrop" => Self::LabelDrop,
            "labelkeep" => Self::LabelKeep,
            "lowercase" => Self::Lowercase,
            "uppercase" => Self::Uppercase,
            _ => return None,
        })
    }
}

/// A regular expression that must match the whole of a text, in which a dot is any character.
#[derive(Debug, Clone)]
pub(crate) struct AnchoredRegex {
    regex: Regex,
    /// What was written.
    text: String,
}

impl PartialEq for AnchoredRegex {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl PartialEq for RelabelRule {
    fn eq(&self, other: &Self) -> bool {
        self.source_labels == other.source_labels
            && self.separator == other.separator
            && self.regex == other.regex
            && self.target_label == other.target_label
            && self.replacement == other.replacement
            && self.modulus == other.modulus
            && self.action == other.action
    }
}

impl AnchoredRegex {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let regex = Regex::new(&format!("^(?s:{text})$"))
            // The first line of its message repeats the expression.
            .map_err(|error| {
                let told = error.to_string();
                let reason = told.lines().last().unwrap_or_default();
                format!("{text:?} is no regular expression: {}", reason.trim())
            })?;
        Ok(Self {
            regex,
            text: text.to_owned(),
        })
    }

    fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// `template` with the groups that `text` gave, if it matches.
    fn expand(&self, text: &str, templates: [&str; 2]) -> Option<[String; 2]> {
        let captures = self.regex.captures(text)?;
        Some(templates.map(|template| {
            let mut out = String::new();
            captures.expand(template, &mut out);
            out
        }))
    }
}

impl Labels {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if value.is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, value);
        }
    }

    /// Sets what is not there.
    pub(crate) fn set_default(&mut self, name: &str, value: &str) {
        if self.get(name).is_empty() {
            self.set(name, value);
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn to_set(&self) -> LabelSet {
        LabelSet::new(self.iter())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut labels = Self::default();
        for (name, value) in pairs {
            labels.set(name, value);
        }
        labels
    }
}

/// Applies all steps in their order. Whether what carries the labels is kept.
pub(crate) fn relabel(labels: &mut Labels, rules: &[RelabelRule]) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

impl RelabelRule {
    fn apply(&self, labels: &mut Labels) -> bool {
        let sources = self.source_labels.iter();
        let values: Vec<&str> = sources.map(|name| labels.get(name)).collect();
        let value = values.join(&self.separator);
        match self.action {
            RelabelAction::Drop => return !self.regex.matches(&value),
            RelabelAction::Keep => return self.regex.matches(&value),
            RelabelAction::DropEqual => return labels.get(&self.target_label) != value,
            RelabelAction::KeepEqual => return labels.get(&self.target_label) == value,
            RelabelAction::Replace => {
                let templates = [self.target_label.as_str(), self.replacement.as_str()];
                if let Some([target, value]) = self.regex.expand(&value, templates)
                    && !target.is_empty()
                {
                    labels.set(target, value);
                }
            }
            RelabelAction::Lowercase => labels.set(&self.target_label, value.to_lowercase()),
            RelabelAction::Uppercase => labels.set(&self.target_label, value.to_uppercase()),
            RelabelAction::HashMod => {
                let rest = last_of_md5(&value) % self.modulus.max(1);
                labels.set(&self.target_label, rest.to_string());
            }
            RelabelAction::LabelMap => self.map(labels),
            RelabelAction::LabelDrop => labels.retain(|name| !self.regex.matches(name)),
            RelabelAction::LabelKeep => labels.retain(|name| self.regex.matches(name)),
        }
        true
    }

    fn map(&self, labels: &mut Labels) {
        let mapped = labels.iter().filter_map(|(name, value)| {
            let [name, _] = self.regex.expand(name, [&self.replacement, ""])?;
            Some((name, value.to_owned()))
        });
        for (name, value) in mapped.collect::<Vec<_>>() {
            labels.set(name, value);
        }
    }
}

/// The last eight bytes of the digest, as Prometheus takes them.
fn last_of_md5(text: &str) -> u64 {
    let digest = Md5::digest(text.as_bytes());
    let mut last = [0; 8];
    last.copy_from_slice(&digest[8..]);
    u64::from_be_bytes(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(action: &str) -> RelabelRule {
        RelabelRule {
            source_labels: vec!["a".to_owned()],
            separator: ";".to_owned(),
            regex: AnchoredRegex::new("(.*)").unwrap(),
            target_label: "d".to_owned(),
            replacement: "$1".to_owned(),
            modulus: 0,
            action: RelabelAction::named(action).unwrap(),
        }
    }

    fn with(action: &str, change: impl FnOnce(&mut RelabelRule)) -> RelabelRule {
        let mut rule = rule(action);
        change(&mut rule);
        rule
    }

    fn matching(action: &str, regex: &str) -> RelabelRule {
        with(action, |rule| {
            rule.regex = AnchoredRegex::new(regex).unwrap();
        })
    }

    /// `dropped`, or the labels that are left.
    fn check(rule: RelabelRule, expected: &str) {
        let mut labels: Labels = [("a", "Foo"), ("b", "bar"), ("c", "Foo")]
            .into_iter()
            .collect();
        let told = if relabel(&mut labels, &[rule]) {
            labels.to_set().to_string()
        } else {
            "dropped".to_owned()
        };
        assert_eq!(told, expected);
    }

    const ALL: &str = r#"{a="Foo", b="bar", c="Foo"}"#;

    #[test]
    fn a_label_is_replaced_where_the_whole_value_matches() {
        check(rule("replace"), r#"{a="Foo", b="bar", c="Foo", d="Foo"}"#);
        check(matching("replace", "F"), ALL);
        let both = with("replace", |rule| {
            rule.source_labels = vec!["a".to_owned(), "b".to_owned()];
            rule.regex = AnchoredRegex::new("(?P<x>F.)o;(.*)").unwrap();
            rule.target_label = "${2}_x".to_owned();
            rule.replacement = "$x-$2-$$".to_owned();
        });
        check(both, r#"{a="Foo", b="bar", bar_x="Fo-bar-$", c="Foo"}"#);
        // An empty replacement takes the label away; an empty name is no label.
        let empty = with("replace", |rule| {
            rule.replacement = String::new();
            rule.target_label = "b".to_owned();
        });
        check(empty, r#"{a="Foo", c="Foo"}"#);
        check(
            with("replace", |rule| rule.target_label = "$9".to_owned()),
            ALL,
        );
    }

    #[test]
    fn what_does_not_fit_is_dropped() {
        check(matching("keep", "F.*"), ALL);
        check(matching("keep", "f.*"), "dropped");
        check(matching("drop", "Foo|x"), "dropped");
        check(matching("drop", "oo"), ALL);
        let equal =
            |action, target: &str| with(action, |rule| rule.target_label = target.to_owned());
        check(equal("keepequal", "c"), ALL);
        check(equal("keepequal", "b"), "dropped");
        check(equal("dropequal", "c"), "dropped");
        check(equal("DropEqual", "b"), ALL);
    }

    #[test]
    fn names_are_mapped_dropped_and_kept() {
        check(matching("labeldrop", "[ab]"), r#"{c="Foo"}"#);
        check(matching("labelkeep", "[ab]"), r#"{a="Foo", b="bar"}"#);
        let map = with("labelmap", |rule| {
            rule.regex = AnchoredRegex::new("([bc])").unwrap();
            rule.replacement = "my_$1".to_owned();
        });
        check(
            map,
            r#"{a="Foo", b="bar", c="Foo", my_b="bar", my_c="Foo"}"#,
        );
    }

    #[test]
    fn values_are_folded_and_hashed() {
        check(rule("lowercase"), r#"{a="Foo", b="bar", c="Foo", d="foo"}"#);
        check(rule("uppercase"), r#"{a="Foo", b="bar", c="Foo", d="FOO"}"#);
        // As another implementation of MD5 tells.
        let modulus = with("hashmod", |rule| rule.modulus = 1000);
        check(modulus, r#"{a="Foo", b="bar", c="Foo", d="229"}"#);
    }

    #[test]
    fn a_bad_expression_is_told() {
        let error = AnchoredRegex::new("(").unwrap_err();
        assert_eq!(
            error,
            "\"(\" is no regular expression: error: unclosed group"
        );
    }
}
