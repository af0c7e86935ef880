//! Unit tests of rules, in promtool's format, on the code that evaluates rules in the server.

mod alerts;
mod file;
mod histogram;
mod samples;
mod series;
mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use regex::Regex;
use watchfire_schemas::{LabelSet, ManualClock, SeriesSamples, Timestamp};

use crate::evaluation::read_groups;
use crate::rules::RuleGroup;
use crate::{RuleFinding, SampleSink, Signals, SinkError};
use alerts::AlertTest;
use file::{Document, TestText};
use samples::ExprTest;
use series::InputSeries;
use stage::Stage;

/// How many evaluations a test may take: a year of minutes.
const MOST_EVALUATIONS: i64 = 600_000;

/// An empty store of series, for one test. Implemented by the binary over the real one.
#[async_trait]
pub trait TestBench: Send + Sync {
    /// A store that nobody else uses. The clock is the test's: no sample is later than it says.
    async fn telemetry(
        &self,
        clock: Arc<ManualClock>,
    ) -> Result<(Arc<dyn Signals>, Arc<dyn SampleSink>), SinkError>;
}

/// A file of tests, read and sound.
#[derive(Debug)]
pub struct RuleTests {
    rule_files: Vec<String>,
    evaluation_interval: Duration,
    group_order: Vec<String>,
    fuzzy: bool,
    tests: Vec<RuleTest>,
}

#[derive(Debug)]
struct RuleTest {
    name: String,
    start: Timestamp,
    input: Vec<InputSeries>,
    interval: Duration,
    alerts: Vec<AlertTest>,
    exprs: Vec<ExprTest>,
    external_labels: LabelSet,
    external_url: String,
}

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTestOutcome {
    /// Empty if it has none.
    pub name: String,
    /// None: it passed.
    pub failures: Vec<String>,
}

impl RuleTests {
    /// Reads a file of tests. `file` is only for messages. An error holds at least one finding.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<RuleFinding>> {
        let document = Document::read(file, text)?;
        let order = document.group_eval_order.unwrap_or_default();
        let evaluation_interval = document.evaluation_interval;
        let tests = document.tests.into_iter();
        let tests: Result<Vec<RuleTest>, String> = tests
            .enumerate()
            .map(|(at, test)| {
                RuleTest::read(test, evaluation_interval)
                    .map_err(|reason| format!("test {}: {reason}", at + 1))
            })
            .collect();
        let tests = tests.map_err(|reason| vec![file::finding(file, reason)])?;
        for (at, name) in order.iter().enumerate() {
            if order[..at].contains(name) {
                let reason = format!("group name repeated in evaluation order: {name}");
                return Err(vec![file::finding(file, reason)]);
            }
        }
        Ok(Self {
            rule_files: document.rule_files.unwrap_or_default(),
            evaluation_interval,
            group_order: order,
            fuzzy: document.fuzzy_compare.unwrap_or_default(),
            tests,
        })
    }

    /// The rule files, or patterns of them, as written.
    pub fn rule_files(&self) -> &[String] {
        &self.rule_files
    }

    /// Runs the tests, in their order, on rules as (name of file, text). Only those whose name one
    /// of `only` finds, or all if there is none. An error tells what is wrong with the rules.
    pub async fn run(
        &self,
        rules: &[(String, String)],
        bench: &dyn TestBench,
        only: &[Regex],
    ) -> Result<Vec<RuleTestOutcome>, Vec<RuleFinding>> {
        let mut groups: Vec<RuleGroup> = read_groups(rules)?
            .into_iter()
            .map(|(_, group)| group)
            .collect();
        let places = self.group_order.iter().enumerate();
        let places: BTreeMap<&str, usize> = places.map(|(at, name)| (name.as_str(), at)).collect();
        groups.sort_by_key(|group| places.get(group.name.as_str()).copied().unwrap_or(0));
        let mut outcomes = Vec::new();
        for test in &self.tests {
            if !only.is_empty() && !only.iter().any(|wanted| wanted.is_match(&test.name)) {
                continue;
            }
            let ran = test.run(self, &groups, bench).await;
            outcomes.push(RuleTestOutcome {
                name: test.name.clone(),
                failures: ran.unwrap_or_else(|reason| vec![reason]),
            });
        }
        Ok(outcomes)
    }
}

impl RuleTest {
    fn read(text: TestText, evaluation_interval: Duration) -> Result<Self, String> {
        let input = text.input_series.unwrap_or_default().into_iter();
        let input: Result<_, String> = input
            .map(|one| InputSeries::read(&one.series, &one.values))
            .collect();
        let alerts = text.alert_rule_test.unwrap_or_default().into_iter();
        let alerts: Result<_, String> = alerts.map(AlertTest::read).collect();
        let exprs = text.promql_expr_test.unwrap_or_default().into_iter();
        let exprs: Result<_, String> = exprs.map(ExprTest::read).collect();
        let interval = text.interval.filter(|interval| !interval.is_zero());
        Ok(Self {
            name: text.name.unwrap_or_default(),
            start: text.start_timestamp.unwrap_or(Timestamp::from_secs(0)),
            input: input?,
            interval: interval.unwrap_or(evaluation_interval),
            alerts: alerts?,
            exprs: exprs?,
            external_labels: LabelSet::new(text.external_labels.unwrap_or_default()),
            external_url: text.external_url.unwrap_or_default(),
        })
    }

    /// What differs from what was expected; an error broke the test off.
    async fn run(
        &self,
        of_file: &RuleTests,
        groups: &[RuleGroup],
        bench: &dyn TestBench,
    ) -> Result<Vec<String>, String> {
        let clock = Arc::new(ManualClock::at(self.start));
        let telemetry = bench.telemetry(Arc::clone(&clock)).await;
        let (signals, samples) = telemetry.map_err(|error| error.to_string())?;
        let mut stage = Stage::new(self, groups, (&*signals, &*samples), clock);
        let mut failures = Vec::new();
        let step = of_file.evaluation_interval;
        let most = i64::try_from(step.as_nanos()).unwrap_or(i64::MAX);
        let last = self.last_look();
        if i64::try_from(last.as_nanos()).unwrap_or(i64::MAX) / most.max(1) > MOST_EVALUATIONS {
            return Err(format!("more than {MOST_EVALUATIONS} evaluations"));
        }
        let mut at = Duration::ZERO;
        while at <= last {
            stage.advance(at).await?;
            let broken = stage.evaluate(at).await;
            if !broken.is_empty() {
                failures.extend(broken);
                return Ok(failures);
            }
            let due = |test: &&AlertTest| test.at >= at && test.at < at + step;
            for test in self.alerts.iter().filter(due) {
                failures.extend(test.failure(&self.name, &stage.firing(&test.alertname)));
            }
            at += step;
        }
        for test in &self.exprs {
            failures.extend(test.failure(stage.ask(&test.expr, test.at).await, of_file.fuzzy));
        }
        Ok(failures)
    }

    /// The last time at which something is expected.
    fn last_look(&self) -> Duration {
        let alerts = self.alerts.iter().map(|test| test.at);
        let exprs = self.exprs.iter().map(|test| test.at);
        alerts.chain(exprs).max().unwrap_or_default()
    }
}

/// A series with what of it is due.
type Due = Vec<SeriesSamples>;
