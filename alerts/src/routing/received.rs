//! Alerts that others tell of become incidents, like those of our own rules.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use watchfire_schemas::{LabelSet, Timestamp};

use super::alert::{Origin, RoutedAlert};
use crate::alert_state::{AlertStates, Evaluated, TrackedAlert, Transition};
use crate::evaluation::Update;
use crate::{AlertInstance, AlertState, Alerts, StoreError};

/// What the keys of such alerts begin with, followed by the alert's name.
const KEY: &str = "external:/";
/// How often those who tell of alerts usually do.
const RESEND: Duration = Duration::from_mins(1);
/// How often it is looked whether one has ended by itself.
const LOOK: Duration = Duration::from_secs(5);
/// How long one that is over is still shown.
const RETENTION: Duration = Duration::from_mins(15);

/// Whether a key is not that of a rule.
pub(crate) fn is_received(rule_key: &str) -> bool {
    rule_key.starts_with(KEY)
}

impl Alerts {
    /// Takes over into incidents how received alerts stand.
    pub(super) async fn keep_received_incidents(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let version = self.routing.held().version;
        let seen = |(known, at): (u64, Timestamp)| known == version && now.since(at) < LOOK;
        if self.routing.writing.lock().await.received.is_some_and(seen) {
            return Ok(());
        }
        self.take_over_received(now).await?;
        self.routing.writing.lock().await.received = Some((version, now));
        Ok(())
    }

    async fn take_over_received(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut standing: BTreeMap<String, Vec<AlertInstance>> = BTreeMap::new();
        for alert in self.routing.held().alerts.values() {
            if alert.origin == Origin::Received && !alert.is_resolved(now) && concerns(alert) {
                let instance = instance(alert, now);
                let key = format!("{KEY}{}", instance.rule);
                standing.entry(key).or_default().push(instance);
            }
        }
        let mut keys: BTreeSet<String> = standing.keys().cloned().collect();
        let known = self.board().rules_with_states();
        keys.extend(known.into_iter().filter(|key| is_received(key)));
        if keys.is_empty() {
            return Ok(());
        }
        let updates = keys.into_iter().map(|rule_key| {
            let before = self.board().states(&rule_key);
            let standing = standing.remove(&rule_key).unwrap_or_default();
            let after = advanced(&before, standing, now);
            Update {
                rule_key,
                before,
                after,
            }
        });
        let changed = |update: &Update| update.before != update.after.states;
        let updates: Vec<Update> = updates.filter(changed).collect();
        if updates.is_empty() {
            return Ok(());
        }
        Ok(self.settle(now, RESEND, updates).await?)
    }

    /// The labels of received alerts, as they were told and as incidents know them.
    pub(super) fn received_labels(&self) -> Vec<(LabelSet, LabelSet)> {
        let held = self.routing.held();
        let received = held
            .alerts
            .values()
            .filter(|a| a.origin == Origin::Received);
        received
            .map(|alert| (alert.labels.clone(), labels_with_service(&alert.labels)))
            .collect()
    }
}

/// Prometheus' own way to say that an alert is no failure, such as that of a heartbeat.
fn concerns(alert: &RoutedAlert) -> bool {
    alert.labels.get("severity") != Some("none")
}

/// Incidents are kept by service: where nobody names it, the job stands in.
fn labels_with_service(labels: &LabelSet) -> LabelSet {
    match (labels.get("service"), labels.get("job")) {
        (None, Some(job)) => labels.with("service", job),
        _ => labels.clone(),
    }
}

fn instance(alert: &RoutedAlert, now: Timestamp) -> AlertInstance {
    let since = alert.starts_at.min(now);
    AlertInstance {
        rule: alert.labels.get("alertname").unwrap_or("alert").to_owned(),
        labels: labels_with_service(&alert.labels),
        annotations: alert.annotations.clone(),
        state: AlertState::Firing,
        value: 1.0,
        active_at: since,
        fired_at: Some(since),
        kept_since: None,
        resolved_at: None,
    }
}

/// The states after, from those before and the alerts that fire.
fn advanced(before: &AlertStates, standing: Vec<AlertInstance>, now: Timestamp) -> Evaluated {
    let mut after = Evaluated::default();
    for mut alert in standing {
        let known = before.get(&alert.labels).map(|tracked| &tracked.alert);
        if let Some(known) = known.filter(|known| known.state == AlertState::Firing) {
            alert.active_at = known.active_at;
            alert.fired_at = known.fired_at;
        } else {
            let transition = (alert.labels.clone(), Transition::Firing);
            after.transitions.push(transition);
        }
        let labels = alert.labels.clone();
        after.states.insert(labels, TrackedAlert { alert });
    }
    for (labels, tracked) in before {
        if after.states.contains_key(labels) {
            continue;
        }
        let mut over = tracked.clone();
        if over.alert.state == AlertState::Firing {
            over.alert.state = AlertState::Inactive;
            over.alert.resolved_at = Some(now);
            after
                .transitions
                .push((labels.clone(), Transition::Resolved));
        }
        let ended = over.alert.resolved_at.unwrap_or(now);
        if now.since(ended) <= RETENTION {
            after.states.insert(labels.clone(), over);
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(labels: &[(&str, &str)]) -> RoutedAlert {
        RoutedAlert {
            origin: Origin::Received,
            labels: LabelSet::new(labels.iter().copied()),
            annotations: LabelSet::default(),
            starts_at: Timestamp::from_secs(100),
            ends_at: None,
            times_out: true,
            updated_at: Timestamp::from_secs(100),
            generator_url: String::new(),
        }
    }

    #[test]
    fn an_alert_fires_is_over_and_is_forgotten() {
        let down = instance(
            &alert(&[("alertname", "Down"), ("job", "api")]),
            Timestamp::from_secs(90),
        );
        assert_eq!(down.labels.get("service"), Some("api"));
        assert_eq!(
            down.active_at,
            Timestamp::from_secs(90),
            "not in the future"
        );
        let at = Timestamp::from_secs;
        let fires = advanced(&AlertStates::new(), vec![down.clone()], at(100));
        assert_eq!(
            fires.transitions,
            [(down.labels.clone(), Transition::Firing)]
        );
        let still = advanced(&fires.states, vec![down.clone()], at(160));
        assert!(still.transitions.is_empty());
        let over = advanced(&still.states, Vec::new(), at(200));
        assert_eq!(
            over.transitions,
            [(down.labels.clone(), Transition::Resolved)]
        );
        assert_eq!(over.states[&down.labels].alert.resolved_at, Some(at(200)));
        let again = advanced(&over.states, vec![down.clone()], at(300));
        assert_eq!(
            again.transitions,
            [(down.labels.clone(), Transition::Firing)]
        );
        let gone = advanced(&over.states, Vec::new(), at(2_000));
        assert!(gone.states.is_empty());
    }

    #[test]
    fn a_heartbeat_is_no_failure() {
        assert!(!concerns(&alert(&[("severity", "none")])));
        assert!(concerns(&alert(&[("severity", "warning")])));
        assert!(concerns(&alert(&[])));
    }
}
