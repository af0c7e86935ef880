use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{GroupHealth, LoadedGroup, Outcome};

/// An evaluation should take a fraction of the shortest interval, 5 s.
const DURATION_BUCKETS: [f64; 8] = [0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0];

/// File and name, as Prometheus writes them.
type ByGroup = [(&'static str, String); 1];
type Seconds = Gauge<f64, AtomicU64>;

/// What we say of ourselves.
#[derive(Debug)]
pub(crate) struct Meters {
    evaluations: Family<ByGroup, Counter>,
    failures: Family<ByGroup, Counter>,
    missed: Family<ByGroup, Counter>,
    last_evaluation: Family<ByGroup, Seconds>,
    last_duration: Family<ByGroup, Seconds>,
    interval: Family<ByGroup, Seconds>,
    rules: Family<ByGroup, Gauge>,
    series: Family<ByGroup, Gauge>,
    duration: Histogram,
    pub sample_failures: Counter,
    pub reloads: Counter,
    pub reload_failures: Counter,
    pub store_failures: Counter,
    pub signal_failures: Counter,
    pub echoes: Counter,
    pub incidents_opened: Counter,
    pub incidents_open: Gauge,
}

/// The meters of one group.
#[derive(Debug)]
pub(crate) struct GroupMeters<'a> {
    all: &'a Meters,
    label: ByGroup,
}

impl Meters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let meters = Self {
            evaluations: Family::default(),
            failures: Family::default(),
            missed: Family::default(),
            last_evaluation: Family::default(),
            last_duration: Family::default(),
            interval: Family::default(),
            rules: Family::default(),
            series: Family::default(),
            duration: Histogram::new(DURATION_BUCKETS),
            sample_failures: Counter::default(),
            reloads: Counter::default(),
            reload_failures: Counter::default(),
            store_failures: Counter::default(),
            signal_failures: Counter::default(),
            echoes: Counter::default(),
            incidents_opened: Counter::default(),
            incidents_open: Gauge::default(),
        };
        meters.register_groups(registry);
        meters.register_totals(registry);
        registry.register(
            "watchfire_alerts_group_evaluation_duration_seconds",
            "How long the evaluation of a group took",
            meters.duration.clone(),
        );
        registry.register(
            "watchfire_alerts_incidents_open",
            "Incidents that are not resolved",
            meters.incidents_open.clone(),
        );
        meters
    }

    fn register_groups(&self, registry: &mut Registry) {
        let mut counter = |name: &str, help: &str, family: &Family<ByGroup, Counter>| {
            registry.register(format!("watchfire_alerts_{name}"), help, family.clone());
        };
        counter(
            "rule_evaluations",
            "Evaluations of rules",
            &self.evaluations,
        );
        counter(
            "rule_evaluation_failures",
            "Evaluations of rules that failed",
            &self.failures,
        );
        counter(
            "missed_evaluations",
            "Evaluations of groups left out because the last one still ran",
            &self.missed,
        );
        let mut seconds = |name: &str, help: &str, family: &Family<ByGroup, Seconds>| {
            registry.register(
                format!("watchfire_alerts_group_{name}"),
                help,
                family.clone(),
            );
        };
        seconds(
            "last_evaluation_timestamp_seconds",
            "The time at which a group was last evaluated",
            &self.last_evaluation,
        );
        seconds(
            "last_duration_seconds",
            "How long the last evaluation of a group took",
            &self.last_duration,
        );
        seconds(
            "interval_seconds",
            "How often a group is evaluated",
            &self.interval,
        );
        registry.register(
            "watchfire_alerts_group_rules",
            "Rules of a group",
            self.rules.clone(),
        );
        registry.register(
            "watchfire_alerts_group_last_samples",
            "Samples that the last evaluation of a group wrote",
            self.series.clone(),
        );
    }

    fn register_totals(&self, registry: &mut Registry) {
        let mut counter = |name: &str, help: &str, counter: &Counter| {
            registry.register(format!("watchfire_alerts_{name}"), help, counter.clone());
        };
        counter(
            "sample_write_failures",
            "Times that what rules computed could not be written as series",
            &self.sample_failures,
        );
        counter(
            "reloads",
            "Times that rule files were read anew",
            &self.reloads,
        );
        counter(
            "reload_failures",
            "Times that rule files were read anew and refused; the rules before stay in use",
            &self.reload_failures,
        );
        counter(
            "store_failures",
            "Evaluations whose outcome could not be written",
            &self.store_failures,
        );
        counter(
            "signal_failures",
            "Questions to the telemetry that failed while an incident was dated",
            &self.signal_failures,
        );
        counter(
            "echoes",
            "Alerts left out because the failure that they see is over",
            &self.echoes,
        );
        counter(
            "incidents_opened",
            "Incidents opened",
            &self.incidents_opened,
        );
    }

    pub(crate) fn of(&self, group: &LoadedGroup) -> GroupMeters<'_> {
        GroupMeters {
            all: self,
            label: [("rule_group", group.id())],
        }
    }
}

impl GroupMeters<'_> {
    /// All series of a group, from zero, so that a first failure is seen as an increase.
    pub(crate) fn begin(&self, rules: usize, interval_seconds: f64) {
        for family in [&self.all.evaluations, &self.all.failures, &self.all.missed] {
            drop(family.get_or_create_owned(&self.label));
        }
        let interval = self.all.interval.get_or_create_owned(&self.label);
        interval.set(interval_seconds);
        let count = i64::try_from(rules).unwrap_or(i64::MAX);
        self.all.rules.get_or_create_owned(&self.label).set(count);
    }

    /// Its group is no more.
    pub(crate) fn end(&self) {
        for family in [&self.all.evaluations, &self.all.failures, &self.all.missed] {
            family.remove(&self.label);
        }
        for family in [
            &self.all.last_evaluation,
            &self.all.last_duration,
            &self.all.interval,
        ] {
            family.remove(&self.label);
        }
        self.all.rules.remove(&self.label);
        self.all.series.remove(&self.label);
    }

    pub(crate) fn missed(&self, evaluations: u64) {
        let missed = self.all.missed.get_or_create_owned(&self.label);
        missed.inc_by(evaluations);
    }

    pub(crate) fn evaluated(&self, health: GroupHealth, outcome: &Outcome) {
        let rules = outcome.healths.iter();
        let failed = rules.filter(|(_, health)| health.last_error.is_some());
        let evaluations = self.all.evaluations.get_or_create_owned(&self.label);
        evaluations.inc_by(outcome.healths.len() as u64);
        let failures = self.all.failures.get_or_create_owned(&self.label);
        failures.inc_by(failed.count() as u64);
        self.all.sample_failures.inc_by(outcome.refused);
        self.all.duration.observe(health.seconds);
        let seconds = self.all.last_duration.get_or_create_owned(&self.label);
        seconds.set(health.seconds);
        if let Some(at) = health.last_evaluation {
            let last = self.all.last_evaluation.get_or_create_owned(&self.label);
            last.set(at.as_secs_f64());
        }
        let count = i64::try_from(outcome.written).unwrap_or(i64::MAX);
        self.all.series.get_or_create_owned(&self.label).set(count);
    }
}
