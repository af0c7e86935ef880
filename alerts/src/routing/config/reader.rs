use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_saphyr::Spanned;

use super::document::{Document, InhibitText, Pairs, Texts};
use super::{AlertmanagerConfig, RESOLVE_TIMEOUT};
use crate::routing::inhibition::InhibitRule;
use crate::routing::matcher::{MatchOp, Matcher, Matchers};
use crate::rules::{document_of, finding_at, parse_duration};
use crate::{RuleFinding, Weight};

pub(super) fn read(file: &str, text: &str) -> Result<AlertmanagerConfig, Vec<RuleFinding>> {
    let document: Document = document_of(file, text).map_err(|finding| vec![finding])?;
    let mut reader = Reader {
        file,
        findings: Vec::new(),
        receivers: BTreeSet::new(),
        intervals: BTreeSet::new(),
    };
    let receivers = reader.receivers(&document);
    let intervals = reader.all_intervals(&document);
    let inhibit_rules = reader.inhibit_rules(&document);
    let global = document.global.as_ref();
    let resolve_timeout =
        reader.duration(global.and_then(|global| global.resolve_timeout.as_ref()));
    let Some(root) = &document.route else {
        reader.findings.push(RuleFinding {
            file: file.to_owned(),
            line: 1,
            column: 1,
            weight: Weight::Error,
            reason: "the file needs a `route`".to_owned(),
        });
        return Err(reader.findings);
    };
    let route = reader.root(root);
    if !reader.findings.is_empty() {
        reader
            .findings
            .sort_by_key(|found| (found.line, found.column));
        return Err(reader.findings);
    }
    Ok(AlertmanagerConfig {
        route,
        inhibit_rules,
        intervals,
        receivers,
        resolve_timeout: resolve_timeout.unwrap_or(RESOLVE_TIMEOUT),
    })
}

/// Collects what is wrong while it reads.
pub(super) struct Reader<'a> {
    file: &'a str,
    findings: Vec<RuleFinding>,
    /// The names that routes may use.
    pub(super) receivers: BTreeSet<String>,
    pub(super) intervals: BTreeSet<String>,
}

impl Reader<'_> {
    pub(super) fn note<T>(&mut self, at: &Spanned<T>, reason: impl Into<String>) {
        let finding = finding_at(self.file, at, Weight::Error, reason);
        self.findings.push(finding);
    }

    fn receivers(&mut self, document: &Document) -> Vec<String> {
        let mut names = Vec::new();
        for receiver in document.receivers.iter().flatten() {
            let name = &receiver.value.name;
            if name.is_empty() {
                self.note(receiver, "a receiver needs a name");
            } else if !self.receivers.insert(name.clone()) {
                self.note(receiver, format!("the receiver {name:?} comes twice"));
            }
            names.push(name.clone());
        }
        names
    }

    fn all_intervals(&mut self, document: &Document) -> BTreeMap<String, Vec<super::TimeInterval>> {
        let mut read = BTreeMap::new();
        let lists = [&document.mute_time_intervals, &document.time_intervals];
        for named in lists.into_iter().flatten().flatten() {
            let Some(name) = named.value.name.as_ref().filter(|name| !name.is_empty()) else {
                self.note(named, "a time interval needs a name");
                continue;
            };
            if !self.intervals.insert(name.clone()) {
                self.note(named, format!("the time interval {name:?} comes twice"));
            }
            let texts = named.value.time_intervals.iter().flatten();
            let intervals = texts.map(|text| self.interval(text)).collect();
            read.insert(name.clone(), intervals);
        }
        read
    }

    fn inhibit_rules(&mut self, document: &Document) -> Vec<InhibitRule> {
        let rules = document.inhibit_rules.iter().flatten();
        rules.map(|rule| self.inhibit_rule(&rule.value)).collect()
    }

    fn inhibit_rule(&mut self, text: &InhibitText) -> InhibitRule {
        let source = (
            &text.source_match,
            &text.source_match_re,
            &text.source_matchers,
        );
        let target = (
            &text.target_match,
            &text.target_match_re,
            &text.target_matchers,
        );
        for name in text.equal.iter().flatten() {
            self.label_name(name, &name.value);
        }
        let equal = text.equal.iter().flatten();
        InhibitRule {
            source: self.matchers(source),
            target: self.matchers(target),
            equal: equal.map(|name| name.value.clone()).collect(),
        }
    }

    /// Those of `match`, `match_re` and `matchers` together.
    pub(super) fn matchers(&mut self, texts: (&Pairs, &Pairs, &Texts)) -> Matchers {
        let (equal, regex, matchers) = texts;
        let mut all = Vec::new();
        for (name, value) in equal.iter().flatten() {
            self.label_name(value, name);
            let read = Matcher::new(name, MatchOp::Equal, &value.value);
            all.extend(self.noted(value, read));
        }
        for (name, value) in regex.iter().flatten() {
            self.label_name(value, name);
            let read = Matcher::anchored(name, &value.value);
            all.extend(self.noted(value, read));
        }
        for line in matchers.iter().flatten() {
            let read = Matchers::parse(&line.value);
            all.extend(self.noted(line, read).into_iter().flatten());
        }
        Matchers::new(all)
    }

    fn noted<T>(&mut self, at: &Spanned<String>, read: Result<T, String>) -> Option<T> {
        read.map_err(|reason| self.note(at, reason)).ok()
    }

    pub(super) fn label_name<T>(&mut self, at: &Spanned<T>, name: &str) {
        if name.is_empty() {
            self.note(at, "\"\" is not the name of a label");
        }
    }

    pub(super) fn duration(&mut self, text: Option<&Spanned<String>>) -> Option<Duration> {
        let text = text?;
        let read = parse_duration(&text.value);
        if read.is_none() {
            let reason = format!("{:?} is not a duration such as 30s or 5m", text.value);
            self.note(text, reason);
        }
        read
    }
}
