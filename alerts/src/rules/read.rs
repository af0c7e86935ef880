//! Rule files, from their text to rules.

mod document;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use promql_parser::parser::Expr;
use promql_parser::parser::value::ValueType;
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;
use watchfire_schemas::LabelSet;

pub(super) use document::{Document, RuleText};
use document::{GroupText, Texts};

use super::template::Template;
use super::{
    AlertingRule, Reads, RecordingRule, Rule, RuleFinding, RuleGroup, Weight, lint, parse_duration,
};

/// Checks a rule file without using it. Where nothing found is an error, it can be used. What
/// breaks the YAML hides what comes after it.
pub fn check_rules(file: &str, text: &str) -> Vec<RuleFinding> {
    let document: Document = match document_of(file, text) {
        Ok(document) => document,
        Err(finding) => return vec![finding],
    };
    let (_, mut findings) = read(file, &document);
    findings.extend(lint::warnings(file, &document));
    findings.sort_by_key(|finding| (finding.line, finding.column));
    findings
}

/// Reads a rule file. `file` is only for messages. An error holds at least one finding.
pub(crate) fn read_rules(file: &str, text: &str) -> Result<Vec<RuleGroup>, Vec<RuleFinding>> {
    let document: Document = document_of(file, text).map_err(|finding| vec![finding])?;
    let (groups, findings) = read(file, &document);
    if findings.is_empty() {
        Ok(groups)
    } else {
        Err(findings)
    }
}

/// Reads a file of YAML; an empty one says nothing.
pub(crate) fn document_of<T: DeserializeOwned + Default>(
    file: &str,
    text: &str,
) -> Result<T, RuleFinding> {
    if text.trim().is_empty() {
        return Ok(T::default());
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((1, 1), |at| (at.line() as usize, at.column() as usize));
        let reason = error.without_snippet().to_string();
        let place = format!(" at line {line}, column {column}");
        let reason = reason.lines().next().unwrap_or_default();
        RuleFinding {
            file: file.to_owned(),
            line,
            column,
            weight: Weight::Error,
            reason: reason.strip_suffix(&place).unwrap_or(reason).to_owned(),
        }
    })
}

fn read(file: &str, document: &Document) -> (Vec<RuleGroup>, Vec<RuleFinding>) {
    let mut reader = Reader {
        file,
        findings: Vec::new(),
    };
    let mut names = BTreeSet::new();
    let mut groups = Vec::new();
    for group in document.groups.iter().flatten() {
        if group.name.value.is_empty() {
            reader.note(&group.name, "a group needs a name");
        }
        if !names.insert(group.name.value.as_str()) {
            let reason = format!("the group {:?} comes twice", group.name.value);
            reader.note(&group.name, reason);
        }
        groups.push(reader.group(group));
    }
    (groups, reader.findings)
}

/// A finding at the place of a value.
pub(crate) fn finding_at<T>(
    file: &str,
    at: &Spanned<T>,
    weight: Weight,
    reason: impl Into<String>,
) -> RuleFinding {
    RuleFinding {
        file: file.to_owned(),
        line: at.referenced.line() as usize,
        column: at.referenced.column() as usize,
        weight,
        reason: reason.into(),
    }
}

struct Reader<'a> {
    file: &'a str,
    findings: Vec<RuleFinding>,
}

