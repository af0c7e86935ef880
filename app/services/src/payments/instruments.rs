use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::payments::event::Consumer;

/// How commands are made durable.
#[derive(Debug, Clone)]
pub(crate) struct CommitInstruments {
    size: Histogram,
    duration: Histogram,
}

/// How the pipeline does.
#[derive(Debug, Clone)]
pub(crate) struct Instruments {
    deliveries: Family<Delivered, Counter>,
    stages: Family<Stage, Histogram, Durations>,
    operations: Family<Operated, Counter>,
    pub(crate) pending: Family<Of, Gauge>,
    pub(crate) lag: Family<Of, Gauge<f64, AtomicU64>>,
    pub(crate) dead: Family<Of, Gauge>,
    pub(crate) imbalance: Gauge,
    pub(crate) breaker: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivered {
    consumer: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operated {
    operation: &'static str,
    outcome: &'static str,
}

/// The consumer that a gauge is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Of {
    consumer: &'static str,
}

/// From a commit on this machine to a payment that waited for a provider to come back. The promise
/// of 130 ms has an edge of its own.
const BUCKETS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.13, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];
const BATCHES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

#[derive(Debug, Clone, Copy)]
struct Durations;

impl MetricConstructor<Histogram> for Durations {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

impl CommitInstruments {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let (size, duration) = (Histogram::new(BATCHES), Histogram::new(BUCKETS));
        registry.register(
            "payments_commit_batch_size",
            "Commands and effects that one transaction made durable",
            size.clone(),
        );
        registry.register_with_unit(
            "payments_commit_duration",
            "Time that one transaction took, its fsync included",
            Unit::Seconds,
            duration.clone(),
        );
        Self { size, duration }
    }

    pub(crate) fn observe(&self, size: usize, took: Duration) {
        self.size.observe(size as f64);
        self.duration.observe(took.as_secs_f64());
    }
}

impl Instruments {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let instruments = Self {
            deliveries: Family::default(),
            stages: Family::new_with_constructor(Durations),
            operations: Family::default(),
            pending: Family::default(),
            lag: Family::default(),
            dead: Family::default(),
            imbalance: Gauge::default(),
            breaker: Gauge::default(),
        };
        instruments.register_counts(registry);
        instruments.register_states(registry);
        instruments
    }

    fn register_counts(&self, registry: &mut Registry) {
        registry.register(
            "payments_deliveries",
            "Events that were delivered to a consumer, by what came of it",
            self.deliveries.clone(),
        );
        registry.register_with_unit(
            "payments_stage_duration",
            "Time from the acceptance of a request to the end of a stage",
            Unit::Seconds,
            self.stages.clone(),
        );
        registry.register(
            "payments_operations",
            "Operations at the provider, by how they ended",
            self.operations.clone(),
        );
    }

    fn register_states(&self, registry: &mut Registry) {
        registry.register(
            "payments_outbox_pending",
            "Events that a consumer has yet to take",
            self.pending.clone(),
        );
        registry.register_with_unit(
            "payments_outbox_lag",
            "Age of the oldest event that a consumer has yet to take",
            Unit::Seconds,
            self.lag.clone(),
        );
        registry.register(
            "payments_dead_letters",
            "Events that a consumer gave up and that wait for a person",
            self.dead.clone(),
        );
        registry.register(
            "payments_ledger_imbalance_minor_units",
            "How far the ledger is from a sum of zero, over all currencies",
            self.imbalance.clone(),
        );
        registry.register(
            "payments_provider_breaker_state",
            "The breaker before the provider: 0 closed, 1 half-open, 2 open",
            self.breaker.clone(),
        );
    }

    pub(crate) fn delivered(&self, consumer: Consumer, outcome: &'static str) {
        let consumer = consumer.as_str();
        let labels = Delivered { consumer, outcome };
        self.deliveries.get_or_create_owned(&labels).inc();
    }

    pub(crate) fn reached(&self, stage: &'static str, took: Duration) {
        let stages = self.stages.get_or_create_owned(&Stage { stage });
        stages.observe(took.as_secs_f64());
    }

    pub(crate) fn operated(&self, operation: &'static str, outcome: &'static str) {
        let labels = Operated { operation, outcome };
        self.operations.get_or_create_owned(&labels).inc();
    }
}

impl From<Consumer> for Of {
    fn from(consumer: Consumer) -> Self {
        let consumer = consumer.as_str();
        Self { consumer }
    }
}
