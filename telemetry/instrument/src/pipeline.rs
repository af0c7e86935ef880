mod worker;

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;
use watchfire_schemas::LogRecord;

use crate::dropped::{DropReason, Dropped, Signal};

pub(crate) use worker::Worker;

/// How many records of one signal wait at most. Beyond it they are dropped and counted.
const CAPACITY: usize = 16_384;

/// So many waiting records of one signal are a batch that does not wait for its timer.
const BATCH: usize = 512;

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
struct Waiting {
    logs: Vec<LogRecord>,
    spans: Vec<SpanData>,
    /// Told when all that waited at the time of asking is gone.
    flushes: Vec<SyncSender<()>>,
    stopped: bool,
}

impl Waiting {
    fn is_idle(&self) -> bool {
        self.logs.is_empty() && self.spans.is_empty() && self.flushes.is_empty() && !self.stopped
    }

    fn is_urgent(&self) -> bool {
        self.logs.len() >= BATCH
            || self.spans.len() >= BATCH
            || !self.flushes.is_empty()
            || self.stopped
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
        self.push(Signal::Logs, record, |waiting| &mut waiting.logs);
    }

    pub(crate) fn push_span(&self, span: SpanData) {
        self.push(Signal::Spans, span, |waiting| &mut waiting.spans);
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

    fn push<T>(&self, signal: Signal, record: T, queue: impl FnOnce(&mut Waiting) -> &mut Vec<T>) {
        let mut waiting = self.lock();
        if waiting.stopped {
            drop(waiting);
            return self.dropped.count(signal, DropReason::Stopped, 1);
        }
        let was_idle = waiting.is_idle();
        let queue = queue(&mut waiting);
        if queue.len() >= CAPACITY {
            drop(waiting);
            return self.dropped.count(signal, DropReason::QueueFull, 1);
        }
        queue.push(record);
        let is_batch = queue.len() == BATCH;
        drop(waiting);
        if was_idle || is_batch {
            self.woken.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic of an emitter, hooked by us, may have poisoned it; the queues are whole anyway.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
