//! What a rule file may say, but hardly means.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use super::read::{Document, RuleText, finding_at};
use super::words::{is_label_name, is_metric_name};
use super::{RuleFinding, Weight};

pub(super) fn warnings(file: &str, document: &Document) -> Vec<RuleFinding> {
    let mut warnings = Vec::new();
    let mut known: BTreeMap<(String, Vec<(String, String)>), usize> = BTreeMap::new();
    for group in document.groups.iter().flatten() {
        for rule in group.rules.iter().flatten() {
            let Some(name) = name(rule) else { continue };
            let mut warn = |reason: String| {
                warnings.push(finding_at(file, name, Weight::Warning, reason));
            };
            let mut labels: BTreeMap<String, String> = BTreeMap::new();
            for texts in [&group.labels, &rule.labels].into_iter().flatten() {
                labels.extend(texts.iter().map(|(n, v)| (n.clone(), v.value.clone())));
            }
            for label in labels.keys().filter(|label| !is_label_name(label)) {
                warn(format!(
                    "the label {label:?} can be read only by what knows UTF-8 names"
                ));
            }
            if rule.record.is_some() && !is_metric_name(&name.value) {
                warn(format!(
                    "the metric {:?} can be read only by what knows UTF-8 names",
                    name.value
                ));
            }
            if rule.alert.is_some() {
                if !labels.contains_key("severity") {
                    warn(format!(
                        "{} has no label `severity`: it pages as an error",
                        name.value
                    ));
                }
                let told = ["summary", "description", "message"];
                let annotations = rule.annotations.as_ref();
                if !told
                    .iter()
                    .any(|one| annotations.is_some_and(|a| a.contains_key(*one)))
                {
                    warn(format!("{} has no annotation `summary`", name.value));
                }
            }
            let key = (name.value.clone(), labels.into_iter().collect());
            let line = name.referenced.line() as usize;
            match known.get(&key) {
                Some(first) => warn(format!(
                    "{} is there with the same labels in line {first} already",
                    name.value
                )),
                None => drop(known.insert(key, line)),
            }
        }
    }
    warnings
}

fn name(rule: &RuleText) -> Option<&Spanned<String>> {
    rule.alert.as_ref().or(rule.record.as_ref())
}

#[cfg(test)]
mod tests {
    use crate::check_rules;

    #[test]
    fn what_is_hardly_meant_is_told() {
        let text = "groups:
- name: g
  rules:
  - {record: a, expr: b}
  - {record: a, expr: c}
  - {record: a, expr: c, labels: {d: e}}
  - alert: A
    expr: b
  - alert: B
    expr: b
    labels: {severity: page}
    annotations: {summary: text}
  - {record: c, expr: d, labels: {a-b: c}}
";
        let told: Vec<String> = check_rules("a.yml", text)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "a.yml:5:14: warning: a is there with the same labels in line 4 already",
                "a.yml:7:12: warning: A has no label `severity`: it pages as an error",
                "a.yml:7:12: warning: A has no annotation `summary`",
                "a.yml:13:14: warning: the label \"a-b\" can be read only by what knows UTF-8 names",
            ]
        );
    }
}