impl Reader<'_> {
    fn note<T>(&mut self, at: &Spanned<T>, reason: impl Into<String>) {
        let finding = finding_at(self.file, at, Weight::Error, reason);
        self.findings.push(finding);
    }

    fn group(&mut self, text: &GroupText) -> RuleGroup {
        let interval = self.duration(text.interval.as_ref());
        if let (Some(Duration::ZERO), Some(at)) = (interval, &text.interval) {
            self.note(at, "the interval must be longer than nothing");
        }
        let query_offset = self
            .duration(text.query_offset.as_ref())
            .unwrap_or_default();
        self.label_names(text.labels.as_ref());
        let mut keys = BTreeSet::new();
        let mut rules = Vec::new();
        for rule in text.rules.iter().flatten() {
            let Some(mut rule) = self.rule(rule, text) else {
                continue;
            };
            let plain = format!("{}/{}", text.name.value, rule.name());
            rule.key_mut().clone_from(&plain);
            let mut number = 1;
            while !keys.insert(rule.key().to_owned()) {
                number += 1;
                *rule.key_mut() = format!("{plain}#{number}");
            }
            rules.push(rule);
        }
        RuleGroup {
            name: text.name.value.clone(),
            interval,
            query_offset,
            limit: text.limit.unwrap_or_default(),
            rules,
        }
    }

    fn rule(&mut self, text: &RuleText, group: &GroupText) -> Option<Rule> {
        let expr = self.expression(&text.expr);
        match (&text.alert, &text.record) {
            (Some(name), None) => Some(Rule::Alerting(self.alerting(name, expr, text, group))),
            (None, Some(record)) => {
                Some(Rule::Recording(self.recording(record, expr, text, group)))
            }
            (Some(name), Some(_)) => {
                self.note(name, "a rule is either an alert or a record");
                None
            }
            (None, None) => {
                self.note(&text.expr, "a rule needs `alert` or `record`");
                None
            }
        }
    }

    fn alerting(
        &mut self,
        name: &Spanned<String>,
        expr: Option<Expr>,
        text: &RuleText,
        group: &GroupText,
    ) -> AlertingRule {
        if name.value.is_empty() {
            self.note(name, "an alert needs a name");
        }
        self.label_names(text.labels.as_ref());
        let annotations = text.annotations.as_ref();
        let asks = [group.labels.as_ref(), text.labels.as_ref(), annotations]
            .map(|texts| self.templates(texts))
            .contains(&true);
        let annotations = annotations.into_iter().flatten();
        AlertingRule {
            key: String::new(),
            name: name.value.clone(),
            expr: text.expr.value.trim().to_owned(),
            hold: self.duration(text.hold.as_ref()).unwrap_or_default(),
            keep_firing: self
                .duration(text.keep_firing_for.as_ref())
                .unwrap_or_default(),
            labels: group_and_own(group, text),
            annotations: LabelSet::new(
                annotations.map(|(name, value)| (name.as_str(), value.value.as_str())),
            ),
            reads: expr
                .filter(|_| !asks)
                .map_or_else(Reads::anything, |expr| Reads::of(&expr)),
        }
    }

    fn recording(
        &mut self,
        record: &Spanned<String>,
        expr: Option<Expr>,
        text: &RuleText,
        group: &GroupText,
    ) -> RecordingRule {
        if record.value.contains(['{', '}']) {
            let reason = format!(
                "{:?} is no name of a metric: labels go into `labels`, conditions into `expr`",
                record.value
            );
            self.note(record, reason);
        } else if record.value.is_empty() {
            self.note(record, "a metric needs a name");
        }
        for (key, at) in [
            ("for", &text.hold),
            ("keep_firing_for", &text.keep_firing_for),
        ] {
            if let Some(at) = at {
                self.note(at, format!("a recording rule has no `{key}`"));
            }
        }
        if let Some((_, first)) = text.annotations.iter().flatten().next() {
            self.note(first, "a recording rule has no `annotations`");
        }
        self.label_names(text.labels.as_ref());
        RecordingRule {
            key: String::new(),
            record: record.value.clone(),
            expr: text.expr.value.trim().to_owned(),
            labels: group_and_own(group, text),
            reads: expr.map_or_else(Reads::anything, |expr| Reads::of(&expr)),
        }
    }

    fn expression(&mut self, text: &Spanned<String>) -> Option<Expr> {
        if text.value.trim().is_empty() {
            self.note(text, "a rule needs an expression");
            return None;
        }
        let expr = match promql_parser::parser::parse(&text.value) {
            Ok(expr) => expr,
            Err(reason) => {
                self.note(text, format!("the expression is not PromQL: {reason}"));
                return None;
            }
        };
        match expr.value_type() {
            ValueType::Vector | ValueType::Scalar => Some(expr),
            other => {
                let reason = format!("a rule needs an instant vector or a scalar, not a {other}");
                self.note(text, reason);
                None
            }
        }
    }

    fn duration(&mut self, text: Option<&Spanned<String>>) -> Option<Duration> {
        let text = text?;
        let read = parse_duration(&text.value);
        if read.is_none() {
            let reason = format!("{:?} is not a duration such as 30s or 5m", text.value);
            self.note(text, reason);
        }
        read
    }

    fn label_names(&mut self, texts: Option<&Texts>) {
        for (name, value) in texts.into_iter().flatten() {
            if name.is_empty() || name == LabelSet::NAME {
                self.note(value, format!("{name:?} is not the name of a label"));
            }
        }
    }

    /// Checks templates; whether one of them asks a query.
    fn templates(&mut self, texts: Option<&Texts>) -> bool {
        let mut asks = false;
        for (_, text) in texts.into_iter().flatten() {
            match Template::parse(&text.value) {
                Ok(_) => asks |= text.value.contains("query"),
                Err(error) => self.note(text, format!("the template is wrong: {error}")),
            }
        }
        asks
    }
}

/// The labels of a group, and then those of a rule, which win.
fn group_and_own(group: &GroupText, rule: &RuleText) -> Vec<(String, String)> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for texts in [&group.labels, &rule.labels].into_iter().flatten() {
        all.extend(texts.iter().map(|(n, v)| (n.clone(), v.value.clone())));
    }
    all.into_iter().collect()
}

#[cfg(test)]
mod tests;
