//! From a decoded request to an acknowledgement: one thread writes groups of batches and syncs
//! them once, a second one applies them in order and wakes who waits.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use watchfire_schemas::{BatchSeq, Timestamp};

use crate::Refusal;
use crate::apply::{Applied, Applier};
use crate::content::Content;
use crate::meters::Meters;
use crate::wal::{AppendError, Packed, WalWriter};

/// One request's batches, all acknowledged together.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) received_at: Timestamp,
    pub(crate) batches: Vec<(Packed, Content)>,
    done: oneshot::Sender<Result<(), Refusal>>,
}

/// Batches on disk that wait to be applied; who asked is told after that.
type Durable = (
    Vec<(BatchSeq, Packed, Content)>,
    Timestamp,
    oneshot::Sender<Result<(), Refusal>>,
);

/// How many requests may wait for the writer.
const QUEUE: usize = 256;
/// How many groups may wait to be applied.
const APPLY_QUEUE: usize = 4;
/// One sync serves at most this many requests.
const GROUP: usize = 128;

/// The way into the log.
#[derive(Debug)]
pub(crate) struct Pipeline {
    /// None once closed.
    queue: Mutex<Option<mpsc::Sender<Submission>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    state: Arc<State>,
}

/// What the threads tell the outside.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The last batch that was applied.
    last: AtomicU64,
    /// Why the log could not be written the last time, if so.
    fault: Mutex<Option<Refusal>>,
    /// Whether nothing can be applied any more.
    broken: AtomicBool,
}

impl State {
    pub(crate) fn last(&self) -> BatchSeq {
        BatchSeq(self.last.load(Ordering::Relaxed))
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    pub(crate) fn fault(&self) -> Option<Refusal> {
        self.fault
            .lock()
            .expect("no holder of this lock panics")
            .clone()
    }

    pub(crate) fn set_fault(&self, fault: Option<Refusal>) {
        *self.fault.lock().expect("no holder of this lock panics") = fault;
    }
}

impl Pipeline {
    /// Starts both threads. `last` is the last batch that was replayed.
    pub(crate) fn start(
        writer: WalWriter,
        applier: Applier,
        last: BatchSeq,
        meters: Arc<Meters>,
    ) -> io::Result<Self> {
        let state = Arc::new(State::default());
        state.last.store(last.0, Ordering::Relaxed);
        let (queue, submissions) = mpsc::channel(QUEUE);
        let (durable, to_apply) = std::sync::mpsc::sync_channel(APPLY_QUEUE);
        let writing = Arc::clone(&state);
        let applying = Arc::clone(&state);
        let threads = vec![
            thread::Builder::new()
                .name("wal-writer".to_owned())
                .spawn(move || write(writer, submissions, &durable, &writing, &meters))?,
            thread::Builder::new()
                .name("wal-apply".to_owned())
                .spawn(move || apply(applier, &to_apply, &applying))?,
        ];
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            threads: Mutex::new(threads),
            state,
        })
    }

    pub(crate) fn state(&self) -> &Arc<State> {
        &self.state
    }

    pub(crate) fn is_open(&self) -> bool {
        let queue = self.queue.lock().expect("no holder of this lock panics");
        queue.as_ref().is_some_and(|queue| !queue.is_closed())
    }

    /// Returns when the batches are on disk and applied, or refused.
    pub(crate) async fn submit(
        &self,
        received_at: Timestamp,
        batches: Vec<(Packed, Content)>,
    ) -> Result<(), Refusal> {
        if batches.is_empty() {
            return Ok(());
        }
        let queue = {
            let queue = self.queue.lock().expect("no holder of this lock panics");
            queue.clone().ok_or(Refusal::Stopping)?
        };
        let (done, outcome) = oneshot::channel();
        let submission = Submission {
            received_at,
            batches,
            done,
        };
        queue
            .send(submission)
            .await
            .map_err(|_| Refusal::Stopping)?;
        drop(queue);
        outcome.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Takes no more, finishes what is under way and ends the threads. Blocks.
    pub(crate) fn close(&self) {
        drop(
            self.queue
                .lock()
                .expect("no holder of this lock panics")
                .take(),
        );
        let threads =
            std::mem::take(&mut *self.threads.lock().expect("no holder of this lock panics"));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the write-ahead log panicked");
            }
        }
    }
}

