use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use watchfire_telemetry::Telemetry;

use crate::messages::channel::{Category, Channel};

/// What is counted and measured of messages. All labels have few values.
#[derive(Debug, Clone)]
pub(crate) struct Instruments {
    accepted: Family<Accepted, Counter>,
    attempts: Family<Attempted, Counter>,
    receipts: Family<Received, Counter>,
    waits: Family<OfChannel, Histogram, Waits>,
    calls: Family<OfProvider, Histogram, Calls>,
    depth: Family<OfChannel, Gauge>,
    oldest: Family<OfChannel, Gauge<f64, AtomicU64>>,
    open: Family<OfProvider, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Accepted {
    channel: &'static str,
    category: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempted {
    channel: &'static str,
    provider: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Received {
    provider: &'static str,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfChannel {
    channel: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProvider {
    provider: &'static str,
}

/// From a queue that keeps up to one that stands still for an hour.
#[derive(Debug, Clone, Copy)]
struct Waits;

/// From a provider next door to one that does not answer.
#[derive(Debug, Clone, Copy)]
struct Calls;

impl MetricConstructor<Histogram> for Waits {
    fn new_metric(&self) -> Histogram {
        Histogram::new([
            0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0,
        ])
    }
}

impl MetricConstructor<Histogram> for Calls {
    fn new_metric(&self) -> Histogram {
        Histogram::new([
            0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ])
    }
}

impl Instruments {
    pub(crate) fn register(telemetry: &Telemetry) -> Self {
        let made = Self {
            accepted: Family::default(),
            attempts: Family::default(),
            receipts: Family::default(),
            waits: Family::new_with_constructor(Waits),
            calls: Family::new_with_constructor(Calls),
            depth: Family::default(),
            oldest: Family::default(),
            open: Family::default(),
        };
        let mut registry = telemetry.registry();
        let help = "Messages that were stored to be sent";
        registry.register("messages_accepted", help, made.accepted.clone());
        let help = "Attempts to send a message, by what came of them";
        registry.register("messages_attempts", help, made.attempts.clone());
        let help = "Receipts of providers that were new";
        registry.register("messages_receipts", help, made.receipts.clone());
        let help = "Time from when a message was due to the first attempt to send it";
        registry.register_with_unit(
            "messages_queue_wait",
            help,
            Unit::Seconds,
            made.waits.clone(),
        );
        let help = "Time that a provider took to answer";
        registry.register_with_unit(
            "messages_provider_duration",
            help,
            Unit::Seconds,
            made.calls.clone(),
        );
        let help = "Messages that are due and not sent";
        registry.register("messages_queue_depth", help, made.depth.clone());
        let help = "How long the longest due message has been due";
        registry.register_with_unit(
            "messages_queue_oldest_age",
            help,
            Unit::Seconds,
            made.oldest.clone(),
        );
        let help = "Whether a provider is not asked because of its failures";
        registry.register("messages_provider_breaker_open", help, made.open.clone());
        drop(registry);
        made
    }

    pub(crate) fn accepted(&self, channel: Channel, category: Category) {
        let (channel, category) = (channel.as_str(), category.as_str());
        self.accepted
            .get_or_create(&Accepted { channel, category })
            .inc();
    }

    pub(crate) fn attempted(
        &self,
        channel: Channel,
        provider: Option<&'static str>,
        outcome: &'static str,
    ) {
        let (channel, provider) = (channel.as_str(), provider.unwrap_or("none"));
        self.attempts
            .get_or_create(&Attempted {
                channel,
                provider,
                outcome,
            })
            .inc();
    }

    pub(crate) fn received(&self, provider: &'static str, kind: &'static str) {
        self.receipts
            .get_or_create(&Received { provider, kind })
            .inc();
    }

    pub(crate) fn waited(&self, channel: Channel, wait: Duration) {
        let channel = channel.as_str();
        self.waits
            .get_or_create(&OfChannel { channel })
            .observe(wait.as_secs_f64());
    }

    pub(crate) fn called(&self, provider: &'static str, took: Duration) {
        self.calls
            .get_or_create(&OfProvider { provider })
            .observe(took.as_secs_f64());
    }

    pub(crate) fn queue(&self, channel: Channel, depth: i64, oldest_seconds: f64) {
        let channel = OfChannel {
            channel: channel.as_str(),
        };
        self.depth.get_or_create(&channel).set(depth);
        self.oldest.get_or_create(&channel).set(oldest_seconds);
    }

    pub(crate) fn breaker(&self, provider: &'static str, open: bool) {
        self.open
            .get_or_create(&OfProvider { provider })
            .set(i64::from(open));
    }
}
