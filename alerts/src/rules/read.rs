use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use promql_parser::parser::value::ValueType;
use serde::Deserialize;
use serde_saphyr::Spanned;
use watchfire_schemas::LabelSet;

use super::template::Template;
use super::{AlertingRule, RuleGroup};

/// What is wrong in a rule file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {reason}")]
pub struct RuleFinding {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub reason: String,
}

/// Checks a rule file without using it. No finding means that it can be used. What breaks the YAML
/// hides what comes after it; of each rule the first finding is told.
pub fn check_rules(file: &str, text: &str) -> Vec<RuleFinding> {
    read_rules(file, text).err().unwrap_or_default()
}

/// Reads a rule file. `file` is only for messages. An error holds at least one finding.
pub(crate) fn read_rules(file: &str, text: &str) -> Result<Vec<RuleGroup>, Vec<RuleFinding>> {
    let document: Document = serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((1, 1), |at| (at.line() as usize, at.column() as usize));
        vec![RuleFinding {
            file: file.to_owned(),
            line,
            column,
            reason: first_line(&error.without_snippet().to_string()),
        }]
    })?;
    let mut reader = Reader {
        file,
        findings: Vec::new(),
    };
    let mut names = BTreeSet::new();
    let mut groups = Vec::new();
    for group in &document.groups {
        if !names.insert(group.name.value.as_str()) {
            let reason = format!("the group {:?} comes twice", group.name.value);
            let finding = reader.error(&group.name, reason);
            reader.findings.push(finding);
        }
        groups.push(reader.group(group));
    }
    if reader.findings.is_empty() {
        Ok(groups)
    } else {
        Err(reader.findings)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    groups: Vec<GroupText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupText {
    name: Spanned<String>,
    interval: Option<Spanned<String>>,
    query_offset: Option<Spanned<String>>,
    #[serde(default)]
    limit: usize,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    rules: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    alert: Option<Spanned<String>>,
    record: Option<Spanned<String>>,
    expr: Spanned<String>,
    #[serde(rename = "for")]
    hold: Option<Spanned<String>>,
    keep_firing_for: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    annotations: BTreeMap<String, Spanned<String>>,
}

struct Reader<'a> {
    file: &'a str,
    findings: Vec<RuleFinding>,
}

impl Reader<'_> {
    fn error<T>(&self, at: &Spanned<T>, reason: impl Into<String>) -> RuleFinding {
        RuleFinding {
            file: self.file.to_owned(),
            line: at.referenced.line() as usize,
            column: at.referenced.column() as usize,
            reason: reason.into(),
        }
    }

    /// Takes note of what is wrong and gives the rest.
    fn noted<T: Default>(&mut self, read: Result<T, RuleFinding>) -> T {
        read.unwrap_or_else(|finding| {
            self.findings.push(finding);
            T::default()
        })
    }

    fn group(&mut self, text: &GroupText) -> RuleGroup {
        if let Some(offset) = &text.query_offset {
            let finding = self.error(offset, "query_offset is not supported");
            self.findings.push(finding);
        }
        let interval = self.duration(text.interval.as_ref());
        let interval = self.noted(interval);
        if let (Some(Duration::ZERO), Some(at)) = (interval, &text.interval) {
            let finding = self.error(at, "the interval must be longer than nothing");
            self.findings.push(finding);
        }
        let mut keys = BTreeSet::new();
        let mut rules = Vec::with_capacity(text.rules.len());
        for rule in &text.rules {
            let read = self.rule(rule, text).map(Some);
            let Some(mut rule) = self.noted(read) else {
                continue;
            };
            let plain = format!("{}/{}", text.name.value, rule.name);
            rule.key.clone_from(&plain);
            let mut number = 1;
            while !keys.insert(rule.key.clone()) {
                number += 1;
                rule.key = format!("{plain}#{number}");
            }
            rules.push(rule);
        }
        RuleGroup {
            name: text.name.value.clone(),
            interval,
            limit: text.limit,
            rules,
        }
    }

    fn rule(&self, text: &RuleText, group: &GroupText) -> Result<AlertingRule, RuleFinding> {
        let name = match (&text.alert, &text.record) {
            (Some(name), None) if !name.value.is_empty() => name,
            (Some(name), None) => return Err(self.error(name, "an alert needs a name")),
            (None, Some(record)) => {
                let reason = "recording rules are not evaluated: write the expression into the \
                              alerts that use it";
                return Err(self.error(record, reason));
            }
            (Some(name), Some(_)) => {
                return Err(self.error(name, "a rule is either an alert or a record"));
            }
            (None, None) => return Err(self.error(&text.expr, "a rule needs `alert`")),
        };
        self.expression(&text.expr)?;
        let labels = group.labels.iter().chain(&text.labels);
        Ok(AlertingRule {
            key: String::new(),
            name: name.value.clone(),
            expr: text.expr.value.trim().to_owned(),
            hold: self.duration(text.hold.as_ref())?.unwrap_or_default(),
            keep_firing: self
                .duration(text.keep_firing_for.as_ref())?
                .unwrap_or_default(),
            labels: self.labels(labels)?,
            annotations: self.templates(text.annotations.iter())?,
        })
    }

    fn expression(&self, text: &Spanned<String>) -> Result<(), RuleFinding> {
        let expr = promql_parser::parser::parse(&text.value).map_err(|reason| {
            self.error(text, format!("the expression is not PromQL: {reason}"))
        })?;
        match expr.value_type() {
            ValueType::Vector | ValueType::Scalar => Ok(()),
            other => Err(self.error(
                text,
                format!("an alert needs an instant vector or a scalar, not a {other}"),
            )),
        }
    }

    fn duration(&self, text: Option<&Spanned<String>>) -> Result<Option<Duration>, RuleFinding> {
        let Some(text) = text else { return Ok(None) };
        if text.value == "0" || text.value == "0s" {
            return Ok(Some(Duration::ZERO));
        }
        promql_parser::util::parse_duration(&text.value)
            .map(Some)
            .map_err(|_| {
                let reason = format!("{:?} is not a duration such as 30s or 5m", text.value);
                self.error(text, reason)
            })
    }

    fn labels<'t>(
        &self,
        texts: impl Iterator<Item = (&'t String, &'t Spanned<String>)>,
    ) -> Result<LabelSet, RuleFinding> {
        let texts: Vec<_> = texts.collect();
        for (name, value) in &texts {
            if !is_label_name(name) || *name == LabelSet::NAME {
                return Err(self.error(value, format!("{name:?} is not the name of a label")));
            }
        }
        self.templates(texts.into_iter())
    }

    fn templates<'t>(
        &self,
        texts: impl Iterator<Item = (&'t String, &'t Spanned<String>)>,
    ) -> Result<LabelSet, RuleFinding> {
        let mut pairs = Vec::new();
        for (name, value) in texts {
            Template::check(&value.value).map_err(|reason| self.error(value, reason))?;
            pairs.push((name.as_str(), value.value.as_str()));
        }
        Ok(LabelSet::new(pairs))
    }
}

