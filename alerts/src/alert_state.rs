//! The alert state machine of Prometheus: a pure function of a rule, the samples that its
//! expression gave, the states before and the time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchfire_schemas::{LabelSet, Timestamp};

use crate::rules::AlertingRule;
use crate::rules::template::{Scope, Surroundings, Template, TemplateError, told};
use crate::{AlertInstance, AlertState};

/// How long a resolved alert is still shown.
const RESOLVED_RETENTION: Duration = Duration::from_mins(15);

/// The alerts of one rule, by their labels.
pub(crate) type AlertStates = BTreeMap<LabelSet, TrackedAlert>;

/// An alert as the machine remembers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrackedAlert {
    #[serde(flatten)]
    pub alert: AlertInstance,
}

/// What became of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    Pending,
    Firing,
    Resolved,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Evaluated {
    pub states: AlertStates,
    pub transitions: Vec<(LabelSet, Transition)>,
}

/// Why a rule gives no alerts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EvaluationError {
    /// The states stay as they were.
    #[error("vector contains metrics with the same labelset after applying alert labels: {0}")]
    DuplicateLabels(LabelSet),
    /// The rule has no alerts any more.
    #[error("exceeded limit of {limit} with {found} alerts")]
    TooMany { found: usize, limit: usize },
}

/// One evaluation of one rule. More alerts than `limit` are refused; 0 is no limit.
pub(crate) fn evaluate(
    rule: &AlertingRule,
    samples: &[(LabelSet, f64)],
    before: &AlertStates,
    around: &Surroundings<'_>,
    limit: usize,
) -> Result<Evaluated, EvaluationError> {
    let texts = Texts::of(rule);
    let mut states = before.clone();
    let mut transitions = Vec::new();
    let mut active = BTreeSet::new();
    for (sample_labels, value) in samples {
        let found = texts.instance(rule, sample_labels, *value, around);
        if !active.insert(found.labels.clone()) {
            return Err(EvaluationError::DuplicateLabels(found.labels));
        }
        match states.get_mut(&found.labels) {
            Some(known) if known.alert.state != AlertState::Inactive => {
                known.alert.value = found.value;
                known.alert.annotations = found.annotations;
            }
            _ => {
                transitions.push((found.labels.clone(), Transition::Pending));
                let tracked = TrackedAlert { alert: found };
                states.insert(tracked.alert.labels.clone(), tracked);
            }
        }
    }
    states.retain(|labels, tracked| {
        let step = tracked.advance(rule, active.contains(labels), around.now);
        transitions.extend(
            step.transition
                .map(|transition| (labels.clone(), transition)),
        );
        step.keep
    });
    let is_active = |tracked: &&TrackedAlert| tracked.alert.state != AlertState::Inactive;
    let found = states.values().filter(is_active).count();
    if limit > 0 && found > limit {
        return Err(EvaluationError::TooMany { found, limit });
    }
    Ok(Evaluated {
        states,
        transitions,
    })
}

struct Step {
    keep: bool,
    transition: Option<Transition>,
}

impl TrackedAlert {
    fn advance(&mut self, rule: &AlertingRule, is_true: bool, now: Timestamp) -> Step {
        let kept = |transition| Step {
            keep: true,
            transition,
        };
        if is_true {
            self.alert.kept_since = None;
        } else if !self.is_kept_firing(rule, now) {
            return self.end(now);
        }
        let held = now.since(self.alert.active_at) >= rule.hold;
        if self.alert.state == AlertState::Pending && held {
            self.alert.state = AlertState::Firing;
            self.alert.fired_at = Some(now);
            return kept(Some(Transition::Firing));
        }
        kept(None)
    }

    fn is_kept_firing(&mut self, rule: &AlertingRule, now: Timestamp) -> bool {
        if self.alert.state != AlertState::Firing || rule.keep_firing.is_zero() {
            return false;
        }
        let since = *self.alert.kept_since.get_or_insert(now);
        now.since(since) < rule.keep_firing
    }

    /// It is true no longer.
    fn end(&mut self, now: Timestamp) -> Step {
        match self.alert.state {
            AlertState::Pending => Step {
                keep: false,
                transition: None,
            },
            AlertState::Firing => {
                self.alert.state = AlertState::Inactive;
                self.alert.resolved_at = Some(now);
                Step {
                    keep: true,
                    transition: Some(Transition::Resolved),
                }
            }
            AlertState::Inactive => {
                let resolved_at = self.alert.resolved_at.unwrap_or(now);
                Step {
                    keep: now.since(resolved_at) <= RESOLVED_RETENTION,
                    transition: None,
                }
            }
        }
    }
}

/// The templates of a rule, read.
struct Texts {
    labels: Vec<(String, Result<Template, TemplateError>)>,
    annotations: Vec<(String, Result<Template, TemplateError>)>,
}

impl Texts {
    fn of(rule: &AlertingRule) -> Self {
        let read = |(name, text): (&str, &str)| (name.to_owned(), Template::parse(text));
        let labels = rule.labels.iter();
        Self {
            labels: labels.map(|(n, v)| read((n, v))).collect(),
            annotations: rule.annotations.iter().map(read).collect(),
        }
    }

    fn instance(
        &self,
        rule: &AlertingRule,
        sample_labels: &LabelSet,
        value: f64,
        around: &Surroundings<'_>,
    ) -> AlertInstance {
        let scope = Scope {
            labels: sample_labels,
            value,
            around: *around,
        };
        let expand = |texts: &[(String, Result<Template, TemplateError>)]| {
            let texts = texts.iter();
            let filled = texts.map(|(name, read)| {
                let filled = match read {
                    Ok(template) => template.fill(&scope),
                    Err(error) => Err(error.clone()),
                };
                (name.clone(), told(filled))
            });
            filled.collect::<Vec<(String, String)>>()
        };
        let own = sample_labels.without(LabelSet::NAME);
        let labels = own
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .chain(expand(&self.labels))
            .chain([("alertname".to_owned(), rule.name.clone())]);
        AlertInstance {
            rule: rule.name.clone(),
            labels: LabelSet::new(labels),
            annotations: LabelSet::new(expand(&self.annotations)),
            state: AlertState::Pending,
            value,
            active_at: around.now,
            fired_at: None,
            kept_since: None,
            resolved_at: None,
        }
    }
}

#[cfg(test)]
mod tests;
