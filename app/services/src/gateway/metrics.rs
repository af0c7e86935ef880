use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the gateway counts of the services behind it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    circuits: Family<Of, Gauge>,
    retries: Family<Retried, Counter>,
}

/// What became of the wish to ask again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Retry {
    Made,
    OverBudget,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    upstream: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Retried {
    upstream: &'static str,
    outcome: &'static str,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "gateway_circuit_state",
            "Whether the upstream is asked: 0 yes (closed), 1 on trial (half open), 2 no (open)",
            metrics.circuits.clone(),
        );
        registry.register(
            "gateway_retries",
            "Calls that were worth a retry: made, or not for want of budget",
            metrics.retries.clone(),
        );
        metrics
    }

    pub(crate) fn circuit(&self, upstream: &'static str) -> Gauge {
        self.circuits.get_or_create_owned(&Of { upstream })
    }

    pub(crate) fn retry(&self, upstream: &'static str, retry: Retry) {
        let outcome = match retry {
            Retry::Made => "made",
            Retry::OverBudget => "over_budget",
        };
        let labels = Retried { upstream, outcome };
        self.retries.get_or_create_owned(&labels).inc();
    }
}
