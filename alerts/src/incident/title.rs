//! What an incident is called: what users feel of it, as bad as it became.

use serde::{Deserialize, Serialize};
use watchfire_schemas::{AlertSeverity, LabelSet};

use super::record::{IncidentAlert, summary};
use crate::AlertInstance;
use crate::rules::severity;

/// The alert that gave an incident its title, as it was then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TitleSource {
    rule_key: String,
    labels: LabelSet,
    signal: String,
    severity: AlertSeverity,
    value: f64,
}

/// How near to the users an alert's signal is; nearer ones tell more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// Logs and contracts: the telemetry itself.
    Telemetry,
    /// What the code throws, felt or not.
    Inside,
    /// What the service calls.
    Behind,
    /// Answers that users get or miss, and what somebody wrote a rule of their own for.
    Felt,
}

fn nearness(signal: &str) -> Nearness {
    match signal {
        "ingest" | "schema" => Nearness::Telemetry,
        "exceptions" => Nearness::Inside,
        "dependency" => Nearness::Behind,
        _ => Nearness::Felt,
    }
}

impl TitleSource {
    pub(super) fn new(alert: &IncidentAlert) -> Self {
        let IncidentAlert {
            rule_key, alert, ..
        } = alert;
        Self {
            rule_key: rule_key.clone(),
            labels: alert.labels.clone(),
            signal: signal(alert).to_owned(),
            severity: severity(&alert.labels),
            value: alert.value,
        }
    }

    pub(super) fn alert(&self) -> (String, LabelSet) {
        (self.rule_key.clone(), self.labels.clone())
    }

    /// Whether an alert says more than the one that gave the title: graver first, then nearer to
    /// the users, then worse. Values are compared where they are of one kind: of the same alert, or
    /// of rules about the same signal.
    pub(super) fn is_outdone_by(&self, other: &IncidentAlert) -> bool {
        let IncidentAlert {
            rule_key, alert, ..
        } = other;
        let rank = (severity(&alert.labels), nearness(signal(alert)));
        let own = (self.severity, nearness(&self.signal));
        let same = *rule_key == self.rule_key && alert.labels == self.labels;
        let of_a_kind = same || (!self.signal.is_empty() && signal(alert) == self.signal);
        rank > own || (rank == own && of_a_kind && alert.value > self.value)
    }
}

fn signal(alert: &AlertInstance) -> &str {
    alert.annotations.get("signal").unwrap_or_default()
}

/// The title that an alert gives, if it says more than what gave the one before.
pub(super) fn better(
    known: Option<&TitleSource>,
    alert: &IncidentAlert,
) -> Option<(String, TitleSource)> {
    let better = known.is_none_or(|known| known.is_outdone_by(alert));
    better.then(|| (summary(&alert.alert), TitleSource::new(alert)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::record::tests::fired;

    fn alert(rule: &str, signal: &str, severity: &str, value: f64) -> IncidentAlert {
        let mut alert = fired("content", severity, 100).alert;
        alert.value = value;
        alert.annotations = LabelSet::new([("signal", signal), ("summary", rule)]);
        IncidentAlert {
            rule_key: rule.to_owned(),
            alert,
            joined: None,
        }
    }

    fn check(alerts: &[IncidentAlert], expected: &str) {
        let mut title = (String::new(), None);
        for alert in alerts {
            if let Some((text, source)) = better(title.1.as_ref(), alert) {
                title = (text, Some(source));
            }
        }
        assert_eq!(title.0, expected);
    }

    #[test]
    fn the_title_says_what_users_feel() {
        let surge = || alert("surge", "exceptions", "error", 146.0);
        let share = || alert("12 % fail", "errors", "error", 12.0);
        let failing = || alert("40 % fail", "errors", "error", 40.0);
        let down = || alert("100 % fail", "errors", "critical", 100.0);
        check(&[surge(), share()], "12 % fail");
        check(&[share(), surge()], "12 % fail");
        check(&[surge(), share(), failing()], "40 % fail");
        check(&[failing(), share(), surge()], "40 % fail");
        check(&[failing(), down(), surge()], "100 % fail");
    }

    #[test]
    fn values_of_different_kinds_are_not_compared() {
        let mine = alert("mine", "", "error", 3.0);
        let other = alert("other", "", "error", 900.0);
        check(&[mine.clone(), other], "mine");
        check(
            &[mine.clone(), alert("slow", "latency", "error", 4.0)],
            "mine",
        );
        check(&[mine, alert("mine", "", "error", 5.0)], "mine");
    }
}
