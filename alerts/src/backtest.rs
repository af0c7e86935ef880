//! Rules over stored telemetry: which alerts would have fired, and when, by the state machine that
//! the server runs.

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_schemas::{AlertSeverity, LabelSet, Timestamp};

use crate::alert_state::{AlertStates, Evaluated, Transition, evaluate};
use crate::rules::template::{Answers, Surroundings};
use crate::rules::{AlertingRule, Rule, RuleFinding, read_rules, severity};
use crate::{AlertState, SignalSeries};

/// Rules that are to be tried.
#[derive(Debug)]
pub struct Backtest {
    rules: Vec<Tried>,
    /// Series that rules of these files record: nothing stored holds them.
    recorded: Vec<String>,
}

#[derive(Debug)]
struct Tried {
    rule: AlertingRule,
    /// How often it is evaluated, where its group says so.
    interval: Option<Duration>,
    limit: usize,
}

/// An alert that would have fired.
#[derive(Debug, Clone, PartialEq)]
pub struct WouldFire {
    pub rule: String,
    pub labels: LabelSet,
    pub severity: AlertSeverity,
    /// When its expression first held.
    pub active_at: Timestamp,
    pub fired_at: Timestamp,
    /// None if it still fired at the end.
    pub resolved_at: Option<Timestamp>,
}

impl Backtest {
    /// Reads rule files, given as (name, text).
    pub fn of(files: &[(String, String)]) -> Result<Self, Vec<RuleFinding>> {
        let (mut rules, mut recorded, mut findings) = (Vec::new(), Vec::new(), Vec::new());
        for (name, text) in files {
            let groups = match read_rules(name, text) {
                Ok(groups) => groups,
                Err(found) => {
                    findings.extend(found);
                    continue;
                }
            };
            for group in groups {
                for rule in group.rules {
                    match rule {
                        Rule::Recording(rule) => recorded.push(rule.record),
                        Rule::Alerting(rule) => rules.push(Tried {
                            rule,
                            interval: group.interval,
                            limit: group.limit,
                        }),
                    }
                }
            }
        }
        if findings.is_empty() {
            Ok(Self { rules, recorded })
        } else {
            Err(findings)
        }
    }

    /// How many alerting rules there are; they are named by their index.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub fn name(&self, rule: usize) -> &str {
        &self.rules[rule].rule.name
    }

    pub fn expr(&self, rule: usize) -> &str {
        &self.rules[rule].rule.expr
    }

    /// How often a rule is evaluated, where its group says so.
    pub fn interval(&self, rule: usize) -> Option<Duration> {
        self.rules[rule].interval
    }

    /// A series that a rule asks for and another of these rules would record: it may not be stored.
    pub fn needs_recorded(&self, rule: usize) -> Option<&str> {
        let expr = self.expr(rule);
        let named = |name: &&String| {
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            expr.split(|c| !word(c)).any(|found| found == name.as_str())
        };
        self.recorded.iter().find(named).map(String::as_str)
    }

    /// Starts at the beginning of the telemetry.
    pub fn replay(&self, rule: usize) -> Replay<'_> {
        Replay {
            tried: &self.rules[rule],
            states: AlertStates::new(),
            firing: BTreeMap::new(),
            fired: Vec::new(),
        }
    }
}

/// One rule on its way through time.
#[derive(Debug)]
pub struct Replay<'a> {
    tried: &'a Tried,
    states: AlertStates,
    /// Those that fire now, by their labels.
    firing: BTreeMap<LabelSet, WouldFire>,
    fired: Vec<WouldFire>,
}

