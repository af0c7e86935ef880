use std::fmt;
use std::io;
use std::sync::Arc;

use watchfire_logsearch::{Entry, EventStore};
use watchfire_schemas::{BatchSeq, LogRecord, SeriesSamples};
use watchfire_tsdb::Tsdb;

/// Where batches go once they are on disk. One caller, batches in order, each once; one that a
/// store holds already is passed over by it.
pub(crate) trait Sink: Send + Sync + fmt::Debug {
    /// The last batch that every store holds by itself: replay starts after it.
    fn checkpoint(&self) -> BatchSeq;

    /// The last batch that any store holds by itself: new numbers must be greater.
    fn newest(&self) -> BatchSeq;

    /// Gives records the ids of their patterns, before they go into the log. Called by many threads
    /// at once, after the replay.
    fn assign_patterns(&self, _records: &mut [LogRecord]) {}

    /// Makes a batch searchable. When this returns, it is.
    fn append(&self, batch: BatchSeq, entry: Option<Entry>, series: &[SeriesSamples]);

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
    fn checkpoint(&self) -> BatchSeq {
        self.events.checkpoint().min(self.tsdb.checkpoint())
    }

    fn newest(&self) -> BatchSeq {
        self.events.checkpoint().max(self.tsdb.checkpoint())
    }

    fn assign_patterns(&self, records: &mut [LogRecord]) {
        self.events.assign_patterns(records);
    }

    fn append(&self, batch: BatchSeq, entry: Option<Entry>, series: &[SeriesSamples]) {
        if let Some(entry) = entry {
            self.events.append(batch, entry);
        }
        self.events.advance(batch);
        self.tsdb.append(batch, series);
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
