use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use watchfire_telemetry::Telemetry;

use crate::reminders::session::SessionError;

/// What the service tells of itself besides its requests.
#[derive(Debug, Clone)]
pub(crate) struct Instruments {
    waiting: Family<Queue, Gauge>,
    wait: Family<Queue, Histogram, Waits>,
    batches: Family<OfPool, Histogram, BatchSizes>,
    changes: Family<Change, Counter>,
    fetches: Family<Fetch, Counter>,
    shed: Family<Shed, Counter>,
    sessions_refused: Family<Refused, Counter>,
}

/// One of the queues of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Queue {
    pub(crate) pool: &'static str,
    pub(crate) queue: &'static str,
}

/// Why a request was shed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShedReason {
    QueueFull,
    WaitedTooLong,
    Stopping,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPool {
    pool: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Change {
    pool: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fetch {
    pool: &'static str,
    from: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shed {
    pool: &'static str,
    queue: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    reason: &'static str,
}

/// In seconds: from a turn that is free at once to the longest wait that is allowed.
const WAITS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.5, 10.0,
];
/// In changes: one of them alone, up to the largest batch.
const BATCH_SIZES: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

#[derive(Debug, Clone, Copy)]
struct Waits;

impl MetricConstructor<Histogram> for Waits {
    fn new_metric(&self) -> Histogram {
        Histogram::new(WAITS)
    }
}

#[derive(Debug, Clone, Copy)]
struct BatchSizes;

impl MetricConstructor<Histogram> for BatchSizes {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BATCH_SIZES)
    }
}

impl Instruments {
    pub(crate) fn register(telemetry: &Telemetry) -> Self {
        let instruments = Self {
            waiting: Family::default(),
            wait: Family::new_with_constructor(Waits),
            batches: Family::new_with_constructor(BatchSizes),
            changes: Family::default(),
            fetches: Family::default(),
            shed: Family::default(),
            sessions_refused: Family::default(),
        };
        let mut registry = telemetry.registry();
        registry.register(
            "reminders_waiting",
            "Requests that wait for their turn, by pool and queue",
            instruments.waiting.clone(),
        );
        registry.register_with_unit(
            "reminders_wait",
            "How long requests waited for their turn",
            Unit::Seconds,
            instruments.wait.clone(),
        );
        registry.register(
            "reminders_batch_changes",
            "Changes that were committed together",
            instruments.batches.clone(),
        );
        registry.register(
            "reminders_changes",
            "Changes by what became of them; applied_over and kept_deleted are conflicts",
            instruments.changes.clone(),
        );
        registry.register(
            "reminders_fetches",
            "Fetches by where their answer came from",
            instruments.fetches.clone(),
        );
        registry.register(
            "reminders_shed",
            "Requests that were sent away because of load",
            instruments.shed.clone(),
        );
        registry.register(
            "reminders_sessions_refused",
            "Requests whose session is not good",
            instruments.sessions_refused.clone(),
        );
        drop(registry);
        instruments
    }

    pub(crate) fn waiting(&self, queue: Queue) -> Gauge {
        self.waiting.get_or_create_owned(&queue)
    }

    pub(crate) fn wait(&self, queue: Queue) -> Histogram {
        self.wait.get_or_create_owned(&queue)
    }

    pub(crate) fn batch(&self, pool: &'static str, changes: usize) {
        let histogram = self.batches.get_or_create(&OfPool { pool });
        histogram.observe(changes as f64);
    }

    pub(crate) fn change(&self, pool: &'static str, outcome: &'static str) {
        self.changes.get_or_create(&Change { pool, outcome }).inc();
    }

    pub(crate) fn fetch(&self, pool: &'static str, from: &'static str) {
        self.fetches.get_or_create(&Fetch { pool, from }).inc();
    }

    pub(crate) fn shed(&self, Queue { pool, queue }: Queue, reason: ShedReason) {
        let reason = reason.as_str();
        let shed = Shed {
            pool,
            queue,
            reason,
        };
        self.shed.get_or_create(&shed).inc();
    }

    pub(crate) fn session_refused(&self, error: SessionError) {
        let reason = error.reason();
        self.sessions_refused
            .get_or_create(&Refused { reason })
            .inc();
    }
}

impl ShedReason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::WaitedTooLong => "waited_too_long",
            Self::Stopping => "stopping",
        }
    }
}

/// Seconds as a histogram takes them.
pub(crate) fn observe(histogram: &Histogram, took: Duration) {
    histogram.observe(took.as_secs_f64());
}
