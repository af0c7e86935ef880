use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use watchfire_schemas::{ManualClock, Timestamp};

use super::{Due, RuleTest};
use crate::alert_state::AlertStates;
use crate::evaluation::{Ground, Memory, Outcome, Round};
use crate::rules::{Rule, RuleGroup};
use crate::{AlertInstance, AlertState, SampleSink, SignalSeries, Signals};

/// A test under way: telemetry that grows with the test's clock, and rules that are evaluated on
/// it.
pub(super) struct Stage<'a> {
    test: &'a RuleTest,
    groups: &'a [RuleGroup],
    memories: Vec<Memory>,
    states: BTreeMap<String, AlertStates>,
    ground: Ground<'a>,
    clock: Arc<ManualClock>,
    /// How much of each series is written.
    written: Vec<usize>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        test: &'a RuleTest,
        groups: &'a [RuleGroup],
        (signals, samples): (&'a dyn Signals, &'a dyn SampleSink),
        clock: Arc<ManualClock>,
    ) -> Self {
        Self {
            test,
            groups,
            memories: groups.iter().map(|_| Memory::default()).collect(),
            states: BTreeMap::new(),
            ground: Ground {
                signals,
                samples,
                external_url: &test.external_url,
                external_labels: &test.external_labels,
            },
            clock,
            written: vec![0; test.input.len()],
        }
    }

    fn time(&self, at: Duration) -> Timestamp {
        self.test.start + at
    }

    /// Lets time pass and the series' samples come.
    pub(super) async fn advance(&mut self, at: Duration) -> Result<(), String> {
        let now = self.time(at);
        self.clock.set(now);
        let mut due = Due::new();
        for (series, written) in self.test.input.iter().zip(&mut self.written) {
            due.extend(series.due(self.test.start, self.test.interval, now, written));
        }
        if due.is_empty() {
            return Ok(());
        }
        let taken = self.ground.samples.write(due).await;
        taken.map_err(|error| format!("the samples were not taken: {error}"))
    }

    /// Evaluates all groups; why rules could not be.
    pub(super) async fn evaluate(&mut self, at: Duration) -> Vec<String> {
        let now = self.time(at);
        let mut broken = Vec::new();
        for (group, memory) in self.groups.iter().zip(&mut self.memories) {
            let keys = group.rules.iter().map(Rule::key);
            let before = keys
                .filter_map(|key| Some((key.to_owned(), self.states.remove(key)?)))
                .collect();
            let round = Round::new(self.ground, group, memory, now);
            let Outcome {
                updates, healths, ..
            } = round.evaluated(before).await;
            for update in updates {
                self.states.insert(update.rule_key, update.after.states);
            }
            for (rule, (_, health)) in group.rules.iter().zip(healths) {
                if let Some(reason) = health.last_error {
                    let (name, at) = (rule.name(), go_duration(at));
                    broken.push(format!("rule: {name}, time: {at}, err: {reason}"));
                }
            }
        }
        broken
    }

    /// The alerts of that name that fire.
    pub(super) fn firing(&self, name: &str) -> Vec<AlertInstance> {
        let alerts = self.states.values().flat_map(BTreeMap::values);
        alerts
            .map(|tracked| &tracked.alert)
            .filter(|alert| alert.rule == name && alert.state == AlertState::Firing)
            .cloned()
            .collect()
    }

    pub(super) async fn ask(&self, expr: &str, at: Duration) -> Result<Vec<SignalSeries>, String> {
        let answer = self.ground.signals.instant(expr, self.time(at)).await;
        answer.map_err(|error| error.to_string())
    }
}

/// As Go writes a time.
fn go_duration(at: Duration) -> String {
    let nanos = i64::try_from(at.as_nanos()).unwrap_or(i64::MAX);
    crate::rules::template::duration_text(nanos)
}
