use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::Receipt;
use crate::derive::{Limited, Unpaired};
use crate::drop_reason::DropReason;

/// Seconds that a group commit takes: from a write into preallocated blocks (0.2 ms) to a disk in
/// trouble.
const COMMIT_SECONDS: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0,
];

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// What the collector measures of itself.
#[derive(Debug)]
pub(crate) struct Meters {
    records: Family<Labels<3>, Counter>,
    drops: Family<Labels<1>, Counter>,
    pub(crate) commits: Histogram,
    pub(crate) replayed: Counter,
    pub(crate) torn_bytes: Counter,
    limited: Family<Labels<1>, Counter>,
    unpaired: Family<Labels<1>, Counter>,
    pub(crate) wal_bytes: Gauge,
    pub(crate) memory_used: Gauge,
    pub(crate) batches_behind: Gauge,
}

impl Meters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let meters = Self {
            records: Family::default(),
            drops: Family::default(),
            commits: Histogram::new(COMMIT_SECONDS),
            replayed: Counter::default(),
            torn_bytes: Counter::default(),
            limited: Family::default(),
            unpaired: Family::default(),
            wal_bytes: Gauge::default(),
            memory_used: Gauge::default(),
            batches_behind: Gauge::default(),
        };
        meters.begin();
        registry.register(
            "watchfire_collector_records",
            "Records that came, by what became of them",
            meters.records.clone(),
        );
        registry.register(
            "watchfire_collector_drops",
            "Records and requests that were quarantined, rejected, refused or lost",
            meters.drops.clone(),
        );
        registry.register(
            "watchfire_collector_commit_seconds",
            "From the first write of a group of batches to its end on disk",
            meters.commits.clone(),
        );
        registry.register(
            "watchfire_collector_replayed_batches",
            "Batches that were read from the log at start",
            meters.replayed.clone(),
        );
        registry.register(
            "watchfire_collector_wal_torn_bytes",
            "Bytes of unfinished writes that were cut off the log at start",
            meters.torn_bytes.clone(),
        );
        registry.register(
            "watchfire_collector_limited_labels",
            "Derived samples of which a label became other",
            meters.limited.clone(),
        );
        registry.register(
            "watchfire_collector_unpaired_spans",
            "Halves of calls that are on no edge of the service graph",
            meters.unpaired.clone(),
        );
        registry.register(
            "watchfire_collector_wal_bytes",
            "Size of the write-ahead log on disk",
            meters.wal_bytes.clone(),
        );
        registry.register(
            "watchfire_collector_memory_used_bytes",
            "Part of the memory budget that is in use",
            meters.memory_used.clone(),
        );
        registry.register(
            "watchfire_collector_batches_behind",
            "Batches of the log that are not yet in a split and a snapshot",
            meters.batches_behind.clone(),
        );
        meters
    }

    /// Every reason is there from the start, so that a rate over it has a beginning.
    fn begin(&self) {
        for reason in DropReason::ALL {
            let labels = [("reason", reason.as_str())];
            drop(self.drops.get_or_create_owned(&labels));
        }
        for label in Limited::ALL {
            let labels = [("label", label.as_str())];
            drop(self.limited.get_or_create_owned(&labels));
        }
        for reason in Unpaired::ALL {
            let labels = [("reason", reason.as_str())];
            drop(self.unpaired.get_or_create_owned(&labels));
        }
    }

    pub(crate) fn count(&self, receiver: &'static str, signal: &'static str, receipt: Receipt) {
        let outcomes = [
            ("accepted", receipt.accepted),
            ("quarantined", receipt.quarantined),
            ("rejected", receipt.rejected),
        ];
        for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
            let labels = [
                ("receiver", receiver),
                ("signal", signal),
                ("outcome", outcome),
            ];
            self.records.get_or_create_owned(&labels).inc_by(count);
        }
    }

    pub(crate) fn dropped(&self, reason: DropReason, count: u64) {
        self.drops
            .get_or_create_owned(&[("reason", reason.as_str())])
            .inc_by(count);
    }

    /// Counts what a batch brought that found no room, or no other half.
    pub(crate) fn derived(
        &self,
        limited: [u64; Limited::ALL.len()],
        unpaired: [u64; Unpaired::ALL.len()],
    ) {
        for (label, count) in Limited::ALL.into_iter().zip(limited) {
            if count > 0 {
                let labels = [("label", label.as_str())];
                self.limited.get_or_create_owned(&labels).inc_by(count);
            }
        }
        for (reason, count) in Unpaired::ALL.into_iter().zip(unpaired) {
            if count > 0 {
                let labels = [("reason", reason.as_str())];
                self.unpaired.get_or_create_owned(&labels).inc_by(count);
            }
        }
    }

    /// Labels of derived series of which values became `other`, and how often.
    pub(crate) fn limited(&self) -> Vec<(String, u64)> {
        let count = |label: Limited| {
            let labels = [("label", label.as_str())];
            let counter = self.limited.get_or_create_owned(&labels);
            (label.as_str().to_owned(), counter.get())
        };
        let all = Limited::ALL.into_iter().map(count);
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// Reasons that have occurred, and how often.
    pub(crate) fn drops(&self) -> Vec<(String, u64)> {
        let count = |reason: DropReason| {
            let counter = self
                .drops
                .get_or_create_owned(&[("reason", reason.as_str())]);
            (reason.as_str().to_owned(), counter.get())
        };
        DropReason::ALL
            .into_iter()
            .map(count)
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}
