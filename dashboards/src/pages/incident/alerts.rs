//! The alerts of an incident, by their rule: forty of nine rules are nine lines.

use std::collections::BTreeSet;

use watchfire_alerts::{AlertInstance, AlertJoin, AlertState, Incident};

use crate::figures;
use crate::pages::alerts::{chips, state_name};

/// The alerts of one rule.
#[derive(Debug)]
pub(crate) struct AlertGroup {
    pub(crate) rule: String,
    /// What the rule asks, over the time of the incident; none if the rule is no longer there.
    pub(crate) explore: Option<String>,
    /// The worst of its alerts.
    pub(crate) state: &'static str,
    /// `9 operations`, `1 service`.
    pub(crate) extent: String,
    pub(crate) firing: usize,
    pub(crate) rows: Vec<AlertChips>,
    /// Alerts that are not written out.
    pub(crate) hidden: usize,
}

#[derive(Debug)]
pub(crate) struct AlertChips {
    pub(crate) state: &'static str,
    pub(crate) value: String,
    pub(crate) labels: Vec<(String, String)>,
    /// By what it is named in forms.
    pub(crate) id: String,
    /// Why it is part of the incident; empty where that was not kept.
    pub(crate) joined: String,
}

/// Labels that say what an alert is about, the finest first.
const SUBJECTS: [(&str, &str, &str); 4] = [
    ("operation", "operation", "operations"),
    ("type", "exception", "exceptions"),
    ("destination", "destination", "destinations"),
    ("service", "service", "services"),
];

/// Alerts written out for a rule.
const SHOWN: usize = 20;

/// By rule: what fires first, then what concerns most.
/// `explore` leads to what a rule asks.
pub(super) fn alert_groups(
    incident: &Incident,
    explore: impl Fn(&str) -> Option<String>,
) -> Vec<AlertGroup> {
    let rules: BTreeSet<&str> = incident.alerts.iter().map(|a| a.rule.as_str()).collect();
    let mut groups: Vec<AlertGroup> = rules
        .into_iter()
        .map(|rule| {
            let of_rule = incident.alerts.iter().filter(|alert| alert.rule == rule);
            AlertGroup {
                explore: explore(rule),
                ..alert_group(rule, of_rule.collect(), &incident.joins)
            }
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.firing, group.rows.len() + group.hidden)));
    groups
}

fn alert_group(rule: &str, mut alerts: Vec<&AlertInstance>, joins: &[AlertJoin]) -> AlertGroup {
    let rank = |state| match state {
        AlertState::Firing => 0,
        AlertState::Pending => 1,
        AlertState::Inactive => 2,
    };
    alerts.sort_by_key(|alert| (rank(alert.state), alert.active_at));
    let firing = alerts.iter().filter(|a| a.state == AlertState::Firing);
    AlertGroup {
        rule: rule.to_owned(),
        explore: None,
        state: alerts.first().map_or("inactive", |a| state_name(a.state)),
        extent: extent(&alerts),
        firing: firing.count(),
        hidden: alerts.len().saturating_sub(SHOWN),
        rows: alerts
            .iter()
            .take(SHOWN)
            .map(|alert| alert_chips(alert, joins))
            .collect(),
    }
}

fn alert_chips(alert: &AlertInstance, joins: &[AlertJoin]) -> AlertChips {
    let id = format!("{:016x}", alert.labels.fingerprint());
    let joined = joins.iter().find(|join| join.alert == id);
    AlertChips {
        state: state_name(alert.state),
        value: figures::short(alert.value),
        labels: chips(&alert.labels, &["severity"]),
        joined: joined.map_or_else(String::new, |join| join.text.clone()),
        id,
    }
}

/// How much a rule's alerts concern, by the finest label that all of them have.
fn extent(alerts: &[&AlertInstance]) -> String {
    for (label, one, many) in SUBJECTS {
        let values: Option<BTreeSet<&str>> = alerts.iter().map(|a| a.labels.get(label)).collect();
        if let Some(values) = values.filter(|values| !values.is_empty()) {
            return match values.len() {
                1 => format!("1 {one}"),
                n => format!("{n} {many}"),
            };
        }
    }
    match alerts.len() {
        1 => String::new(),
        n => format!("{n} alerts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};

    #[test]
    fn alerts_of_a_rule_are_one_line() {
        let mut incident = samples::incident(Mood::Full);
        let mut alert = incident.alerts[0].clone();
        for operation in 0..30 {
            alert.rule = "DependencyDown".to_owned();
            alert.labels = alert.labels.with("operation", &format!("GET /{operation}"));
            alert.state = AlertState::Inactive;
            incident.alerts.push(alert.clone());
        }
        let groups = alert_groups(&incident, |rule| Some(format!("/explore?{rule}")));
        assert_eq!(groups.len(), 2);
        assert_eq!(
            groups[1].explore.as_deref(),
            Some("/explore?DependencyDown")
        );
        assert_eq!(groups[0].firing, 1, "what fires comes first");
        assert_eq!(groups[1].extent, "30 operations");
        assert_eq!((groups[1].rows.len(), groups[1].hidden), (20, 10));
        let labels = &groups[1].rows[0].labels;
        assert!(
            labels.iter().all(|(key, _)| key != "alertname"),
            "{labels:?}"
        );
    }
}
