use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::notify::FailureReason;

type ByDestination = [(&'static str, String); 1];
type ByReason = [(&'static str, String); 2];

/// Seconds from a tenth, which a near destination takes, to the quarter of an hour after which a
/// page is late, and an hour.
const LATENCY_BUCKETS: [f64; 12] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0,
];

/// Why a message was not sent although nobody refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum DropReason {
    /// A later message of the same incident says all that it would have said.
    Superseded,
    /// Nothing was told that this could take back.
    NothingSent,
    /// There is no destination of that name.
    Unconfigured,
    /// It is of a kind, or configured in a way, that is not delivered to.
    Unsupported,
}

impl DropReason {
    pub(super) const ALL: [Self; 4] = [
        Self::Superseded,
        Self::NothingSent,
        Self::Unconfigured,
        Self::Unsupported,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::NothingSent => "nothing_sent",
            Self::Unconfigured => "unconfigured",
            Self::Unsupported => "unsupported",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Meters {
    attempts: Family<ByDestination, Counter>,
    delivered: Family<ByDestination, Counter>,
    failures: Family<ByReason, Counter>,
    dead: Family<ByReason, Counter>,
    dropped: Family<ByReason, Counter>,
    failovers: Family<ByDestination, Counter>,
    depth: Family<ByDestination, Gauge>,
    oldest_age: Family<ByDestination, Gauge<f64, AtomicU64>>,
    breaker: Family<ByDestination, Gauge>,
    last_success: Family<ByDestination, Gauge<f64, AtomicU64>>,
    latency: Family<ByDestination, Histogram, fn() -> Histogram>,
}

/// The meters of one destination.
#[derive(Debug, Clone)]
pub(super) struct DestinationMeters {
    all: Meters,
    name: String,
}

impl Meters {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let meters = Self {
            attempts: Family::default(),
            delivered: Family::default(),
            failures: Family::default(),
            dead: Family::default(),
            dropped: Family::default(),
            failovers: Family::default(),
            depth: Family::default(),
            oldest_age: Family::default(),
            breaker: Family::default(),
            last_success: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
        };
        meters.register_flow(registry);
        meters.register_standing(registry);
        meters
    }

    fn register_flow(&self, registry: &mut Registry) {
        registry.register(
            "watchfire_notify_attempts",
            "Requests sent to destinations",
            self.attempts.clone(),
        );
        registry.register(
            "watchfire_notify_delivered",
            "Messages that a destination has confirmed",
            self.delivered.clone(),
        );
        registry.register(
            "watchfire_notify_failures",
            "Attempts that failed, by reason",
            self.failures.clone(),
        );
        registry.register(
            "watchfire_notify_dead",
            "Messages given up, by reason",
            self.dead.clone(),
        );
        registry.register(
            "watchfire_notify_dropped",
            "Messages that did not have to be sent, by reason",
            self.dropped.clone(),
        );
        registry.register(
            "watchfire_notify_failovers",
            "Messages that went to the fallback of a destination",
            self.failovers.clone(),
        );
        registry.register(
            "watchfire_notify_latency_seconds",
            "From putting a message into the outbox to its confirmation",
            self.latency.clone(),
        );
    }

    fn register_standing(&self, registry: &mut Registry) {
        registry.register(
            "watchfire_notify_queue_depth",
            "Messages waiting",
            self.depth.clone(),
        );
        registry.register(
            "watchfire_notify_oldest_age_seconds",
            "How long the oldest waiting message has been due",
            self.oldest_age.clone(),
        );
        registry.register(
            "watchfire_notify_breaker_state",
            "0 closed, 1 probing, 2 open",
            self.breaker.clone(),
        );
        registry.register(
            "watchfire_notify_last_success_timestamp_seconds",
            "When a destination last confirmed a message",
            self.last_success.clone(),
        );
    }

    /// All series of a destination, from zero, so that a first failure is seen as an increase.
    pub(super) fn of(&self, name: &str) -> DestinationMeters {
        let meters = DestinationMeters {
            all: self.clone(),
            name: name.to_owned(),
        };
        drop(self.attempts.get_or_create_owned(&meters.label()));
        drop(self.delivered.get_or_create_owned(&meters.label()));
        drop(self.failovers.get_or_create_owned(&meters.label()));
        meters.standing(0, 0.0);
        meters.breaker(0);
        for reason in FailureReason::ALL {
            let labels = meters.with_reason(reason.as_str());
            drop(self.failures.get_or_create_owned(&labels));
            drop(self.dead.get_or_create_owned(&labels));
        }
        for reason in DropReason::ALL {
            self.dropped(name, reason, 0);
        }
        meters
    }

    pub(super) fn dropped(&self, destination: &str, reason: DropReason, count: u64) {
        let labels = [
            ("destination", destination.to_owned()),
            ("reason", reason.as_str().to_owned()),
        ];
        self.dropped.get_or_create_owned(&labels).inc_by(count);
    }
}

impl DestinationMeters {
    pub(super) fn attempted(&self) {
        self.all.attempts.get_or_create_owned(&self.label()).inc();
    }

    pub(super) fn delivered(&self, at_seconds: f64, latency_seconds: f64) {
        let label = self.label();
        self.all.delivered.get_or_create_owned(&label).inc();
        self.all
            .last_success
            .get_or_create_owned(&label)
            .set(at_seconds);
        self.all
            .latency
            .get_or_create_owned(&label)
            .observe(latency_seconds);
    }

    pub(super) fn failed_over(&self) {
        self.all.failovers.get_or_create_owned(&self.label()).inc();
    }

    pub(super) fn failed(&self, reason: FailureReason) {
        let labels = self.with_reason(reason.as_str());
        self.all.failures.get_or_create_owned(&labels).inc();
    }

    pub(super) fn died(&self, reason: FailureReason) {
        let labels = self.with_reason(reason.as_str());
        self.all.dead.get_or_create_owned(&labels).inc();
    }

    pub(super) fn standing(&self, depth: i64, oldest_age_seconds: f64) {
        let label = self.label();
        self.all.depth.get_or_create_owned(&label).set(depth);
        self.all
            .oldest_age
            .get_or_create_owned(&label)
            .set(oldest_age_seconds);
    }

    pub(super) fn breaker(&self, code: i64) {
        self.all
            .breaker
            .get_or_create_owned(&self.label())
            .set(code);
    }

    fn label(&self) -> ByDestination {
        [("destination", self.name.clone())]
    }

    fn with_reason(&self, reason: &str) -> ByReason {
        [
            ("destination", self.name.clone()),
            ("reason", reason.to_owned()),
        ]
    }
}
