mod worker;

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;
use watchfire_schemas::LogRecord;

use crate::dropped::{DropReason, Dropped, Signal};
use crate::http_span::HttpRecord;

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
struct Waiting {
    logs: Vec<LogRecord>,
    spans: Vec<SpanData>,
    /// Spans of HTTP, and with some the line of a request.
    http: Vec<HttpRecord>,
    /// Told when all that waited at the time of asking is gone.
    flushes: Vec<SyncSender<()>>,
    stopped: bool,
}

impl Waiting {
    fn is_idle(&self) -> bool {
        self.logs.is_empty()
            && self.spans.is_empty()
            && self.http.is_empty()
            && self.flushes.is_empty()
            && !self.stopped
    }

    fn is_urgent(&self) -> bool {
        self.logs.len() >= BATCH
            || self.spans.len() >= BATCH
            || self.http.len() >= BATCH
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
        if let Some(reason) = self.push(record, |waiting| &mut waiting.logs) {
            self.dropped.count(Signal::Logs, reason, 1);
        }
    }

    pub(crate) fn push_span(&self, span: SpanData) {
        if let Some(reason) = self.push(span, |waiting| &mut waiting.spans) {
            self.dropped.count(Signal::Spans, reason, 1);
        }
    }

    /// A record that is dropped is counted as a span, and as a log record if it is one.
    pub(crate) fn push_http(&self, record: HttpRecord) {
        let is_span = record.span.context.is_sampled();
        let is_log = record.logged.is_some();
        if !is_span && !is_log {
            return;
        }
        if let Some(reason) = self.push(record, |waiting| &mut waiting.http) {
            self.dropped
                .count(Signal::Spans, reason, usize::from(is_span));
            self.dropped
                .count(Signal::Logs, reason, usize::from(is_log));
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

    /// Says why it was dropped, if it was.
    fn push<T>(
        &self,
        record: T,
        queue: impl FnOnce(&mut Waiting) -> &mut Vec<T>,
    ) -> Option<DropReason> {
        let mut waiting = self.lock();
        if waiting.stopped {
            return Some(DropReason::Stopped);
        }
        let was_idle = waiting.is_idle();
        let queue = queue(&mut waiting);
        if queue.len() >= CAPACITY {
            return Some(DropReason::QueueFull);
        }
        queue.push(record);
        let is_batch = queue.len() == BATCH;
        drop(waiting);
        if was_idle || is_batch {
            self.woken.notify_one();
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic of an emitter, hooked by us, may have poisoned it; the queues are whole anyway.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
