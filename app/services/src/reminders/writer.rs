use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use watchfire_schemas::Clock;
use watchfire_telemetry::Telemetry;

use crate::reminders::admission::{PATIENCE, Shed};
use crate::reminders::change::Sending;
use crate::reminders::instruments::{Instruments, Queue, ShedReason, observe};
use crate::reminders::ledger::ChangeResult;
use crate::reminders::name::Name;
use crate::reminders::store::{Purged, Store};
use crate::reminders::versions::Versions;

/// How many changes go into one transaction. A batch of this size takes some ten milliseconds, so
/// that readers and the next batch do not wait for long.
const MAX_BATCH: usize = 1_000;
/// So many of a batch's requests can be found from its trace.
const MAX_LINKS: usize = 32;
/// How often what is old is forgotten.
const PURGE_EVERY: Duration = Duration::from_mins(10);
/// When it goes on with what it left because somebody wanted to write.
const PURGE_ON: Duration = Duration::from_secs(1);

/// The way to the one task that writes. Sendings that wait together are committed together, with
/// one fsync; each is answered only when it is on disk.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Queued>,
    labels: Queue,
    instruments: Instruments,
    telemetry: Telemetry,
    waiting: Gauge,
}

#[derive(Debug)]
struct Queued {
    sending: Sending,
    /// The trace of the request.
    context: HeaderMap,
    since: Instant,
    reply: oneshot::Sender<Result<Vec<ChangeResult>, SendError>>,
}

/// Why a sending was not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendError {
    Shed(Shed),
    /// The database failed, which was written down.
    Failed,
}

/// What the task that writes holds.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    queue: mpsc::Receiver<Queued>,
    store: Store,
    versions: Arc<Versions>,
    clock: Arc<dyn Clock>,
    labels: Queue,
    instruments: Instruments,
    telemetry: Telemetry,
    waiting: Gauge,
    wait: Histogram,
}

impl Writer {
    /// The way to a task, and the task. At most `most_waiting` sendings wait.
    pub(crate) fn new(
        store: Store,
        versions: Arc<Versions>,
        most_waiting: usize,
        labels: Queue,
        (instruments, clock, telemetry): (&Instruments, Arc<dyn Clock>, &Telemetry),
    ) -> (Self, GroupCommit) {
        let (sender, receiver) = mpsc::channel(most_waiting);
        let waiting = instruments.waiting(labels);
        let task = GroupCommit {
            queue: receiver,
            store,
            versions,
            clock,
            labels,
            instruments: instruments.clone(),
            telemetry: telemetry.clone(),
            waiting: waiting.clone(),
            wait: instruments.wait(labels),
        };
        let writer = Self {
            queue: sender,
            labels,
            instruments: instruments.clone(),
            telemetry: telemetry.clone(),
            waiting,
        };
        (writer, task)
    }

    /// Commits the changes of one device. Where an error is told, they may have been committed all
    /// the same; sent again they are answered as they would have been.
    pub(crate) async fn send(&self, sending: Sending) -> Result<Vec<ChangeResult>, SendError> {
        let (reply, answer) = oneshot::channel();
        let since = Instant::now();
        let mut context = HeaderMap::new();
        self.telemetry.propagate(&mut context);
        let queued = Queued {
            sending,
            context,
            since,
            reply,
        };
        // Counted first: the task may have taken it before this goes on.
        self.waiting.inc();
        if let Err(refused) = self.queue.try_send(queued) {
            self.waiting.dec();
            let reason = match refused {
                TrySendError::Full(_) => ShedReason::QueueFull,
                TrySendError::Closed(_) => ShedReason::Stopping,
            };
            self.instruments.shed(self.labels, reason);
            return Err(SendError::Shed(Shed(reason)));
        }
        answer.await.unwrap_or(Err(SendError::Failed))
    }

    /// How full the queue is, from 0 to 1.
    pub(crate) fn fullness(&self) -> f64 {
        1.0 - self.queue.capacity() as f64 / self.queue.max_capacity() as f64
    }
}