impl Replay<'_> {
    /// Goes on through what the expression gave at `start`, `start + step`, … up to `end`; each
    /// stretch begins after the end of the one before.
    pub fn go_on(
        &mut self,
        series: &[SignalSeries],
        (start, end): (Timestamp, Timestamp),
        step: Duration,
    ) -> Result<(), String> {
        let mut given: BTreeMap<i64, Vec<(LabelSet, f64)>> = BTreeMap::new();
        for one in series {
            for sample in &one.samples {
                let at = given.entry(sample.t).or_default();
                at.push((one.labels.clone(), sample.v));
            }
        }
        let mut at = start;
        while at <= end {
            let samples = given.remove(&at.millis()).unwrap_or_default();
            // Most of the time nothing is true and nothing was.
            if !samples.is_empty() || !self.states.is_empty() {
                self.evaluate(&samples, at)?;
            }
            at = at + step;
        }
        Ok(())
    }

    fn evaluate(&mut self, samples: &[(LabelSet, f64)], now: Timestamp) -> Result<(), String> {
        // What templates would ask is not asked: it changes no alert but its words.
        let (rule, nothing, answers) = (&self.tried.rule, LabelSet::default(), Answers::default());
        let around = Surroundings {
            now,
            external_url: "",
            external_labels: &nothing,
            answers: &answers,
        };
        let after = evaluate(rule, samples, &self.states, &around, self.tried.limit);
        let Evaluated {
            states,
            transitions,
        } = after.map_err(|error| error.to_string())?;
        for (labels, transition) in transitions {
            match transition {
                Transition::Pending => {}
                Transition::Firing => {
                    if let Some(tracked) = states.get(&labels) {
                        let fires = WouldFire {
                            rule: rule.name.clone(),
                            severity: severity(&labels),
                            active_at: tracked.alert.active_at,
                            fired_at: now,
                            resolved_at: None,
                            labels: labels.clone(),
                        };
                        self.firing.insert(labels, fires);
                    }
                }
                Transition::Resolved => {
                    let ended = self.firing.remove(&labels);
                    self.fired.extend(ended.map(|fires| WouldFire {
                        resolved_at: Some(now),
                        ..fires
                    }));
                }
            }
        }
        self.states = states;
        // What is resolved is kept for those who look at it; here nobody does.
        self.states
            .retain(|_, tracked| tracked.alert.state != AlertState::Inactive);
        Ok(())
    }

    /// All that fired, in no order.
    pub fn ended(self) -> Vec<WouldFire> {
        self.fired
            .into_iter()
            .chain(self.firing.into_values())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::Sample;

    use super::*;

    const RULES: &str = "
groups:
- name: g
  interval: 30s
  rules:
  - alert: High
    expr: load > 1
    for: 1m
    keep_firing_for: 2m
    labels: {severity: error}
  - record: job:load
    expr: sum(load)
  - alert: OfRecorded
    expr: job:load > 3
";

    fn backtest() -> Backtest {
        Backtest::of(&[("rules.yml".to_owned(), RULES.to_owned())]).unwrap()
    }

    fn at(step: i64) -> Timestamp {
        Timestamp::from_secs(1_000_000_000 + step * 30)
    }

    /// True at these steps; fires and is resolved at those.
    fn check(is_true: &[i64], expected: &[(i64, Option<i64>)]) {
        let samples = |steps: &[i64]| {
            let samples = steps.iter().map(|step| Sample {
                t: at(*step).millis(),
                v: 2.0,
            });
            vec![SignalSeries {
                labels: LabelSet::new([("host", "a")]),
                samples: samples.collect(),
                histograms: Vec::new(),
            }]
        };
        let backtest = backtest();
        let mut replay = backtest.replay(0);
        let step = Duration::from_secs(30);
        // In two stretches, as a long range is asked for.
        let (first, second): (Vec<i64>, Vec<i64>) = is_true.iter().partition(|step| **step < 10);
        replay
            .go_on(&samples(&first), (at(0), at(9)), step)
            .unwrap();
        replay
            .go_on(&samples(&second), (at(10), at(30)), step)
            .unwrap();
        let found: Vec<_> = replay
            .ended()
            .iter()
            .map(|f| (f.fired_at, f.resolved_at))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(f, r)| (at(*f), r.map(at))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn alerts_fire_as_on_the_server() {
        check(&[3, 4], &[]);
        check(&[3, 4, 5, 6], &[(5, Some(11))]);
        check(&[8, 9, 10, 11, 13], &[(10, Some(18))]);
        check(&[28, 29, 30], &[(30, None)]);
    }

    #[test]
    fn what_would_have_to_be_recorded_is_told() {
        let backtest = backtest();
        assert_eq!(backtest.len(), 2);
        assert_eq!(backtest.interval(0), Some(Duration::from_secs(30)));
        assert_eq!(backtest.needs_recorded(0), None);
        assert_eq!(backtest.needs_recorded(1), Some("job:load"));
        let findings = Backtest::of(&[(
            "bad.yml".to_owned(),
            "groups: [{name: g, rules: [{alert: A, expr: 'x >'}]}]".to_owned(),
        )]);
        assert_eq!(findings.unwrap_err()[0].file, "bad.yml");
    }
}
