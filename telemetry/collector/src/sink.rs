use std::fmt;
use std::io;
use std::sync::Arc;

use watchfire_logsearch::{Entry, EventStore};
use watchfire_schemas::{BatchSeq, LogRecord, MetricMetadata, SeriesSamples};
use watchfire_tsdb::{Came, DeltaBatch, Objection, Tsdb, WriteBatch};

use crate::wal::{ByKind, Kind};

/// What of a batch goes to which store.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// For the event store.
    pub(crate) entry: Option<Entry>,
    /// For the other one: what came so, or was derived.
    pub(crate) series: Vec<SeriesSamples>,
    /// What was derived of spans, by numbers.
    pub(crate) deltas: DeltaBatch,
    /// What came by remote write; then `series` is empty.
    pub(crate) written: Option<WriteBatch>,
    /// What is said of metrics.
    pub(crate) metadata: Vec<MetricMetadata>,
}

/// Where batches go once they are on disk. One caller, batches in order, each once; one that a
/// store holds already is passed over by it.
pub(crate) trait Sink: Send + Sync + fmt::Debug {
    /// The last batch of each kind that every store which takes its kind holds by itself: it need
    /// not be replayed.
    fn passed(&self) -> ByKind;

    /// The last batch that any store holds by itself: new numbers must be greater.
    fn newest(&self) -> BatchSeq;

    /// Gives records the ids of their patterns, before they go into the log. Called by many threads
    /// at once, after the replay.
    fn assign_patterns(&self, _records: &mut [LogRecord]) {}

    /// What of a batch will not be taken, in the order of its series. Asked before it goes into the
    /// log, so that its sender is told.
    fn judge(&self, batch: &WriteBatch) -> Vec<Objection>;

    /// Makes a batch searchable. When this returns, it is.
    fn append(&self, batch: BatchSeq, delivery: Delivery);

    /// Tells that every batch up to this one was appended, or is held already.
    fn advance(&self, batch: BatchSeq);

    /// Bytes that wait in memory to be written by the stores.
    fn unsealed_bytes(&self) -> usize;

    /// Writes what the stores hold only in memory; moves the checkpoint. Blocks.
    fn snapshot(&self) -> io::Result<()>;
}

/// The event store and the time series store.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) events: Arc<EventStore>,
    pub(crate) tsdb: Arc<Tsdb>,
}

impl Sink for Stores {
    fn passed(&self) -> ByKind {
        let [logs, quarantine, spans] = self.events.checkpoints();
        // Whatever comes, series are derived of it.
        let mut passed = ByKind::all(self.tsdb.checkpoint());
        for (kind, checkpoint) in [
            (Kind::Logs, logs),
            (Kind::Quarantine, quarantine),
            (Kind::Spans, spans),
        ] {
            passed.set(kind, checkpoint.min(passed.of(kind)));
        }
        passed
    }

    fn newest(&self) -> BatchSeq {
        let events = self.events.checkpoints().into_iter().max();
        events.unwrap_or_default().max(self.tsdb.checkpoint())
    }

    fn assign_patterns(&self, records: &mut [LogRecord]) {
        self.events.assign_patterns(records);
    }

    fn judge(&self, batch: &WriteBatch) -> Vec<Objection> {
        self.tsdb.judge(batch)
    }

    fn append(&self, batch: BatchSeq, delivery: Delivery) {
        if let Some(entry) = delivery.entry {
            self.events.append(batch, entry);
        }
        self.events.advance(batch);
        self.tsdb.learn(&delivery.metadata);
        let came = match &delivery.written {
            Some(written) => {
                self.tsdb.learn(written.metadata());
                Came::Written(written)
            }
            None => Came::Series(&delivery.series),
        };
        self.tsdb.append_with_deltas(batch, came, &delivery.deltas);
    }

    fn advance(&self, batch: BatchSeq) {
        self.events.advance(batch);
    }

    fn unsealed_bytes(&self) -> usize {
        self.events.unsealed_bytes()
    }

    fn snapshot(&self) -> io::Result<()> {
        self.tsdb.snapshot()
    }
}
