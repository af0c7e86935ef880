use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::content::sync::row::Changes;

/// What is measured of all data sets.
#[derive(Debug, Default)]
pub(super) struct Instruments {
    in_progress: Family<DataSet, Gauge>,
    lag_seconds: Family<DataSet, Gauge<f64, AtomicU64>>,
    entries: Family<Entry, Counter>,
    rounds: Family<Round, Counter>,
}

/// What is measured of one of them.
#[derive(Debug)]
pub(super) struct SetInstruments {
    pub(super) in_progress: Gauge,
    pub(super) lag_seconds: Gauge<f64, AtomicU64>,
    pub(super) caught_up: Counter,
    pub(super) failed: Counter,
    upserted: Counter,
    deleted: Counter,
    refused: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DataSet {
    data_set: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Entry {
    data_set: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Round {
    data_set: &'static str,
    outcome: &'static str,
}

impl Instruments {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        registry.register(
            "sync_in_progress",
            "Whether a round of the sync is under way",
            own.in_progress.clone(),
        );
        registry.register(
            "sync_lag_seconds",
            "How long ago the data were last in step with the feed",
            own.lag_seconds.clone(),
        );
        registry.register(
            "sync_entries",
            "Entries of the feed that were read, by what became of them",
            own.entries.clone(),
        );
        registry.register(
            "sync_rounds",
            "Rounds of the sync by how they ended",
            own.rounds.clone(),
        );
        own
    }

    pub(super) fn of(&self, data_set: &'static str) -> SetInstruments {
        let label = DataSet { data_set };
        let entries = |outcome| {
            let label = Entry { data_set, outcome };
            self.entries.get_or_create_owned(&label)
        };
        let rounds = |outcome| {
            let label = Round { data_set, outcome };
            self.rounds.get_or_create_owned(&label)
        };
        SetInstruments {
            in_progress: self.in_progress.get_or_create_owned(&label),
            lag_seconds: self.lag_seconds.get_or_create_owned(&label),
            caught_up: rounds("caught_up"),
            failed: rounds("failed"),
            upserted: entries("upserted"),
            deleted: entries("deleted"),
            refused: entries("refused"),
        }
    }
}

impl SetInstruments {
    /// Counts what was written, once it is.
    pub(super) fn count(&self, changes: &Changes) {
        self.upserted.inc_by(changes.rows.len() as u64);
        self.deleted.inc_by(changes.deleted.len() as u64);
        self.refused.inc_by(changes.refused.len() as u64);
    }
}
