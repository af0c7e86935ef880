use std::sync::Arc;

use watchfire_schemas::{BatchSeq, Timestamp};

use crate::content::Content;
use crate::derive::Derivation;
use crate::drop_reason::DropReason;
use crate::exception_backlog::ExceptionBacklog;
use crate::meters::Meters;
use crate::sink::Sink;
use crate::wal::{Frame, Kind};

/// Takes batches that are on disk to the stores, in their order. The same code serves a batch that
/// just came and one that is replayed.
#[derive(Debug)]
pub(crate) struct Applier {
    sink: Arc<dyn Sink>,
    derivation: Derivation,
    exceptions: Arc<ExceptionBacklog>,
    meters: Arc<Meters>,
}

impl Applier {
    pub(crate) fn new(
        sink: Arc<dyn Sink>,
        exceptions: Arc<ExceptionBacklog>,
        meters: Arc<Meters>,
    ) -> Self {
        Self {
            sink,
            derivation: Derivation::default(),
            exceptions,
            meters,
        }
    }

    /// Makes a batch searchable and counts what it holds.
    pub(crate) fn apply(&mut self, batch: BatchSeq, received_at: Timestamp, content: Content) {
        let derived = self.derivation.derive(&content, received_at);
        let (entry, mut series) = content.into_entry();
        series.extend(derived.series);
        self.sink.append(batch, entry, &series);
        self.exceptions.push(derived.exceptions);
        self.meters.limited.inc_by(derived.limited);
    }

    /// Applies a batch of the log again if a store may not hold it.
    pub(crate) fn replay(&mut self, frame: &Frame) {
        if frame.seq <= self.sink.checkpoint() {
            return self.remember(frame);
        }
        match Content::unpack(frame) {
            Ok(content) => {
                self.apply(frame.seq, frame.received_at, content);
                self.meters.replayed.inc();
            }
            Err(error) => {
                tracing::error!(batch = frame.seq.0, %error, "batch of the write-ahead log left out");
                self.meters.dropped(DropReason::UnreadableBatch, 1);
            }
        }
    }

    /// Counts a batch that every store holds only to know it: the span of an exception may come
    /// after a restart, and its log record before.
    fn remember(&mut self, frame: &Frame) {
        if frame.kind != Kind::Metrics
            && let Ok(content) = Content::unpack(frame)
        {
            drop(self.derivation.derive(&content, frame.received_at));
        }
    }
}
