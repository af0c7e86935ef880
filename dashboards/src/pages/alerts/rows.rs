//! Alerts and rules as rows.

use watchfire_alerts::{AlertInstance, AlertState, RuleKind, RuleStatus};
use watchfire_schemas::Timestamp;

use super::{chips, state_name};
use crate::figures::{self, When};
use crate::url;

#[derive(Debug)]
pub(crate) struct AlertRow {
    pub(crate) rule: String,
    /// Why it fires; none if its rule is no more.
    pub(crate) why: Option<String>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) summary: String,
    pub(crate) state: &'static str,
    pub(crate) severity: String,
    pub(crate) since: When,
    /// Of a pending alert, how long until it fires: `12 s of 30 s`.
    pub(crate) hold: Option<String>,
    /// Fires only because it is kept.
    pub(crate) kept: bool,
    pub(crate) runbook: Option<String>,
    /// The form of a silence for it.
    pub(crate) silence: String,
    /// Why nobody is told of it, if so.
    pub(crate) suppressed: Option<String>,
    /// Where the evidence is.
    pub(crate) evidence: Option<String>,
}

/// The alerts of one rule.
#[derive(Debug)]
pub(crate) struct Sounding {
    pub(crate) rule: String,
    /// Why it fires; none if its rule is no more.
    pub(crate) why: Option<String>,
    pub(crate) severity: String,
    pub(crate) firing: usize,
    pub(crate) pending: usize,
    pub(crate) runbook: Option<String>,
    /// The first of them.
    pub(crate) alerts: Vec<AlertRow>,
    /// How many more there are.
    pub(crate) more: usize,
}

/// How many alerts of a rule are listed.
const MOST_OF_RULE: usize = 4;

/// Alerts by their rules: those that fire first, the gravest of them first.
pub(super) fn by_rule(alerts: Vec<AlertRow>) -> Vec<Sounding> {
    let mut rules: Vec<Sounding> = Vec::new();
    for alert in alerts {
        let known = rules
            .iter_mut()
            .find(|known| known.rule == alert.rule && known.severity == alert.severity);
        let (firing, pending) = match alert.state {
            "firing" => (1, 0),
            _ => (0, 1),
        };
        match known {
            Some(known) => {
                known.firing += firing;
                known.pending += pending;
                if known.alerts.len() < MOST_OF_RULE {
                    known.alerts.push(alert);
                } else {
                    known.more += 1;
                }
            }
            None => rules.push(Sounding {
                rule: alert.rule.clone(),
                why: alert.why.clone(),
                severity: alert.severity.clone(),
                firing,
                pending,
                runbook: alert.runbook.clone(),
                alerts: vec![alert],
                more: 0,
            }),
        }
    }
    rules.sort_by_key(|rule| (rule.firing == 0, gravity(&rule.severity)));
    rules
}

/// Those that wake somebody first.
fn gravity(severity: &str) -> u8 {
    match severity {
        "critical" => 0,
        "warning" => 2,
        "info" => 3,
        _ => 1,
    }
}

/// The rules of one group.
#[derive(Debug)]
pub(crate) struct GroupRows {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) took: String,
    pub(crate) evaluated: Option<When>,
    pub(crate) failing: usize,
    pub(crate) rules: Vec<RuleRow>,
}

#[derive(Debug)]
pub(crate) struct RuleRow {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) is_recording: bool,
    /// Of an alert its state, of a recording rule whether it works.
    pub(crate) state: &'static str,
    pub(crate) severity: String,
    pub(crate) hold: String,
    pub(crate) series: usize,
    pub(crate) took: String,
    pub(crate) error: Option<String>,
}

pub(crate) fn alert_row(alert: &AlertInstance, rules: &[RuleStatus], now: Timestamp) -> AlertRow {
    let annotation = |name| alert.annotations.get(name);
    let rule = rules
        .iter()
        .find(|rule| rule.alerts.iter().any(|own| own.labels == alert.labels));
    let hold = rule
        .filter(|_| alert.state == AlertState::Pending)
        .map(|rule| {
            let held = now.seconds_since(alert.active_at).max(0.0);
            format!(
                "true for {} of {}",
                figures::duration(held),
                figures::duration(rule.hold_seconds)
            )
        });
    AlertRow {
        rule: alert.rule.clone(),
        why: rule.map(|rule| why(&rule.key, alert)),
        labels: chips(&alert.labels, &["severity"]),
        summary: annotation("summary")
            .or(annotation("description"))
            .unwrap_or_default()
            .to_owned(),
        state: state_name(alert.state),
        severity: alert.labels.get("severity").unwrap_or_default().to_owned(),
        since: When::ago(alert.fired_at.unwrap_or(alert.active_at), now),
        hold,
        kept: alert.kept_since.is_some(),
        silence: super::silences::form_for(&alert.labels),
        suppressed: None,
        runbook: annotation("runbook_url").and_then(followable),
        evidence: annotation("console").and_then(followable),
    }
}

/// The page that tells why an alert fires.
pub(crate) fn why(key: &str, alert: &AlertInstance) -> String {
    let of = format!("{:016x}", alert.labels.fingerprint());
    url::link(&rule_path(key), &[("of", &of)])
}

pub(crate) fn rule_path(key: &str) -> String {
    format!("/alerts/{}", url::encode(key))
}

/// An annotation is anybody's text: only an address may be followed.
pub(crate) fn followable(text: &str) -> Option<String> {
    let is_address = text.starts_with("http://") || text.starts_with("https://");
    is_address.then(|| text.to_owned())
}

pub(super) fn groups(rules: &[RuleStatus], now: Timestamp) -> Vec<GroupRows> {
    let mut groups: Vec<GroupRows> = Vec::new();
    let mut took = 0.0;
    for rule in rules {
        let is_same = |group: &GroupRows| group.name == rule.group && group.file == rule.file;
        if !groups.last().is_some_and(is_same) {
            took = 0.0;
            groups.push(GroupRows {
                name: rule.group.clone(),
                file: rule.file.clone(),
                took: String::new(),
                evaluated: None,
                failing: 0,
                rules: Vec::new(),
            });
        }
        took += rule.evaluation_seconds;
        if let Some(group) = groups.last_mut() {
            group.took = figures::duration(took);
            group.evaluated = rule.last_evaluation.map(|at| When::ago(at, now));
            group.failing += usize::from(rule.last_error.is_some());
            group.rules.push(rule_row(rule));
        }
    }
    // Those that need a look first.
    groups.sort_by_key(|group| std::cmp::Reverse(group.failing));
    groups
}

fn rule_row(rule: &RuleStatus) -> RuleRow {
    let is_recording = rule.kind == RuleKind::Recording;
    RuleRow {
        name: rule.name.clone(),
        href: rule_path(&rule.key),
        is_recording,
        state: health(rule),
        severity: rule.labels.get("severity").unwrap_or_default().to_owned(),
        hold: figures::duration(rule.hold_seconds),
        series: rule.series,
        took: figures::duration(rule.evaluation_seconds),
        error: rule.last_error.clone(),
    }
}

pub(crate) fn health(rule: &RuleStatus) -> &'static str {
    match (&rule.last_error, rule.last_evaluation, rule.kind) {
        (Some(_), _, _) => "failing",
        (None, None, _) => "waiting",
        (None, Some(_), RuleKind::Recording) => "ok",
        (None, Some(_), RuleKind::Alerting) => state_name(rule.state),
    }
}
