use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;
use watchfire_schemas::{LabelSet, Sample, SeriesSamples, Timestamp};

use super::group::Memory;
use super::recording::{number_at, recorded};
use super::{Health, Update};
use crate::alert_series::series_of;
use crate::alert_state::{AlertStates, Evaluated, EvaluationError, evaluate};
use crate::rules::template::{Answers, QuerySample, Surroundings};
use crate::rules::{AlertingRule, RecordingRule, Rule, RuleGroup};
use crate::{SampleSink, SignalSeries, Signals};

/// How often templates may ask again after an answer, and how many questions those of one rule may
/// ask in all.
const MOST_TURNS: usize = 10;
const MOST_QUESTIONS: usize = 1000;

/// What rules are evaluated on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub signals: &'a dyn Signals,
    /// Where what they compute goes.
    pub samples: &'a dyn SampleSink,
    pub external_url: &'a str,
    pub external_labels: &'a LabelSet,
}

/// One evaluation of a group.
pub(crate) struct Round<'a> {
    ground: Ground<'a>,
    group: &'a RuleGroup,
    memory: &'a mut Memory,
    at: Timestamp,
    /// What the rules so far gave and the telemetry does not have yet.
    waiting: Waiting,
    /// All series that were written, so that none of them is ended.
    given: BTreeSet<LabelSet>,
    outcome: Outcome,
}

/// What an evaluation of a group came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What the alerting rules changed.
    pub updates: Vec<Update>,
    /// How each rule fared, in their order, by its key.
    pub healths: Vec<(String, Health)>,
    /// How many samples were written.
    pub written: usize,
    /// How often samples could not be written.
    pub refused: u64,
}

#[derive(Default)]
struct Waiting {
    series: Vec<SeriesSamples>,
    metrics: BTreeSet<String>,
    /// All series of a rule, by its key.
    by_rule: Vec<(String, BTreeSet<LabelSet>)>,
}

impl<'a> Round<'a> {
    pub(crate) fn new(
        ground: Ground<'a>,
        group: &'a RuleGroup,
        memory: &'a mut Memory,
        at: Timestamp,
    ) -> Self {
        Self {
            ground,
            group,
            memory,
            at,
            waiting: Waiting::default(),
            given: BTreeSet::new(),
            outcome: Outcome::default(),
        }
    }

    /// Evaluates the rules in their order, from the states of alerts before, by their rules' keys.
    pub(crate) async fn evaluated(mut self, mut before: BTreeMap<String, AlertStates>) -> Outcome {
        for rule in &self.group.rules {
            // It must see what the rules before it gave at this time.
            if rule.reads().touches(&self.waiting.metrics) {
                self.flush().await;
            }
            let before = before.remove(rule.key()).unwrap_or_default();
            self.rule(rule, before).await;
        }
        let gone = std::mem::take(&mut self.memory.gone);
        self.end(gone);
        self.flush().await;
        self.outcome
    }

    /// The time of the question, and of what is written.
    fn asked_at(&self) -> Timestamp {
        self.at - self.group.query_offset
    }

    async fn rule(&mut self, rule: &Rule, before: AlertStates) {
        let started = Instant::now();
        let given = match rule {
            Rule::Alerting(rule) => self.alerting(rule, before).await,
            Rule::Recording(rule) => self.recording(rule).await,
        };
        let (series, last_error) = match given {
            Ok(series) => (self.take(rule.key(), series), None),
            Err(reason) => (0, Some(reason)),
        };
        let health = Health {
            last_evaluation: Some(self.at),
            seconds: started.elapsed().as_secs_f64(),
            series,
            last_error,
        };
        self.outcome.healths.push((rule.key().to_owned(), health));
    }

    async fn recording(&self, rule: &RecordingRule) -> Result<Vec<SeriesSamples>, String> {
        let at = self.asked_at();
        let found = self.ask(&rule.expr).await?;
        recorded(rule, found, at.millis(), self.group.limit).map_err(|e| e.to_string())
    }

    async fn alerting(
        &mut self,
        rule: &AlertingRule,
        before: AlertStates,
    ) -> Result<Vec<SeriesSamples>, String> {
        let found = self.ask(&rule.expr).await?.into_iter();
        // A histogram has no value that could be told.
        let samples: Vec<(LabelSet, f64)> = found
            .map(|one| {
                (
                    one.labels,
                    one.samples.last().map_or(0.0, |sample| sample.v),
                )
            })
            .collect();
        let after = match self.judged(rule, &samples, &before).await {
            Ok(after) => after,
            Err(error) => {
                if matches!(error, EvaluationError::TooMany { .. }) {
                    self.update(rule, before, Evaluated::default());
                }
                return Err(error.to_string());
            }
        };
        let t = self.asked_at().millis();
        let told = series_of(&after.states).into_iter();
        let series = told.map(|(labels, value)| number_at(labels, Some(value), t));
        let series = series.collect();
        self.update(rule, before, after);
        Ok(series)
    }

