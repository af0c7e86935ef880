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
    merged_records: Family<DatasetLabel, Counter>,
    merged_bytes: Family<DatasetLabel, Counter>,
    merge_failures: Family<DatasetLabel, Counter>,
    merge_seconds: HistogramFamily<DatasetLabel>,
    evicted_records: Family<DatasetLabel, Counter>,
    evicted_bytes: Family<DatasetLabel, Counter>,
    late_records: Family<DatasetLabel, Counter>,
    future_records: Family<DatasetLabel, Counter>,
    query_seconds: HistogramFamily<QueryLabel>,
    refused_queries: Family<QueryLabel, Counter>,
    open_splits: Family<DatasetLabel, Gauge>,
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
    pub(crate) open_splits: Gauge,
    pub(crate) tail_bytes: Gauge,
    pub(crate) tail_records: Gauge,
    pub(crate) appended_records: Counter,
    pub(crate) sealed_records: Counter,
    pub(crate) expired_records: Counter,
    pub(crate) repeated_batches: Counter,
    pub(crate) seal_failures: Counter,
    pub(crate) seal_seconds: Histogram,
    pub(crate) merged_records: Counter,
    pub(crate) merged_bytes: Counter,
    pub(crate) merge_failures: Counter,
    pub(crate) merge_seconds: Histogram,
    pub(crate) evicted_records: Counter,
    pub(crate) evicted_bytes: Counter,
    pub(crate) late_records: Counter,
    pub(crate) future_records: Counter,
}

impl Metrics {
    /// Registers them, each once.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        metrics.register_life(registry);
        metrics.register_space(registry);
        metrics.register_queries(registry);
        metrics
    }

    fn register_life(&self, registry: &mut Registry) {
        let mut add = |name, help, metric: &dyn Registered| metric.add(registry, name, help);
        add("splits", "Splits on disk", &self.splits);
        add(
            "open_splits",
            "Splits that are open for queries",
            &self.open_splits,
        );
        add(
            "tail_bytes",
            "Bytes in memory, not yet in a split",
            &self.tail_bytes,
        );
        add(
            "tail_records",
            "Records in memory, not yet in a split",
            &self.tail_records,
        );
        add(
            "appended_records",
            "Records put into the tail",
            &self.appended_records,
        );
        add(
            "sealed_records",
            "Records moved from the tail into a split",
            &self.sealed_records,
        );
        add(
            "repeated_batches",
            "Batches passed over because they are here already",
            &self.repeated_batches,
        );
        add(
            "seal_failures",
            "Attempts to seal or to drop that failed",
            &self.seal_failures,
        );
        add(
            "seal_seconds",
            "How long the seal of one split took",
            &self.seal_seconds.0,
        );
        add(
            "merged_records",
            "Records of small splits that were put together into a larger one",
            &self.merged_records,
        );
        add(
            "merged_bytes",
            "Bytes of those small splits",
            &self.merged_bytes,
        );
        add("merge_failures", "Merges that failed", &self.merge_failures);
        add(
            "merge_seconds",
            "How long one merge took",
            &self.merge_seconds.0,
        );
    }

    fn register_space(&self, registry: &mut Registry) {
        let mut add = |name, help, metric: &dyn Registered| metric.add(registry, name, help);
        add(
            "expired_records",
            "Records dropped because of their age",
            &self.expired_records,
        );
        add(
            "evicted_records",
            "Records dropped because the disk's share was used up",
            &self.evicted_records,
        );
        add(
            "evicted_bytes",
            "Bytes of splits dropped for that",
            &self.evicted_bytes,
        );
        add(
            "late_records",
            "Records that were older than the retention when they came; kept as long as others",
            &self.late_records,
        );
        add(
            "future_records",
            "Records from more than an hour ahead of their arrival",
            &self.future_records,
        );
    }

    fn register_queries(&self, registry: &mut Registry) {
        let mut add = |name, help, metric: &dyn Registered| metric.add(registry, name, help);
        add(
            "query_seconds",
            "How long a query took",
            &self.query_seconds.0,
        );
        add(
            "refused_queries",
            "Queries that were not begun since too many were under way",
            &self.refused_queries,
        );
    }

    pub(crate) fn of_dataset(&self, dataset: &'static str) -> DatasetMetrics {
        let label = DatasetLabel { dataset };
        DatasetMetrics {
            splits: self.splits.get_or_create_owned(&label),
            open_splits: self.open_splits.get_or_create_owned(&label),
            tail_bytes: self.tail_bytes.get_or_create_owned(&label),
            tail_records: self.tail_records.get_or_create_owned(&label),
            appended_records: self.appended_records.get_or_create_owned(&label),
            sealed_records: self.sealed_records.get_or_create_owned(&label),
            expired_records: self.expired_records.get_or_create_owned(&label),
            repeated_batches: self.repeated_batches.get_or_create_owned(&label),
            seal_failures: self.seal_failures.get_or_create_owned(&label),
            seal_seconds: self.seal_seconds.0.get_or_create_owned(&label),
            merged_records: self.merged_records.get_or_create_owned(&label),
            merged_bytes: self.merged_bytes.get_or_create_owned(&label),
            merge_failures: self.merge_failures.get_or_create_owned(&label),
            merge_seconds: self.merge_seconds.0.get_or_create_owned(&label),
            evicted_records: self.evicted_records.get_or_create_owned(&label),
            evicted_bytes: self.evicted_bytes.get_or_create_owned(&label),
            late_records: self.late_records.get_or_create_owned(&label),
            future_records: self.future_records.get_or_create_owned(&label),
        }
    }

    pub(crate) fn count_refused(&self, query: &'static str) {
        self.refused_queries
            .get_or_create_owned(&QueryLabel { query })
            .inc();
    }

    /// Which queries there are: the names of the store's own methods.
    pub(crate) fn observe_query(&self, query: &'static str, seconds: f64) {
        self.query_seconds
            .0
            .get_or_create_owned(&QueryLabel { query })
            .observe(seconds);
    }
}

/// A metric, registered under a name of the store's own.
trait Registered {
    fn add(&self, registry: &mut Registry, name: &str, help: &str);
}

impl<M: Metric + Clone> Registered for M {
    fn add(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(format!("watchfire_logsearch_{name}"), help, self.clone());
    }
}
