//! Rules as Prometheus' files write them, read and checked.

mod condition;
mod duration;
mod finding;
mod lint;
mod read;
mod reads;
pub(crate) mod template;
mod words;

use std::time::Duration;

use watchfire_schemas::{AlertSeverity, LabelSet};

pub use condition::{Comparison, comparisons};
pub(crate) use duration::{parse_duration, written_duration};
pub use finding::{RuleFinding, Weight};
pub use read::check_rules;
pub(crate) use read::{document_of, finding_at, read_rules};
pub(crate) use reads::Reads;

/// Rules that are evaluated one after another at the same time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuleGroup {
    pub name: String,
    /// None: as configured.
    pub interval: Option<Duration>,
    /// How far before the time of the evaluation the telemetry is asked.
    pub query_offset: Duration,
    /// More alerts or series than this from one rule are an error; 0 is no limit.
    pub limit: usize,
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    Alerting(AlertingRule),
    Recording(RecordingRule),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AlertingRule {
    /// Names the rule in the database: its group, its name and, if that comes twice, its number.
    pub key: String,
    pub name: String,
    pub expr: String,
    /// `for`.
    pub hold: Duration,
    pub keep_firing: Duration,
    /// Templates; those of the group among them. One that gives nothing takes the label away.
    pub labels: Vec<(String, String)>,
    /// Templates.
    pub annotations: LabelSet,
    pub reads: Reads,
}

/// Writes what its expression gives as series of a name of their own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RecordingRule {
    /// As [`AlertingRule::key`].
    pub key: String,
    /// The metric that is written.
    pub record: String,
    pub expr: String,
    /// Set on each series, those of the group among them; one with an empty value takes the
    /// label away.
    pub labels: Vec<(String, String)>,
    pub reads: Reads,
}

impl Rule {
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Alerting(rule) => &rule.key,
            Self::Recording(rule) => &rule.key,
        }
    }

    pub(crate) fn key_mut(&mut self) -> &mut String {
        match self {
            Self::Alerting(rule) => &mut rule.key,
            Self::Recording(rule) => &mut rule.key,
        }
    }

    /// The alert or the metric.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Alerting(rule) => &rule.name,
            Self::Recording(rule) => &rule.record,
        }
    }

    pub(crate) fn expr(&self) -> &str {
        match self {
            Self::Alerting(rule) => &rule.expr,
            Self::Recording(rule) => &rule.expr,
        }
    }

    /// Which metrics decide what it gives.
    pub(crate) const fn reads(&self) -> &Reads {
        match self {
            Self::Alerting(rule) => &rule.reads,
            Self::Recording(rule) => &rule.reads,
        }
    }
}

/// The severity that an alert's labels carry. A rule that does not say, or says a word that is
/// none of ours, pages: a page too many is found out sooner than a page too few. What an objective
/// calls a ticket does not.
pub(crate) fn severity(labels: &LabelSet) -> AlertSeverity {
    let said = labels.get("severity").and_then(|word| word.parse().ok());
    said.unwrap_or_else(|| match labels.get("sloth_severity") {
        Some("ticket") => AlertSeverity::Warning,
        _ => AlertSeverity::Error,
    })
}
