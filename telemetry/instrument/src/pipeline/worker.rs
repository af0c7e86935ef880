use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Pipeline, Waiting};
use crate::builder::StartError;
use crate::registry_snapshot::RegistrySnapshot;
use crate::sink::Sink;
use tokio::time::Instant;
use tracing::subscriber::NoSubscriber;

/// How long the first record of a batch waits for others.
const LINGER: Duration = Duration::from_millis(100);

/// How often the registry is read.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(10);

/// The thread that takes what waits in a [`Pipeline`] and gives it to the sink. It has no
/// subscriber of its own, so what exporters say in it goes nowhere.
#[derive(Debug)]
pub(crate) struct Worker {
    ended: Mutex<Receiver<()>>,
}

impl Worker {
    pub(crate) fn start(
        service: &str,
        pipeline: Arc<Pipeline>,
        sink: Sink,
        snapshot: RegistrySnapshot,
    ) -> Result<Self, StartError> {
        let (ending, ended) = sync_channel(1);
        let name = format!("telemetry-{service}");
        thread::Builder::new()
            .name(name.clone())
            .spawn(move || {
                tracing::subscriber::with_default(NoSubscriber::default(), || {
                    Run {
                        pipeline: &pipeline,
                        sink,
                        snapshot,
                    }
                    .until_stopped();
                });
                drop(ending);
            })
            .map_err(|source| StartError::Thread { name, source })?;
        Ok(Self {
            ended: Mutex::new(ended),
        })
    }

    /// Waits for the thread's end, at most `patience`.
    pub(crate) fn join(&self, patience: Duration) {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // An error is what we wait for: the sender is gone.
        ended.recv_timeout(patience).ok();
    }
}

struct Run<'a> {
    pipeline: &'a Pipeline,
    sink: Sink,
    snapshot: RegistrySnapshot,
}

impl Run<'_> {
    fn until_stopped(mut self) {
        let mut next_snapshot = Instant::now() + SNAPSHOT_EVERY;
        loop {
            let taken = self.next(next_snapshot);
            let is_last = taken.stopped;
            let due = Instant::now() >= next_snapshot;
            let dropped = self.pipeline.dropped();
            if !taken.spans.is_empty() {
                self.sink.spans(taken.spans, dropped);
            }
            if !taken.logs.is_empty() {
                self.sink.logs(taken.logs, dropped);
            }
            if due || is_last || !taken.flushes.is_empty() {
                next_snapshot = Instant::now() + SNAPSHOT_EVERY;
                self.sink.metrics(&self.snapshot, dropped);
            }
            for done in taken.flushes {
                // Whoever asked may have lost patience.
                done.try_send(()).ok();
            }
            if is_last {
                return self.sink.close();
            }
        }
    }

    /// Takes what waits, once there is a batch of it, its time has come, or the registry's.
    fn next(&self, snapshot_at: Instant) -> Waiting {
        let wait = |waiting, patience| {
            let (waiting, _) = self
                .pipeline
                .woken
                .wait_timeout(waiting, patience)
                .unwrap_or_else(PoisonError::into_inner);
            waiting
        };
        let mut waiting = self.pipeline.lock();
        while waiting.is_idle() {
            let patience = snapshot_at.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return Waiting::default();
            }
            waiting = wait(waiting, patience);
        }
        let until = Instant::now() + LINGER;
        while !waiting.is_urgent() {
            let patience = until.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                break;
            }
            waiting = wait(waiting, patience);
        }
        let stopped = waiting.stopped;
        let taken = std::mem::take(&mut *waiting);
        waiting.stopped = stopped;
        taken
    }
}
