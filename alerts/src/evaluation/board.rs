use std::collections::BTreeMap;

use watchfire_schemas::{LabelSet, Timestamp};

use crate::alert_state::AlertStates;
use crate::rules::{AlertingRule, RuleGroup};
use crate::{AlertInstance, AlertState, RuleStatus};

/// How rules and their alerts stand, as last committed.
#[derive(Debug, Default)]
pub(crate) struct Board {
    states: BTreeMap<String, AlertStates>,
    health: BTreeMap<String, Health>,
}

/// How the last evaluation of a rule went.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Health {
    pub last_evaluation: Option<Timestamp>,
    pub seconds: f64,
    pub last_error: Option<String>,
}

impl Board {
    pub(crate) fn restored(states: BTreeMap<String, AlertStates>) -> Self {
        Self {
            states,
            health: BTreeMap::new(),
        }
    }

    pub(crate) fn states(&self, rule_key: &str) -> AlertStates {
        self.states.get(rule_key).cloned().unwrap_or_default()
    }

    pub(crate) fn put(&mut self, rule_key: &str, states: AlertStates) {
        self.states.insert(rule_key.to_owned(), states);
    }

    pub(crate) fn forget(&mut self, rule_key: &str, labels: &LabelSet) {
        if let Some(states) = self.states.get_mut(rule_key) {
            states.remove(labels);
        }
    }

    /// Takes the health of a rule; gives the reason if it just began to fail, or fails otherwise
    /// than before.
    pub(crate) fn report(&mut self, rule_key: &str, health: Health) -> Option<String> {
        let reason = health.last_error.clone();
        let before = self.health.insert(rule_key.to_owned(), health);
        let known = before.and_then(|health| health.last_error);
        reason.filter(|reason| known.as_ref() != Some(reason))
    }

    pub(crate) fn alert(&self, rule_key: &str, labels: &LabelSet) -> Option<&AlertInstance> {
        let tracked = self.states.get(rule_key)?.get(labels)?;
        Some(&tracked.alert)
    }

    /// Pending and firing alerts.
    pub(crate) fn active(&self) -> Vec<AlertInstance> {
        let all = self.states.values().flat_map(|states| states.values());
        all.map(|tracked| &tracked.alert)
            .filter(|alert| alert.state != AlertState::Inactive)
            .cloned()
            .collect()
    }

    pub(crate) fn status(&self, group: &RuleGroup, rule: &AlertingRule) -> RuleStatus {
        let alerts: Vec<AlertInstance> = self
            .states(&rule.key)
            .into_values()
            .map(|tracked| tracked.alert)
            .filter(|alert| alert.state != AlertState::Inactive)
            .collect();
        let any = |state| alerts.iter().any(|alert| alert.state == state);
        let health = self.health.get(&rule.key).cloned().unwrap_or_default();
        RuleStatus {
            group: group.name.clone(),
            name: rule.name.clone(),
            expr: rule.expr.clone(),
            hold_seconds: rule.hold.as_secs_f64(),
            keep_firing_seconds: rule.keep_firing.as_secs_f64(),
            labels: rule.labels.clone(),
            annotations: rule.annotations.clone(),
            state: if any(AlertState::Firing) {
                AlertState::Firing
            } else if any(AlertState::Pending) {
                AlertState::Pending
            } else {
                AlertState::Inactive
            },
            last_evaluation: health.last_evaluation,
            evaluation_seconds: health.seconds,
            last_error: health.last_error,
            alerts,
        }
    }
}