    fn update(&mut self, rule: &AlertingRule, before: AlertStates, after: Evaluated) {
        self.outcome.updates.push(Update {
            rule_key: rule.key.clone(),
            before,
            after,
        });
    }

    /// Evaluates an alerting rule as often as its templates have questions.
    async fn judged(
        &self,
        rule: &AlertingRule,
        samples: &[(LabelSet, f64)],
        before: &AlertStates,
    ) -> Result<Evaluated, EvaluationError> {
        let mut answers = Answers::default();
        let mut asked = 0;
        for _ in 0..MOST_TURNS {
            let judged = self.judged_once(rule, samples, before, &answers);
            let open = answers.take_open();
            if open.is_empty() {
                return judged;
            }
            for expr in open {
                asked += 1;
                let answer = if asked > MOST_QUESTIONS {
                    Err(format!(
                        "a rule's templates may ask {MOST_QUESTIONS} queries"
                    ))
                } else {
                    self.ask(&expr).await.map(samples_of)
                };
                answers.learn(expr, answer);
            }
        }
        self.judged_once(rule, samples, before, &answers)
    }

    fn judged_once(
        &self,
        rule: &AlertingRule,
        samples: &[(LabelSet, f64)],
        before: &AlertStates,
        answers: &Answers,
    ) -> Result<Evaluated, EvaluationError> {
        let around = Surroundings {
            now: self.at,
            external_url: self.ground.external_url,
            external_labels: self.ground.external_labels,
            answers,
        };
        evaluate(rule, samples, before, &around, self.group.limit)
    }

    async fn ask(&self, expr: &str) -> Result<Vec<SignalSeries>, String> {
        let answer = self.ground.signals.instant(expr, self.asked_at()).await;
        answer.map_err(|error| error.to_string())
    }

    /// Takes what a rule gave, and ends what it gave the last time and no longer; how many series
    /// it gave.
    fn take(&mut self, key: &str, series: Vec<SeriesSamples>) -> usize {
        let labels: BTreeSet<LabelSet> = series.iter().map(|one| one.labels.clone()).collect();
        let count = labels.len();
        let last = self.memory.series.get(key);
        let ended: Vec<LabelSet> =
            last.map_or_else(Vec::new, |last| last.difference(&labels).cloned().collect());
        self.waiting.push(series);
        self.end(ended);
        self.waiting.by_rule.push((key.to_owned(), labels));
        count
    }

    /// Ends series by the marker of staleness, unless a rule of this round has just written them.
    fn end(&mut self, ended: impl IntoIterator<Item = LabelSet>) {
        let t = self.asked_at().millis();
        let new: BTreeSet<&LabelSet> = self
            .waiting
            .by_rule
            .iter()
            .flat_map(|(_, labels)| labels)
            .collect();
        let ended: Vec<SeriesSamples> = ended
            .into_iter()
            .filter(|labels| !new.contains(labels) && !self.given.contains(labels))
            .map(|labels| number_at(labels, Some(Sample::STALE), t))
            .collect();
        self.waiting.push(ended);
    }

    /// Writes what waits. What was not taken is told of its rules, and is ended by a later round.
    async fn flush(&mut self) {
        let Waiting {
            series, by_rule, ..
        } = std::mem::take(&mut self.waiting);
        let count = series.len();
        if count > 0
            && let Err(error) = self.ground.samples.write(series).await
        {
            self.outcome.refused += 1;
            let keys: BTreeSet<String> = by_rule.into_iter().map(|(key, _)| key).collect();
            for (_, health) in self
                .outcome
                .healths
                .iter_mut()
                .filter(|(k, _)| keys.contains(k))
            {
                health.last_error = Some(format!("its series were not written: {error}"));
            }
            return;
        }
        self.outcome.written += count;
        for (key, labels) in by_rule {
            self.given.extend(labels.iter().cloned());
            self.memory.series.insert(key, labels);
        }
    }
}

impl Waiting {
    fn push(&mut self, series: Vec<SeriesSamples>) {
        let names = series.iter().map(|one| one.labels.name());
        for name in names {
            if !self.metrics.contains(name) {
                self.metrics.insert(name.to_owned());
            }
        }
        self.series.extend(series);
    }
}

fn samples_of(series: Vec<SignalSeries>) -> Vec<QuerySample> {
    let series = series.into_iter();
    series
        .map(|one| QuerySample {
            value: one.samples.last().map_or(0.0, |sample| sample.v),
            labels: one.labels,
        })
        .collect()
}
