use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use watchfire_schemas::{BatchSeq, Timestamp};

use crate::CounterRule;
use crate::content::Content;
use crate::dead_letters::DeadLetters;
use crate::derive::Derivation;
use crate::drop_reason::DropReason;
use crate::exception_backlog::ExceptionBacklog;
use crate::meters::Meters;
use crate::sink::Sink;
use crate::wal::{Frame, Kind, Packed};

/// Takes batches that are on disk to the stores, in their order. The same code serves a batch that
/// just came and one that is replayed.
///
/// A batch over which a store panics is set aside, so that it does not do so again at each start.
#[derive(Debug)]
pub(crate) struct Applier {
    sink: Arc<dyn Sink>,
    derivation: Derivation,
    exceptions: Arc<ExceptionBacklog>,
    dead_letters: Arc<DeadLetters>,
    meters: Arc<Meters>,
    /// Whether a batch has come yet.
    has_begun: bool,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is searchable and counted.
    Whole,
    /// It could not be applied, and lies with the dead letters.
    SetAside,
    /// The stores are not whole any more: nothing can be applied before the next start.
    Broken,
}

impl Applier {
    pub(crate) fn new(
        sink: Arc<dyn Sink>,
        exceptions: Arc<ExceptionBacklog>,
        dead_letters: Arc<DeadLetters>,
        meters: Arc<Meters>,
        counters: Vec<CounterRule>,
    ) -> Self {
        Self {
            sink,
            derivation: Derivation::new(counters),
            exceptions,
            dead_letters,
            meters,
            has_begun: false,
        }
    }

    /// Makes a batch searchable and counts what it holds. `packed` is the batch as the log has it.
    pub(crate) fn apply(
        &mut self,
        batch: BatchSeq,
        received_at: Timestamp,
        (packed, content): (&Packed, Content),
    ) -> Applied {
        self.begin(batch);
        let applied = self.guarded(|this| this.take(batch, received_at, content, true));
        self.settled(applied, batch, || packed.clone())
    }

    /// Applies a batch of the log again if one of those who take it may not hold it.
    pub(crate) fn replay(&mut self, frame: &Frame) -> Applied {
        self.begin(frame.seq);
        if self.dead_letters.holds(frame.seq) {
            return self.settled(Some(()), frame.seq, || Packed::again(frame));
        }
        let is_held = frame.seq <= self.sink.passed().of(frame.kind);
        let is_told = frame.seq <= self.exceptions.passed();
        if is_held && is_told {
            let remembered = self.guarded(|this| this.remember(frame));
            return self.settled(remembered, frame.seq, || Packed::again(frame));
        }
        let content = match Content::unpack(frame) {
            Ok(content) => content,
            Err(error) => {
                tracing::error!(batch = frame.seq.0, %error, "batch of the write-ahead log left out");
                self.meters.dropped(DropReason::UnreadableBatch, 1);
                self.set_aside(frame.seq, &Packed::again(frame));
                return Applied::SetAside;
            }
        };
        let applied = self.guarded(|this| {
            if is_held {
                let derived = this.derivation.derive(&content, frame.received_at);
                this.exceptions.push(frame.seq, derived.exceptions);
            } else {
                this.take(frame.seq, frame.received_at, content, !is_told);
                this.meters.replayed.inc();
            }
        });
        self.settled(applied, frame.seq, || Packed::again(frame))
    }

    /// Notes the first batch: what was applied before it, and is in the log no more, is not known.
    fn begin(&mut self, batch: BatchSeq) {
        if !std::mem::replace(&mut self.has_begun, true) && batch > BatchSeq(1) {
            self.derivation.resume();
        }
    }

    fn take(&mut self, batch: BatchSeq, received_at: Timestamp, content: Content, tell: bool) {
        let derived = self.derivation.derive(&content, received_at);
        let mut delivery = content.into_delivery();
        delivery.series.extend(derived.series);
        delivery.deltas = derived.deltas;
        self.sink.append(batch, delivery);
        if tell {
            self.exceptions.push(batch, derived.exceptions);
        }
        self.meters.derived(derived.limited, derived.unpaired);
    }

    /// Counts a batch that every store holds only to know it: the span of an exception may come
    /// after a restart, and its log record before.
    fn remember(&mut self, frame: &Frame) {
        if frame.kind == Kind::Metrics {
            return self.derivation.pass(frame.received_at);
        }
        if let Ok(content) = Content::unpack(frame) {
            drop(self.derivation.derive(&content, frame.received_at));
        }
    }

    /// Runs what can panic over a batch. `None` if it did: what it left half-done is a count, or a
    /// lock that [`Self::settled`] finds poisoned.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) -> Option<()> {
        catch_unwind(AssertUnwindSafe(|| work(self))).ok()
    }

    fn settled(
        &mut self,
        applied: Option<()>,
        batch: BatchSeq,
        packed: impl FnOnce() -> Packed,
    ) -> Applied {
        let mut outcome = Applied::Whole;
        if applied.is_none() {
            self.meters.dropped(DropReason::PoisonBatch, 1);
            self.set_aside(batch, &packed());
            outcome = Applied::SetAside;
        }
        // A store that panicked with a lock in its hand panics here again.
        match self.guarded(|this| this.sink.advance(batch)) {
            Some(()) => outcome,
            None => Applied::Broken,
        }
    }

    fn set_aside(&self, batch: BatchSeq, packed: &Packed) {
        match self.dead_letters.set_aside(batch, packed) {
            Ok(path) => {
                tracing::error!(batch = batch.0, path = %path.display(), "a batch cannot be applied and was set aside");
            }
            Err(error) => {
                tracing::error!(batch = batch.0, %error, "a batch cannot be applied, nor set aside; it will be tried again at the next start");
            }
        }
    }
}
