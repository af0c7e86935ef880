//! The alert state machine of Prometheus: a pure function of a rule, the samples that its
//! expression gave, the states before and the time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchfire_schemas::{LabelSet, Timestamp};

use crate::rules::AlertingRule;
use crate::rules::template::{Scope, Template};
use crate::{AlertInstance, AlertState};

/// How long a resolved alert is still shown.
const RESOLVED_RETENTION: Duration = Duration::from_mins(15);

/// The alerts of one rule, by their labels.
pub(crate) type AlertStates = BTreeMap<LabelSet, TrackedAlert>;

/// An alert with what the machine must remember of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrackedAlert {
    #[serde(flatten)]
    pub alert: AlertInstance,
    /// Since when it fires only because of `keep_firing_for`.
    pub kept_since: Option<Timestamp>,
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

/// Why a rule could not be evaluated; its states stay as they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EvaluationError {
    #[error("the expression gave two alerts with the same labels: {0}")]
    DuplicateLabels(LabelSet),
    #[error("the expression gave {found} alerts, more than the group's limit of {limit}")]
    TooMany { found: usize, limit: usize },
}

/// What surrounds an evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub now: Timestamp,
    pub external_url: &'a str,
    pub limit: usize,
}

/// One evaluation of one rule.
pub(crate) fn evaluate(
    rule: &AlertingRule,
    samples: &[(LabelSet, f64)],
    before: &AlertStates,
    around: &Surroundings<'_>,
) -> Result<Evaluated, EvaluationError> {
    if around.limit > 0 && samples.len() > around.limit {
        return Err(EvaluationError::TooMany {
            found: samples.len(),
            limit: around.limit,
        });
    }
    let mut states = before.clone();
    let mut transitions = Vec::new();
    let mut active = BTreeSet::new();
    for (sample_labels, value) in samples {
        let found = instance(rule, sample_labels, *value, around);
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
                let tracked = TrackedAlert {
                    alert: found,
                    kept_since: None,
                };
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
            self.kept_since = None;
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
        let since = *self.kept_since.get_or_insert(now);
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

fn instance(
    rule: &AlertingRule,
    sample_labels: &LabelSet,
    value: f64,
    around: &Surroundings<'_>,
) -> AlertInstance {
    let scope = Scope {
        labels: sample_labels,
        value,
        external_url: around.external_url,
        now: around.now,
    };
    let expand = |templates: &LabelSet| -> Vec<(String, String)> {
        templates
            .iter()
            .map(|(name, text)| (name.to_owned(), Template::expand(text, &scope)))
            .collect()
    };
    let own = sample_labels.without(LabelSet::NAME);
    let labels = own
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(expand(&rule.labels))
        .chain([("alertname".to_owned(), rule.name.clone())]);
    AlertInstance {
        rule: rule.name.clone(),
        labels: LabelSet::new(labels),
        annotations: LabelSet::new(expand(&rule.annotations)),
        state: AlertState::Pending,
        value,
        active_at: around.now,
        fired_at: None,
        resolved_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(hold: u64, keep_firing: u64) -> AlertingRule {
        AlertingRule {
            key: "g/Down".to_owned(),
            name: "Down".to_owned(),
            expr: "up == 0".to_owned(),
            hold: Duration::from_secs(hold),
            keep_firing: Duration::from_secs(keep_firing),
            labels: LabelSet::new([("severity", "critical")]),
            annotations: LabelSet::new([("summary", "{{ $labels.job }}: {{ $value }}")]),
        }
    }

    /// Feeds whether the expression is true, one evaluation every 10 s, and writes down the state
    /// after each: `.` none, `P`, `F`, `r` (resolved).
    fn check(rule: &AlertingRule, truths: &str, expected: &str) {
        let mut states = AlertStates::new();
        let mut seen = String::new();
        for (i, truth) in truths.chars().enumerate() {
            let samples = vec![(LabelSet::metric("up", [("job", "web")]), i as f64)];
            let samples = if truth == '1' { samples } else { vec![] };
            let around = Surroundings {
                now: Timestamp::from_secs(10 * i as i64),
                external_url: "",
                limit: 0,
            };
            states = evaluate(rule, &samples, &states, &around).unwrap().states;
            seen.push(match states.values().next().map(|t| t.alert.state) {
                None => '.',
                Some(AlertState::Pending) => 'P',
                Some(AlertState::Firing) => 'F',
                Some(AlertState::Inactive) => 'r',
            });
        }
        assert_eq!(seen, expected, "{truths}");
    }

    #[test]
    fn alerts_go_through_their_states() {
        check(&rule(0, 0), "01100", ".FFrr");
        check(&rule(20, 0), "0111100", ".PPFFrr");
        check(&rule(20, 0), "0110111", ".PP.PPF");
        check(&rule(0, 20), "0100000", ".FFFrrr");
        check(&rule(0, 20), "0101000", ".FFFFFr");
        check(&rule(10, 0), "11011", "PFrPF");
    }

    #[test]
    fn resolved_alerts_are_forgotten_after_a_quarter_of_an_hour() {
        let truths = format!("1{}", "0".repeat(93));
        check(&rule(0, 0), &truths, &format!("F{}..", "r".repeat(91)));
    }

    #[test]
    fn labels_and_annotations_are_of_the_sample_and_the_rule() {
        let around = Surroundings {
            now: Timestamp::from_secs(5),
            external_url: "",
            limit: 1,
        };
        let up = |job: &str| {
            (
                LabelSet::metric("up", [("job", job), ("alertname", "no")]),
                7.0,
            )
        };
        let found = evaluate(&rule(0, 0), &[up("web")], &AlertStates::new(), &around).unwrap();
        let alert = &found.states.values().next().unwrap().alert;
        let expected = [
            ("alertname", "Down"),
            ("job", "web"),
            ("severity", "critical"),
        ];
        assert_eq!(alert.labels, LabelSet::new(expected));
        assert_eq!(alert.annotations.get("summary"), Some("web: 7"));
        assert_eq!(alert.fired_at, Some(around.now));
        let kinds: Vec<Transition> = found.transitions.iter().map(|t| t.1).collect();
        assert_eq!(kinds, [Transition::Pending, Transition::Firing]);

        let two = evaluate(
            &rule(0, 0),
            &[up("a"), up("b")],
            &AlertStates::new(),
            &around,
        );
        assert_eq!(two, Err(EvaluationError::TooMany { found: 2, limit: 1 }));
        let unlimited = Surroundings { limit: 0, ..around };
        let twice = evaluate(
            &rule(0, 0),
            &[up("a"), up("a")],
            &AlertStates::new(),
            &unlimited,
        );
        assert!(matches!(twice, Err(EvaluationError::DuplicateLabels(_))));
    }
}