fn is_label_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let error = read_rules("a.yml", text).expect_err(text)[0].to_string();
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn a_file_of_prometheus_is_read() {
        let text = "
groups:
  - name: web
    interval: 30s
    labels: {team: core}
    rules:
      - alert: High
        expr: rate(x_total[1m]) > 0.5
        for: 1m30s
        keep_firing_for: 5m
        labels: {severity: page}
        annotations: {summary: '{{ $labels.job }} is at {{ $value | humanize }}'}
      - alert: High
        expr: vector(1)
";
        let groups = read_rules("a.yml", text).unwrap();
        let rule = &groups[0].rules[0];
        assert_eq!(groups[0].interval, Some(Duration::from_secs(30)));
        assert_eq!(
            (rule.hold, rule.keep_firing),
            (Duration::from_secs(90), Duration::from_mins(5))
        );
        assert_eq!(
            rule.labels,
            LabelSet::new([("severity", "page"), ("team", "core")])
        );
        assert_eq!(groups[0].rules[1].key, "web/High#2");
        assert_eq!(check_rules("a.yml", text), []);
    }

    #[test]
    fn errors_say_where() {
        let rule = |lines: &str| format!("groups:\n- name: g\n  rules:\n  - {lines}\n");
        check(
            &rule("alert: A\n    expr: 'rate('"),
            "a.yml:5:11: the expression is not PromQL",
        );
        check(
            &rule("alert: A\n    expr: x[5m]"),
            "a.yml:5:11: an alert needs an instant vector",
        );
        check(
            &rule("alert: A\n    expr: x\n    for: soon"),
            "a.yml:6:10: \"soon\" is not a duration",
        );
        check(
            &rule("record: a:b\n    expr: x"),
            "a.yml:4:13: recording rules are not evaluated",
        );
        check(&rule("expr: x"), "a.yml:4:11: a rule needs `alert`");
        check(&rule("alert: A\n    expr: x\n    fro: 5m"), "a.yml:6:5: ");
        check(
            &rule("alert: A\n    expr: x\n    labels: {a-b: c}"),
            "a.yml:6:19: \"a-b\" is not the name",
        );
        check(
            &rule("alert: A\n    expr: x\n    annotations: {s: '{{ $value '}"),
            "a.yml:6:22: a template is not closed",
        );
        check(
            "groups:\n- name: g\n- name: g\n",
            "a.yml:3:9: the group \"g\" comes twice",
        );
        check("groups: [", "a.yml:");
        let two = rule("alert: A\n    expr: '('\n  - alert: B\n    expr: ')'");
        let lines: Vec<usize> = check_rules("a.yml", &two).iter().map(|f| f.line).collect();
        assert_eq!(lines, [5, 7]);
    }
}
