//! Service level objectives, compiled to recording rules and to alerts on how fast the error budget
//! burns.
//!
//! Files may have Sloth's form (`version: prometheus/v1`, or its Kubernetes resource) or that of
//! `openslo/v1`; `[[slo]]` of the configuration is a short form of our own. All become the same
//! rules, under the names that Sloth gives them, so that dashboards made for it work here.

mod document;
mod open_slo;
mod own;
mod query;
mod rules;
mod sloth;
mod windows;

use std::collections::BTreeMap;

pub use own::{OwnSlo, OwnSloError, compile_own_slos};
pub use windows::SloPeriod;

use crate::{RuleFinding, Weight};
use document::Document;

/// What SLOs came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CompiledSlos {
    /// A rule file in Prometheus' form; empty groups if nothing was defined.
    pub rules: String,
    /// How many objectives there are.
    pub objectives: usize,
    /// What was left out, but does not stand in the way.
    pub warnings: Vec<RuleFinding>,
}

/// One objective, as it is meant.
#[derive(Debug, Clone, PartialEq)]
struct Slo {
    /// `service-name`, which nothing else is called.
    id: String,
    service: String,
    name: String,
    /// In percent, above 0 and up to 100.
    objective: f64,
    /// Set on every series.
    labels: BTreeMap<String, String>,
    indicator: Indicator,
    period: SloPeriod,
    alerting: Alerting,
    /// Which form it was written in: `prometheus/v1`.
    form: &'static str,
    /// Alerts only where the short window holds so many events.
    guard: Option<Guard>,
}

/// Expressions in which `{{.window}}` stands for a duration.
#[derive(Debug, Clone, PartialEq)]
enum Indicator {
    Events {
        bad: String,
        total: String,
    },
    /// A share of bad events.
    ErrorRatio(String),
}

#[derive(Debug, Clone, PartialEq)]
struct Guard {
    /// How many events there are in `{{.window}}`.
    events: String,
    at_least: u32,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Alerting {
    name: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    /// None: not wanted.
    page: Option<AlertTexts>,
    ticket: Option<AlertTexts>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct AlertTexts {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// Compiles a file of SLOs; several documents may stand in it. `file` is only for messages, `period` is
/// that of objectives which do not say their own. An error holds at least one finding.
pub fn compile_slos(
    file: &str,
    text: &str,
    period: SloPeriod,
) -> Result<CompiledSlos, Vec<RuleFinding>> {
    let documents = document::documents(text);
    let mut reading = Reading {
        file,
        period,
        slos: Vec::new(),
        findings: Vec::new(),
    };
    let indicators = open_slo::indicators(&documents);
    for document in &documents {
        reading.document(document, &indicators);
    }
    reading.refuse_twins();
    let (warnings, errors): (Vec<_>, Vec<_>) = reading
        .findings
        .into_iter()
        .partition(|finding| finding.weight == Weight::Warning);
    if !errors.is_empty() {
        return Err(errors);
    }
    let slos: Vec<Slo> = reading.slos.into_iter().map(|(_, slo)| slo).collect();
    Ok(CompiledSlos {
        rules: rules::rule_file(&slos),
        objectives: slos.len(),
        warnings,
    })
}

/// Checks a file of SLOs without using it. Where nothing found is an error, it can be used.
pub fn check_slos(file: &str, text: &str, period: SloPeriod) -> Vec<RuleFinding> {
    match compile_slos(file, text, period) {
        Ok(compiled) => compiled.warnings,
        Err(findings) => findings,
    }
}

/// What was read so far.
struct Reading<'a> {
    file: &'a str,
    period: SloPeriod,
    /// Each with the line in which it begins.
    slos: Vec<(usize, Slo)>,
    findings: Vec<RuleFinding>,
}

impl Reading<'_> {
    fn document(&mut self, document: &Document<'_>, indicators: &open_slo::Indicators) {
        let head = match document.head() {
            Ok(head) => head,
            Err((at, reason)) => return self.note(at, reason),
        };
        let kind = head.kind.as_deref().unwrap_or_default();
        match (head.version.as_deref(), head.api_version.as_deref()) {
            (Some("prometheus/v1"), None) => sloth::read_plain(self, document),
            (None, Some("sloth.slok.dev/v1")) => match kind {
                "PrometheusServiceLevel" => sloth::read_resource(self, document),
                other => self.note(
                    document.start(),
                    format!("the kind {other:?} of sloth.slok.dev/v1 is not read here"),
                ),
            },
            (None, Some("openslo/v1")) => open_slo::read(self, document, kind, indicators),
            (Some(other), _) | (None, Some(other)) => self.note(
                document.start(),
                format!(
                    "{other:?} is no form of SLOs that is read here: prometheus/v1, \
                     sloth.slok.dev/v1 and openslo/v1 are"
                ),
            ),
            (None, None) => self.note(
                document.start(),
                "neither `version: prometheus/v1` nor an `apiVersion` says what form this has",
            ),
        }
    }

    fn note(&mut self, (line, column): (usize, usize), reason: impl Into<String>) {
        self.find((line, column), Weight::Error, reason);
    }

    fn warn(&mut self, at: (usize, usize), reason: impl Into<String>) {
        self.find(at, Weight::Warning, reason);
    }

    fn find(&mut self, (line, column): (usize, usize), weight: Weight, reason: impl Into<String>) {
        self.findings.push(RuleFinding {
            file: self.file.to_owned(),
            line,
            column,
            weight,
            reason: reason.into(),
        });
    }

    /// How many findings stand in the way so far.
    fn errors(&self) -> usize {
        let all = self.findings.iter();
        all.filter(|finding| finding.weight == Weight::Error)
            .count()
    }

    /// Two of the same id would write the same series.
    fn refuse_twins(&mut self) {
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut twins = Vec::new();
        for (line, slo) in &self.slos {
            match known.get(&slo.id) {
                Some(first) => twins.push((
                    *line,
                    format!("the SLO {} is there in line {first} already", slo.id),
                )),
                None => drop(known.insert(slo.id.clone(), *line)),
            }
        }
        for (line, reason) in twins {
            self.note((line, 1), reason);
        }
    }
}

#[cfg(test)]
mod tests;
