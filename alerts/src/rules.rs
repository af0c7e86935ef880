//! Rules as Prometheus' files write them, read and checked.

mod read;
pub(crate) mod template;

use std::time::Duration;

use watchfire_schemas::{AlertSeverity, LabelSet};

pub(crate) use read::read_rules;
pub use read::{RuleFinding, check_rules};

/// Rules that are evaluated one after another at the same time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuleGroup {
    pub name: String,
    /// None: as configured.
    pub interval: Option<Duration>,
    /// More alerts than this from one rule are an error; 0 is no limit.
    pub limit: usize,
    pub rules: Vec<AlertingRule>,
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
    /// Templates.
    pub labels: LabelSet,
    /// Templates.
    pub annotations: LabelSet,
}

/// The severity that an alert's labels carry. A rule that does not say, or says a word that is
/// none of ours, pages: a page too many is found out sooner than a page too few.
pub(crate) fn severity(labels: &LabelSet) -> AlertSeverity {
    labels
        .get("severity")
        .and_then(|word| word.parse().ok())
        .unwrap_or(AlertSeverity::Error)
}
