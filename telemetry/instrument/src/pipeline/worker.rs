use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;
use tracing::subscriber::NoSubscriber;

use super::{Pipeline, Waiting};
use crate::builder::StartError;
use crate::distortion::{Distortion, distort_logs, distort_spans};
use crate::registry_snapshot::RegistrySnapshot;
use crate::sink::{Destination, Sink};

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
    /// Returns once the destination is open, or with the reason why it cannot be.
    pub(crate) fn start(
        pipeline: Arc<Pipeline>,
        destination: Destination,
        snapshot: RegistrySnapshot,
        distortion: Option<Arc<dyn Distortion>>,
    ) -> Result<Self, StartError> {
        let (ending, ended) = sync_channel(1);
        let (opening, opened) = sync_channel(1);
        let name = format!("telemetry-{}", snapshot.resource.service);
        let work = move || {
            let sink = match destination.open(snapshot.resource.clone(), snapshot.clock.now()) {
                Ok(sink) => sink,
                Err(error) => return drop(opening.try_send(Err(error))),
            };
            opening.try_send(Ok(())).ok();
            Run {
                pipeline: &pipeline,
                sink,
                snapshot,
                distortion,
                emptied: Waiting::default(),
            }
            .until_stopped();
            drop(ending);
        };
        thread::Builder::new()
            .name(name.clone())
            .spawn(|| tracing::subscriber::with_default(NoSubscriber::default(), work))
            .map_err(|source| StartError::Thread {
                name: name.clone(),
                source,
            })?;
        opened.recv().unwrap_or_else(|_| {
            let source = std::io::Error::other("it ended before it began");
            Err(StartError::Thread { name, source })
        })?;
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
    distortion: Option<Arc<dyn Distortion>>,
    /// Room for what comes while the next batch is exported.
    emptied: Waiting,
}

impl Run<'_> {
    fn until_stopped(mut self) {
        let mut next_snapshot = Instant::now() + SNAPSHOT_EVERY;
        loop {
            let mut taken = self.next(next_snapshot);
            if let Some(distortion) = self.distortion.as_ref().filter(|faulty| faulty.is_on()) {
                distort_spans(&**distortion, &mut taken.spans);
                distort_logs(&**distortion, &mut taken.logs);
            }
            let dropped = self.pipeline.dropped();
            self.sink.spans(&mut taken, dropped);
            self.sink.logs(&mut taken, dropped);
            self.emptied.take_room(&mut taken);
            let is_due = Instant::now() >= next_snapshot;
            if is_due || taken.stopped || !taken.flushes.is_empty() {
                next_snapshot = Instant::now() + SNAPSHOT_EVERY;
                self.sink.metrics(&mut self.snapshot, dropped);
            }
            for done in taken.flushes {
                // Whoever asked may have lost patience.
                done.try_send(()).ok();
            }
            if taken.stopped {
                return;
            }
        }
    }

    /// Takes what waits, once there is a batch of it, its time has come, or the registry's.
    fn next(&mut self, snapshot_at: Instant) -> Waiting {
        let wait = |waiting, patience| {
            let woken = self.pipeline.woken.wait_timeout(waiting, patience);
            woken.unwrap_or_else(PoisonError::into_inner).0
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
        let mut room = std::mem::take(&mut self.emptied);
        room.stopped = stopped;
        std::mem::replace(&mut *waiting, room)
    }
}
