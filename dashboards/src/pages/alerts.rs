//! `/alerts`: what is firing, and the rules that decide.

use askama::Template;
use axum::extract::State;
use watchfire_alerts::{AlertInstance, AlertState, RuleKind, RuleStatus};
use watchfire_schemas::{LabelSet, Timestamp};

use super::{Page, render};
use crate::figures::{self, When};
use crate::shell::{House, Shell};
use crate::{Console, url};

#[derive(Debug)]
pub(crate) struct AlertRow {
    pub(crate) rule: String,
    /// What its rule asks.
    pub(crate) explore: Option<String>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) summary: String,
    pub(crate) state: &'static str,
    pub(crate) value: String,
    pub(crate) since: When,
}

#[derive(Debug)]
pub(crate) struct RuleRow {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) state: &'static str,
    pub(crate) expr: String,
    pub(crate) explore: String,
    pub(crate) hold: String,
    pub(crate) keep: String,
    pub(crate) severity: String,
    pub(crate) summary: String,
    pub(crate) evaluated: Option<When>,
    pub(crate) took: String,
    pub(crate) error: Option<String>,
}

/// A rule that writes series.
#[derive(Debug)]
pub(crate) struct RecordingRow {
    pub(crate) group: String,
    pub(crate) name: String,
    /// `ok`, `failing`, or `waiting` for its first evaluation.
    pub(crate) health: &'static str,
    pub(crate) expr: String,
    pub(crate) explore: String,
    pub(crate) series: usize,
    pub(crate) evaluated: Option<When>,
    pub(crate) took: String,
    pub(crate) error: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "alerts.html")]
pub(crate) struct AlertsPage {
    pub(crate) shell: Shell,
    pub(crate) active: Vec<AlertRow>,
    pub(crate) rules: Vec<RuleRow>,
    pub(crate) recording: Vec<RecordingRow>,
}

pub(crate) async fn page(State(console): State<Console>) -> Page {
    let house = House::ask(&console).await;
    let shell = Shell::new(&house, "/alerts", "Alerts").live(15);
    let (rules, active) = (console.alerts.rules(), console.alerts.active_alerts());
    render(&view(shell, house.now, &rules, &active))
}

pub(crate) const fn state_name(state: AlertState) -> &'static str {
    match state {
        AlertState::Inactive => "inactive",
        AlertState::Pending => "pending",
        AlertState::Firing => "firing",
    }
}

pub(crate) fn view(
    shell: Shell,
    now: Timestamp,
    rules: &[RuleStatus],
    active: &[AlertInstance],
) -> AlertsPage {
    let rank = |state| match state {
        AlertState::Firing => 0,
        AlertState::Pending => 1,
        AlertState::Inactive => 2,
    };
    let mut active: Vec<&AlertInstance> = active.iter().collect();
    active.sort_by_key(|alert| (rank(alert.state), alert.active_at));
    let (mut rules, mut recording): (Vec<&RuleStatus>, Vec<&RuleStatus>) = rules
        .iter()
        .partition(|rule| rule.kind == RuleKind::Alerting);
    rules.sort_by_key(|rule| rank(rule.state));
    recording.sort_by_key(|rule| rule.last_error.is_none());
    AlertsPage {
        shell,
        active: active
            .into_iter()
            .map(|alert| AlertRow {
                explore: asked_by(&rules, &alert.rule),
                ..alert_row(alert, now)
            })
            .collect(),
        rules: rules.into_iter().map(|rule| rule_row(rule, now)).collect(),
        recording: recording
            .into_iter()
            .map(|rule| recording_row(rule, now))
            .collect(),
    }
}

/// The expression of a rule on the page for expressions, if the rule is still there.
fn asked_by(rules: &[&RuleStatus], name: &str) -> Option<String> {
    let rule = rules.iter().find(|rule| rule.name == name)?;
    Some(url::link("/explore", &[("a", &rule.expr)]))
}

/// Labels as chips, without the alert's name and what is said elsewhere.
pub(crate) fn chips(labels: &LabelSet, said: &[&str]) -> Vec<(String, String)> {
    labels
        .iter()
        .filter(|(key, _)| *key != "alertname" && !said.contains(key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn alert_row(alert: &AlertInstance, now: Timestamp) -> AlertRow {
    let annotation = |name| alert.annotations.get(name);
    AlertRow {
        rule: alert.rule.clone(),
        explore: None,
        labels: chips(&alert.labels, &[]),
        summary: annotation("summary")
            .or(annotation("description"))
            .unwrap_or_default()
            .to_owned(),
        state: state_name(alert.state),
        value: figures::short(alert.value),
        since: When::ago(alert.fired_at.unwrap_or(alert.active_at), now),
    }
}

fn rule_row(rule: &RuleStatus, now: Timestamp) -> RuleRow {
    RuleRow {
        group: rule.group.clone(),
        name: rule.name.clone(),
        state: state_name(rule.state),
        explore: url::link("/explore", &[("a", &rule.expr)]),
        expr: rule.expr.clone(),
        hold: figures::duration(rule.hold_seconds),
        keep: figures::duration(rule.keep_firing_seconds),
        severity: rule.labels.get("severity").unwrap_or_default().to_owned(),
        summary: rule
            .annotations
            .get("summary")
            .unwrap_or_default()
            .to_owned(),
        evaluated: rule.last_evaluation.map(|at| When::ago(at, now)),
        took: figures::duration(rule.evaluation_seconds),
        error: rule.last_error.clone(),
    }
}

fn recording_row(rule: &RuleStatus, now: Timestamp) -> RecordingRow {
    RecordingRow {
        group: rule.group.clone(),
        name: rule.name.clone(),
        health: match (&rule.last_error, rule.last_evaluation) {
            (Some(_), _) => "failing",
            (None, Some(_)) => "ok",
            (None, None) => "waiting",
        },
        expr: rule.expr.clone(),
        explore: url::link("/explore", &[("expr", &rule.name)]),
        series: rule.series,
        evaluated: rule.last_evaluation.map(|at| When::ago(at, now)),
        took: figures::duration(rule.evaluation_seconds),
        error: rule.last_error.clone(),
    }
}