impl GroupCommit {
    /// Commits batch after batch until `stop`, then what is left.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut purges = tokio::time::interval(PURGE_EVERY);
        purges.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled(), if !self.queue.is_closed() => self.queue.close(),
                next = self.queue.recv() => match next {
                    Some(first) => self.batch(first).await,
                    None => break,
                },
                _ = purges.tick() => if self.purge().await {
                    purges.reset_after(PURGE_ON);
                },
            }
        }
    }

    async fn batch(&mut self, first: Queued) {
        let mut changes = first.sending.changes.len();
        let mut queued = vec![first];
        while changes < MAX_BATCH
            && let Ok(next) = self.queue.try_recv()
        {
            changes += next.sending.changes.len();
            queued.push(next);
        }
        self.waiting.dec_by(queued.len() as i64);
        let (mut sendings, mut replies, mut contexts) = (Vec::new(), Vec::new(), Vec::new());
        for Queued {
            sending,
            context,
            since,
            reply,
        } in queued
        {
            let waited = since.elapsed();
            observe(&self.wait, waited);
            if waited > PATIENCE {
                let reason = ShedReason::WaitedTooLong;
                self.instruments.shed(self.labels, reason);
                tell(reply, Err(SendError::Shed(Shed(reason))));
            } else if !reply.is_closed() {
                sendings.push(sending);
                contexts.push(context);
                replies.push(reply);
            }
        }
        if !sendings.is_empty() {
            self.instruments.batch(self.labels.pool, changes);
            let span = tracing::info_span!(
                "commit",
                "otel.name" = "commit batch",
                "reminders.pool" = self.labels.pool,
                "reminders.sendings" = sendings.len(),
                "reminders.changes" = changes,
                "otel.status_code" = tracing::field::Empty,
            );
            for context in contexts.iter().take(MAX_LINKS) {
                self.telemetry.link(context, &span);
            }
            self.commit(sendings, replies).instrument(span).await;
        }
    }

    async fn commit(&self, sendings: Vec<Sending>, replies: Vec<Reply>) {
        let persons: Vec<Name> = sendings.iter().map(|one| one.person.clone()).collect();
        match self.store.commit(sendings, self.clock.now()).await {
            Ok(committed) => {
                for (person, version) in committed.reached {
                    self.versions.publish(person, version);
                }
                for (reply, results) in replies.into_iter().zip(committed.results) {
                    for result in &results {
                        self.instruments.change(self.labels.pool, result.label);
                    }
                    tell(reply, Ok(results));
                }
            }
            Err(failure) => {
                tracing::Span::current().record("otel.status_code", "ERROR");
                let sendings = replies.len();
                failure.report(format_args!(
                    "a batch of {sendings} sendings is not written"
                ));
                for person in persons {
                    self.versions.doubt(person);
                }
                for reply in replies {
                    tell(reply, Err(SendError::Failed));
                }
            }
        }
    }

    /// Forgets what is old, part after part as long as nobody waits to write; whether there may be
    /// more. So what comes each hour is also forgotten each hour, however much it is.
    async fn purge(&self) -> bool {
        let span = tracing::info_span!(
            "purge",
            "otel.name" = "purge records",
            "reminders.pool" = self.labels.pool
        );
        async {
            let (mut gone, mut there_is_more) = (Purged::default(), true);
            while there_is_more {
                match self.store.purge(self.clock.now()).await {
                    Ok(part) => {
                        gone += part;
                        there_is_more = part.is_a_part();
                    }
                    Err(failure) => {
                        failure.report(format_args!("old records are not forgotten"));
                        there_is_more = false;
                    }
                }
                if !self.queue.is_empty() || self.queue.is_closed() {
                    break;
                }
            }
            if gone != Purged::default() {
                tracing::info!(
                    "reminders.deletions" = gone.deletions,
                    "reminders.results" = gone.results,
                    "reminders.superseded" = gone.superseded,
                    "forgot {} old deletions, {} results, {} superseded records",
                    gone.deletions,
                    gone.results,
                    gone.superseded
                );
            }
            there_is_more
        }
        .instrument(span)
        .await
    }
}

type Reply = oneshot::Sender<Result<Vec<ChangeResult>, SendError>>;

/// Who asked may have gone; what was committed stays committed.
fn tell(reply: Reply, answer: Result<Vec<ChangeResult>, SendError>) {
    drop(reply.send(answer));
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use watchfire_schemas::ManualClock;
    use watchfire_telemetry::LogOutput;

    use super::*;
    use crate::database::{Durability, scratch};
    use crate::fault::Faults;
    use crate::reminders::change::WrittenChange;
    use crate::reminders::pool::{Consumers, Pool};
    use crate::reminders::store::MIGRATIONS;
    use crate::reminders::tests::put;
    use crate::reminders::wrongs::Wrongs;

    fn sending(changes: usize) -> Sending {
        let change = |n: usize| {
            let written = put(&format!("c{n}"), 0, &format!("r{n}"), "x");
            let written: WrittenChange = serde_json::from_value(written).unwrap();
            written.parse("", &mut Wrongs::default())
        };
        Sending {
            person: "anna".to_owned().try_into().unwrap(),
            device: "phone".to_owned().try_into().unwrap(),
            changes: (0..changes).map(change).collect(),
        }
    }

    #[tokio::test]
    async fn all_that_is_old_is_forgotten_at_once_if_nobody_waits() {
        let folder = TempDir::new().unwrap();
        let faults = Arc::new(Faults::none(1));
        let path = folder.path();
        let opened = scratch::open(path, "base", &MIGRATIONS, Durability::Process, faults);
        let store = Store::new(opened.await.unwrap());
        let clock = Arc::new(ManualClock::at("2026-11-22T05:57:27Z".parse().unwrap()));
        let telemetry = Telemetry::service("reminders");
        let telemetry = telemetry.log_output(LogOutput::Nowhere).start().unwrap();
        let instruments = Instruments::register(&telemetry);
        let with = (&instruments, &telemetry);
        let opened = Pool::open(Consumers::Base, store.clone(), clock.clone(), with);
        let (_pool, task) = opened.await.unwrap();
        let now = clock.now();
        store.commit(vec![sending(2_500)], now).await.unwrap();
        clock.advance(Duration::from_hours(8 * 24));
        assert!(!task.purge().await, "there is more");
        let left = store.purge(clock.now()).await.unwrap();
        assert_eq!(left, Purged::default());
    }
}
