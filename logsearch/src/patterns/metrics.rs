use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::miner::{Losses, Miner};

/// What the miner tells of itself.
#[derive(Debug, Default)]
pub(super) struct PatternMetrics {
    known: Gauge,
    bytes: Gauge,
    evicted: Counter,
    overflowed: Counter,
    pub(super) save_failures: Counter,
}

impl PatternMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let mut add = |name: &str, help: &str, metric: &dyn Registered| {
            metric.register(registry, format!("watchfire_logsearch_{name}"), help);
        };
        add(
            "patterns",
            "Patterns of log lines that are known",
            &metrics.known,
        );
        add(
            "pattern_bytes",
            "About how much memory the known patterns take",
            &metrics.bytes,
        );
        add(
            "evicted_patterns",
            "Patterns forgotten to make room for others",
            &metrics.evicted,
        );
        add(
            "overflowed_pattern_lines",
            "Lines that no pattern could be made of, for there were too many new ones",
            &metrics.overflowed,
        );
        add(
            "pattern_save_failures",
            "Attempts to save the patterns that failed",
            &metrics.save_failures,
        );
        metrics
    }

    pub(super) fn tell(&self, miner: &Miner) {
        self.known.set(miner.len() as i64);
        self.bytes.set(miner.bytes() as i64);
        let Losses {
            evicted,
            overflowed,
        } = miner.losses();
        self.evicted
            .inc_by(evicted.saturating_sub(self.evicted.get()));
        self.overflowed
            .inc_by(overflowed.saturating_sub(self.overflowed.get()));
    }
}

trait Registered {
    fn register(&self, registry: &mut Registry, name: String, help: &str);
}

impl<M: prometheus_client::registry::Metric + Clone> Registered for M {
    fn register(&self, registry: &mut Registry, name: String, help: &str) {
        registry.register(name, help, self.clone());
    }
}
