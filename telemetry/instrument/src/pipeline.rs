mod worker;

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;
use watchfire_schemas::LogRecord;

use crate::dropped::{DropReason, Dropped, Signal};
use crate::fact_span::FactRecord;
use crate::otlp::{Encoded, Growing, Head};

pub(crate) use worker::Worker;

/// How many records of one signal wait at most. Beyond it they are dropped and counted.
const CAPACITY: usize = 16_384;

/// So many waiting records of one signal are a batch that does not wait for its timer.
const BATCH: usize = 2048;

/// What a service has emitted and nobody has taken yet.
///
/// One lock, held only to push one record or to take all of them, so an emitter never waits for
/// an export. The worker is woken by the first record and by a full batch, not by each.
#[derive(Debug)]
pub(crate) struct Pipeline {
    waiting: Mutex<Waiting>,
    woken: Condvar,
    dropped: Dropped,
}

#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) spans: Vec<SpanData>,
    /// Spans of plain facts, and with some the line of a request: for a collector in this process.
    pub(crate) facts: Vec<FactRecord>,
    /// The same for a receiver of OTLP.
    pub(crate) encoded_spans: Growing,
    pub(crate) encoded_lines: Growing,
    /// Told when all that waited at the time of asking is gone.
    flushes: Vec<SyncSender<()>>,
    stopped: bool,
}

impl Waiting {
    fn is_idle(&self) -> bool {
        self.logs.is_empty()
            && self.spans.is_empty()
            && self.facts.is_empty()
            && self.encoded_spans.count() == 0
            && self.encoded_lines.count() == 0
            && self.flushes.is_empty()
            && !self.stopped
    }

    fn is_urgent(&self) -> bool {
        self.logs.len() >= BATCH
            || self.spans.len() >= BATCH
            || self.facts.len() >= BATCH
            || self.encoded_spans.count() >= BATCH
            || self.encoded_lines.count() >= BATCH
            || !self.flushes.is_empty()
            || self.stopped
    }
}

impl Waiting {
    /// Takes the room of what was delivered.
    fn take_room(&mut self, delivered: &mut Self) {
        let Self {
            facts,
            encoded_spans,
            encoded_lines,
            ..
        } = delivered;
        facts.clear();
        self.facts = std::mem::take(facts);
        self.encoded_spans = std::mem::take(encoded_spans);
        self.encoded_lines = std::mem::take(encoded_lines);
    }
}

impl Pipeline {
    pub(crate) fn new(dropped: Dropped) -> Self {
        Self {
            waiting: Mutex::default(),
            woken: Condvar::new(),
            dropped,
        }
    }

    pub(crate) fn dropped(&self) -> &Dropped {
        &self.dropped
    }

    pub(crate) fn push_log(&self, record: LogRecord) {
        let pushed = self.push(|waiting| push(&mut waiting.logs, record));
        self.count(Signal::Logs, pushed);
    }

    pub(crate) fn push_span(&self, span: SpanData) {
        let pushed = self.push(|waiting| push(&mut waiting.spans, span));
        self.count(Signal::Spans, pushed);
    }

    /// A record that is dropped is counted as a span, and as a log record if it is one.
    pub(crate) fn push_facts(&self, record: FactRecord) {
        let is_span = record.span.context.is_sampled();
        let is_log = record.logged.is_some();
        if !is_span && !is_log {
            return;
        }
        let pushed = self.push(|waiting| push(&mut waiting.facts, record));
        if is_span {
            self.count(Signal::Spans, pushed);
        }
        if is_log {
            self.count(Signal::Logs, pushed);
        }
    }

    /// The same that is encoded already, under one lock.
    pub(crate) fn push_encoded(&self, head: &Head, record: Encoded<'_>) {
        let (mut span, mut line) = (Ok(0), Ok(0));
        let pushed = self.push(|waiting| {
            if let Some(bytes) = record.span {
                span = grow(&mut waiting.encoded_spans, head, bytes);
            }
            if let Some(bytes) = record.line {
                line = grow(&mut waiting.encoded_lines, head, bytes);
            }
            // The fuller of both decides whether there is a batch.
            Ok(span.unwrap_or_default().max(line.unwrap_or_default()))
        });
        if record.span.is_some() {
            self.count(Signal::Spans, pushed.and(span.map(drop)));
        }
        if record.line.is_some() {
            self.count(Signal::Logs, pushed.and(line.map(drop)));
        }
    }

    fn count(&self, signal: Signal, pushed: Result<(), DropReason>) {
        if let Err(reason) = pushed {
            self.dropped.count(signal, reason, 1);
        }
    }

    /// Waits until all that was emitted before is delivered or dropped, at most `patience`.
    /// Says whether that was enough.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let (done, is_done) = sync_channel(1);
        {
            let mut waiting = self.lock();
            if waiting.stopped {
                return true;
            }
            waiting.flushes.push(done);
        }
        self.woken.notify_one();
        is_done.recv_timeout(patience).is_ok()
    }

    /// The worker delivers what waits and ends; what comes later is dropped and counted.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.woken.notify_one();
    }

    /// Puts a record to those of its kind, and wakes the worker if it is the first of all or makes
    /// its kind a batch. `put` says how many of it there are now.
    fn push(
        &self,
        put: impl FnOnce(&mut Waiting) -> Result<usize, DropReason>,
    ) -> Result<(), DropReason> {
        let mut waiting = self.lock();
        if waiting.stopped {
            return Err(DropReason::Stopped);
        }
        let was_idle = waiting.is_idle();
        let count = put(&mut waiting)?;
        drop(waiting);
        if was_idle || count == BATCH {
            self.woken.notify_one();
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic of an emitter, hooked by us, may have poisoned it; the queues are whole anyway.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push<T>(queue: &mut Vec<T>, record: T) -> Result<usize, DropReason> {
    if queue.len() >= CAPACITY {
        return Err(DropReason::QueueFull);
    }
    queue.push(record);
    Ok(queue.len())
}

fn grow(queue: &mut Growing, head: &Head, record: &[u8]) -> Result<usize, DropReason> {
    if queue.count() >= CAPACITY {
        return Err(DropReason::QueueFull);
    }
    queue.push(head, record);
    Ok(queue.count())
}
