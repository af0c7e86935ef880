use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// An evaluation should take a fraction of the shortest interval, 5 s.
const DURATION_BUCKETS: [f64; 8] = [0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0];

/// What we say of ourselves.
#[derive(Debug)]
pub(crate) struct Meters {
    pub evaluations: Counter,
    pub failures: Counter,
    pub missed: Counter,
    pub duration: Histogram,
    pub store_failures: Counter,
    pub signal_failures: Counter,
    pub echoes: Counter,
    pub incidents_opened: Counter,
    pub incidents_open: Gauge,
}

impl Meters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let meters = Self {
            evaluations: Counter::default(),
            failures: Counter::default(),
            missed: Counter::default(),
            duration: Histogram::new(DURATION_BUCKETS),
            store_failures: Counter::default(),
            signal_failures: Counter::default(),
            echoes: Counter::default(),
            incidents_opened: Counter::default(),
            incidents_open: Gauge::default(),
        };
        let mut counter = |name: &str, help: &str, counter: &Counter| {
            registry.register(format!("watchfire_alerts_{name}"), help, counter.clone());
        };
        counter(
            "rule_evaluations",
            "Evaluations of rules",
            &meters.evaluations,
        );
        counter(
            "rule_evaluation_failures",
            "Evaluations of rules that failed",
            &meters.failures,
        );
        counter(
            "missed_evaluations",
            "Evaluations of groups left out because the last one still ran",
            &meters.missed,
        );
        counter(
            "store_failures",
            "Evaluations whose outcome could not be written",
            &meters.store_failures,
        );
        counter(
            "signal_failures",
            "Questions to the telemetry that failed while an incident was dated",
            &meters.signal_failures,
        );
        counter(
            "echoes",
            "Alerts left out because the failure that they see is over",
            &meters.echoes,
        );
        counter(
            "incidents_opened",
            "Incidents opened",
            &meters.incidents_opened,
        );
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
}