fn write(
    mut writer: WalWriter,
    mut submissions: mpsc::Receiver<Submission>,
    durable: &std::sync::mpsc::SyncSender<Vec<Durable>>,
    state: &State,
    meters: &Meters,
) {
    while let Some(first) = submissions.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = submissions.try_recv()
        {
            group.push(next);
        }
        let written = commit(&mut writer, group, state, meters);
        if durable.send(written).is_err() {
            tracing::error!("the write-ahead log stops: batches are no longer applied");
            return;
        }
    }
}

/// Writes a group with one sync. Who is refused is told here, the others once they are applied.
fn commit(
    writer: &mut WalWriter,
    group: Vec<Submission>,
    state: &State,
    meters: &Meters,
) -> Vec<Durable> {
    let started = Instant::now();
    let all: Vec<&Packed> = group
        .iter()
        .flat_map(|one| &one.batches)
        .map(|(packed, _)| packed)
        .collect();
    let appended = writer.append(&all);
    meters.commits.observe(started.elapsed().as_secs_f64());
    writer.take_back(&split_off(&group, appended.durable.len()));
    let refusal = appended.error.map(|error| refuse(&error));
    if refusal != state.fault() {
        state.set_fault(refusal.clone());
    }
    let mut numbers = appended.durable.into_iter();
    let mut written = Vec::with_capacity(group.len());
    for one in group {
        let count = one.batches.len();
        let numbered = numbers.by_ref().take(count).zip(one.batches);
        let batches: Vec<_> = numbered
            .map(|(number, (packed, content))| (number, packed, content))
            .collect();
        match &refusal {
            // What of it did reach the disk was taken back: the sender will send it again.
            Some(refusal) if batches.len() < count => drop(one.done.send(Err(refusal.clone()))),
            _ => written.push((batches, one.received_at, one.done)),
        }
    }
    written
}

/// The batches on disk of the request of which only a part is: the last of those on disk.
fn split_off(group: &[Submission], durable: usize) -> Vec<&Packed> {
    let mut left = durable;
    for one in group {
        if left < one.batches.len() {
            let part = one.batches[..left].iter();
            return part.map(|(packed, _)| packed).collect();
        }
        left -= one.batches.len();
    }
    Vec::new()
}

fn refuse(error: &AppendError) -> Refusal {
    let retry_after = Refusal::DISK_RETRY;
    match error {
        AppendError::Full => {
            tracing::error!("no room for another segment of the write-ahead log, refusing batches");
            Refusal::DiskFull { retry_after }
        }
        AppendError::Io(source) => {
            tracing::error!(error = %source, "the write-ahead log cannot be written, refusing batches");
            Refusal::Unwritable { retry_after }
        }
    }
}

fn apply(mut applier: Applier, durable: &std::sync::mpsc::Receiver<Vec<Durable>>, state: &State) {
    while let Ok(group) = durable.recv() {
        for (batches, received_at, done) in group {
            let mut outcome = Ok(());
            for (batch, packed, content) in batches {
                if state.is_broken() {
                    outcome = Err(Refusal::Broken);
                    break;
                }
                match applier.apply(batch, received_at, (&packed, content)) {
                    Applied::Whole => {}
                    Applied::SetAside => outcome = Err(Refusal::Fault),
                    Applied::Broken => {
                        tracing::error!(
                            "the stores are not whole after a fault; nothing is taken until the next start"
                        );
                        state.broken.store(true, Ordering::Relaxed);
                        outcome = Err(Refusal::Broken);
                        break;
                    }
                }
                state.last.store(batch.0, Ordering::Relaxed);
            }
            // Nobody waits any more if the client hung up; the batch is kept all the same.
            drop(done.send(outcome));
        }
    }
}
