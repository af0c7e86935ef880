use std::collections::BTreeMap;

use watchfire_schemas::{LabelSet, Timestamp};

use super::LoadedGroup;
use crate::alert_state::AlertStates;
use crate::rules::{Rule, RuleGroup};
use crate::{AlertInstance, AlertState, RuleKind, RuleStatus, alert_store};

/// How rules and their alerts stand, as last committed.
#[derive(Debug, Default)]
pub(crate) struct Board {
    states: BTreeMap<String, AlertStates>,
    health: BTreeMap<String, Health>,
    groups: BTreeMap<String, GroupHealth>,
    /// Another one whenever an alert stands otherwise.
    version: u64,
}

/// How the last evaluation of a rule went.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Health {
    pub last_evaluation: Option<Timestamp>,
    pub seconds: f64,
    /// How many series it gave.
    pub series: usize,
    pub last_error: Option<String>,
}

/// How the last evaluation of a group went.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct GroupHealth {
    pub last_evaluation: Option<Timestamp>,
    pub seconds: f64,
    /// The last evaluation whose outcome was kept.
    pub kept_at: Option<Timestamp>,
}

impl Board {
    pub(crate) fn restored(states: BTreeMap<String, AlertStates>) -> Self {
        Self {
            states,
            health: BTreeMap::new(),
            groups: BTreeMap::new(),
            version: 0,
        }
    }

    /// Forgets rules and groups that are no more.
    pub(crate) fn keep_only(
        &mut self,
        is_rule: impl Fn(&str) -> bool,
        is_group: impl Fn(&str) -> bool,
    ) {
        self.states.retain(|key, _| is_rule(key));
        self.version += 1;
        self.health.retain(|key, _| is_rule(key));
        self.groups.retain(|id, _| is_group(id));
    }

    /// The rules of which alerts are known.
    pub(crate) fn rules_with_states(&self) -> Vec<String> {
        self.states.keys().cloned().collect()
    }

    pub(crate) fn evaluated(&mut self, group: &LoadedGroup, health: GroupHealth) {
        let known = self.groups.entry(group.id()).or_default();
        let kept_at = known.kept_at;
        *known = GroupHealth { kept_at, ..health };
    }

    /// The outcome of its evaluation at `at` is in the database.
    pub(crate) fn kept(&mut self, group: &LoadedGroup, at: Timestamp) {
        self.groups.entry(group.id()).or_default().kept_at = Some(at);
    }

    pub(crate) fn group(&self, group: &LoadedGroup) -> GroupHealth {
        self.groups.get(&group.id()).copied().unwrap_or_default()
    }

    pub(crate) fn states(&self, rule_key: &str) -> AlertStates {
        self.states.get(rule_key).cloned().unwrap_or_default()
    }

    /// The states of all alerts of a group, by their rules' keys.
    pub(crate) fn states_of(&self, group: &RuleGroup) -> BTreeMap<String, AlertStates> {
        let keys = group.rules.iter().map(Rule::key);
        keys.filter_map(|key| Some((key.to_owned(), self.states.get(key)?.clone())))
            .collect()
    }

    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Alerts that fire and that did, with their rules' keys.
    pub(crate) fn fired(&self) -> impl Iterator<Item = (&str, &AlertInstance)> {
        let all = self.states.iter();
        let all = all.flat_map(|(key, states)| states.values().map(move |t| (key, &t.alert)));
        all.filter(|(_, alert)| alert.state != AlertState::Pending)
            .map(|(key, alert)| (key.as_str(), alert))
    }

    pub(crate) fn put(&mut self, rule_key: &str, states: AlertStates) {
        let known = self.states.get(rule_key);
        if known.is_none_or(|known| alert_store::differ(known, &states)) {
            self.version += 1;
        }
        self.states.insert(rule_key.to_owned(), states);
    }

    pub(crate) fn forget(&mut self, rule_key: &str, labels: &LabelSet) {
        self.version += 1;
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

    pub(crate) fn status(&self, group: &LoadedGroup, rule: &Rule) -> RuleStatus {
        let health = self.health.get(rule.key()).cloned().unwrap_or_default();
        let mut status = RuleStatus {
            key: rule.key().to_owned(),
            kind: RuleKind::Recording,
            group: group.rules.name.clone(),
            file: group.file.clone(),
            name: rule.name().to_owned(),
            expr: rule.expr().to_owned(),
            hold_seconds: 0.0,
            keep_firing_seconds: 0.0,
            labels: LabelSet::default(),
            annotations: LabelSet::default(),
            state: AlertState::Inactive,
            last_evaluation: health.last_evaluation,
            evaluation_seconds: health.seconds,
            series: health.series,
            last_error: health.last_error,
            alerts: Vec::new(),
        };
        match rule {
            Rule::Recording(rule) => status.labels = LabelSet::new(rule.labels.iter().cloned()),
            Rule::Alerting(rule) => {
                status.kind = RuleKind::Alerting;
                status.hold_seconds = rule.hold.as_secs_f64();
                status.keep_firing_seconds = rule.keep_firing.as_secs_f64();
                status.labels = LabelSet::new(rule.labels.iter().cloned());
                status.annotations.clone_from(&rule.annotations);
                let known = self.states.get(&rule.key).into_iter();
                let alerts = known.flat_map(|known| known.values()).map(|t| &t.alert);
                let active = alerts.filter(|alert| alert.state != AlertState::Inactive);
                status.alerts = active.cloned().collect();
                let worst = status.alerts.iter().map(|alert| alert.state);
                status.state = worst.max().unwrap_or(AlertState::Inactive);
            }
        }
        status
    }
}
