use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

/// Seconds; from a quick search to a seal of a large tail on a busy disk.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DatasetLabel {
    dataset: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueryLabel {
    query: &'static str,
}

/// What the store tells of itself.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    splits: Family<DatasetLabel, Gauge>,
    tail_bytes: Family<DatasetLabel, Gauge>,
    tail_records: Family<DatasetLabel, Gauge>,
    appended_records: Family<DatasetLabel, Counter>,
    sealed_records: Family<DatasetLabel, Counter>,
    expired_records: Family<DatasetLabel, Counter>,
    repeated_batches: Family<DatasetLabel, Counter>,
    seal_failures: Family<DatasetLabel, Counter>,
    seal_seconds: HistogramFamily<DatasetLabel>,
    query_seconds: HistogramFamily<QueryLabel>,
}

/// A family of histograms with [`SECONDS`] as buckets.
#[derive(Debug)]
struct HistogramFamily<L>(Family<L, Histogram, fn() -> Histogram>);

impl<L: Clone + std::hash::Hash + Eq> Default for HistogramFamily<L> {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(SECONDS)))
    }
}

/// The metrics of one dataset.
#[derive(Debug)]
pub(crate) struct DatasetMetrics {
    pub(crate) splits: Gauge,
    pub(crate) tail_bytes: Gauge,
    pub(crate) tail_records: Gauge,
    pub(crate) appended_records: Counter,
    pub(crate) sealed_records: Counter,
    pub(crate) expired_records: Counter,
    pub(crate) repeated_batches: Counter,
    pub(crate) seal_failures: Counter,
    pub(crate) seal_seconds: Histogram,
}

impl Metrics {
    /// Registers them, each once.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let m = &metrics;
        add(registry, "splits", "Splits on disk", &m.splits);
        add(
            registry,
            "tail_bytes",
            "Bytes in memory, not yet in a split",
            &m.tail_bytes,
        );
        add(
            registry,
            "tail_records",
            "Records in memory, not yet in a split",
            &m.tail_records,
        );
        add(
            registry,
            "appended_records",
            "Records put into the tail",
            &m.appended_records,
        );
        add(
            registry,
            "sealed_records",
            "Records moved from the tail into a split",
            &m.sealed_records,
        );
        add(
            registry,
            "expired_records",
            "Records dropped because of their age",
            &m.expired_records,
        );
        add(
            registry,
            "repeated_batches",
            "Batches passed over because they are here already",
            &m.repeated_batches,
        );
        add(
            registry,
            "seal_failures",
            "Attempts to seal or to drop that failed",
            &m.seal_failures,
        );
        add(
            registry,
            "seal_seconds",
            "How long the seal of one split took",
            &m.seal_seconds.0,
        );
        add(
            registry,
            "query_seconds",
            "How long a query took",
            &m.query_seconds.0,
        );
        metrics
    }

    pub(crate) fn of_dataset(&self, dataset: &'static str) -> DatasetMetrics {
        let label = DatasetLabel { dataset };
        DatasetMetrics {
            splits: self.splits.get_or_create_owned(&label),
            tail_bytes: self.tail_bytes.get_or_create_owned(&label),
            tail_records: self.tail_records.get_or_create_owned(&label),
            appended_records: self.appended_records.get_or_create_owned(&label),
            sealed_records: self.sealed_records.get_or_create_owned(&label),
            expired_records: self.expired_records.get_or_create_owned(&label),
            repeated_batches: self.repeated_batches.get_or_create_owned(&label),
            seal_failures: self.seal_failures.get_or_create_owned(&label),
            seal_seconds: self.seal_seconds.0.get_or_create_owned(&label),
        }
    }

    /// Which queries there are: the names of the store's own methods.
    pub(crate) fn observe_query(&self, query: &'static str, seconds: f64) {
        self.query_seconds
            .0
            .get_or_create_owned(&QueryLabel { query })
            .observe(seconds);
    }
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: &M) {
    registry.register(format!("watchfire_logsearch_{name}"), help, metric.clone());
}
