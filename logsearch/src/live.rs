//! Records as they arrive.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use watchfire_schemas::{BatchSeq, RecordId, TimeRange};

use crate::engine::Snapshot;
use crate::fields::{Dataset, find};
use crate::filter::{Filter, matches};
use crate::logs::Logs;
use crate::queries::{meant, parsed};
use crate::query_types::{FoundLog, QueryError, TailEvent};
use crate::store::EventStore;
use crate::watch::Watch;

/// Tails at a time; each costs a look at every record that arrives.
const MOST_TAILS: usize = 32;
/// Records a second, unless the tail asks for fewer.
const MOST_RECORDS: usize = 1_000;
/// An event waits so long after the one before: a person sees no difference, and records that
/// arrive one by one need no event each.
const PAUSE: Duration = Duration::from_millis(200);
/// An event is about complete when its lines have so many bytes: whoever sends it holds them.
const MOST_BYTES: usize = 2 << 20;
/// A look is followed by a rest so many times as long, so that a query that is hard to match cannot
/// use more than a fifth of a core.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_secs(2);
/// How long it may take to count what was skipped; what is not counted then is not told.
const COUNTING: Duration = Duration::from_secs(2);
/// How long it may take to understand the query.
const PATIENCE: Duration = Duration::from_secs(10);

/// What tails wait for.
#[derive(Debug)]
pub(crate) struct Live {
    appended: watch::Sender<Appended>,
    seats: Arc<Semaphore>,
}

#[derive(Debug, Clone, Copy)]
struct Appended {
    /// Every batch up to this one is in the store.
    last: BatchSeq,
    has_ended: bool,
}

impl Live {
    /// Of a store that holds every batch up to `last`.
    pub(crate) fn new(last: BatchSeq) -> Self {
        let appended = Appended {
            last,
            has_ended: false,
        };
        Self {
            appended: watch::Sender::new(appended),
            seats: Arc::new(Semaphore::new(MOST_TAILS)),
        }
    }

    /// Tells that a batch can be found.
    pub(crate) fn tell(&self, batch: BatchSeq) {
        self.appended
            .send_modify(|appended| appended.last = appended.last.max(batch));
    }
}

/// Records of a query as they arrive. It holds none of them: what is not asked for in time is
/// counted and skipped.
#[derive(Debug)]
pub struct LogTail {
    store: Weak<EventStore>,
    appended: watch::Receiver<Appended>,
    filter: Arc<Filter>,
    hints: Vec<String>,
    /// Every batch up to this one was looked at.
    seen: BatchSeq,
    /// Records that may be given a second.
    rate: usize,
    /// When records were given last.
    given_at: Instant,
    /// When the next look may begin.
    rested_at: Instant,
    _seat: OwnedSemaphorePermit,
}

impl LogTail {
    /// The same with at most so many records a second.
    #[must_use]
    pub fn at_most(mut self, records_per_second: usize) -> Self {
        self.rate = records_per_second.clamp(1, MOST_RECORDS);
        self
    }

    /// "did you mean", where a field is unknown or a value can mean nothing.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Waits for matching records; `None` when the store stops. Cancelling loses nothing: what was
    /// not given is given, or counted, by the next call.
    pub async fn next(&mut self) -> Option<TailEvent> {
        loop {
            let seen = self.seen;
            let news = self
                .appended
                .wait_for(|now| now.has_ended || now.last > seen);
            if news.await.ok()?.has_ended {
                return None;
            }
            sleep_until(self.rested_at.max(self.given_at + PAUSE)).await;
            let last = self.appended.borrow().last;
            let (event, took) = self.look(last).await;
            self.seen = last;
            self.rested_at = Instant::now() + (REST * took).min(LONGEST_REST);
            let Some(event) = event else {
                continue;
            };
            self.given_at = Instant::now();
            return Some(event);
        }
    }

    /// What arrived up to a batch, if anything matches, and how long the look took.
    async fn look(&self, last: BatchSeq) -> (Option<TailEvent>, Duration) {
        let Some(store) = self.store.upgrade() else {
            return (None, Duration::ZERO);
        };
        let allowance = self.given_at.elapsed().min(Duration::from_secs(1));
        let limit = (allowance.as_secs_f64() * self.rate as f64).ceil().max(1.0) as usize;
        let (filter, seen) = (Arc::clone(&self.filter), self.seen);
        let looked = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let event = arrived(&store.logs.snapshot(), &filter, seen, last, limit);
            (event, began.elapsed())
        });
        match looked.await {
            Ok((Ok(event), took)) => (event, took),
            Ok((Err(error), took)) => {
                tracing::error!(%error, "a live tail could not read what was sealed meanwhile");
                (None, took)
            }
            Err(error) => {
                tracing::error!(%error, "a look at what arrived has failed");
                (None, Duration::ZERO)
            }
        }
    }
}

impl EventStore {
    /// Follows a query from now on. A pipe in it is ignored.
    pub async fn log_tail(self: &Arc<Self>, query: String) -> Result<LogTail, QueryError> {
        let seats = Arc::clone(&self.live.seats);
        let seat = seats.try_acquire_owned().map_err(|_| QueryError::Busy {
            reason: format!("there are {MOST_TAILS} live tails already"),
            retry_after: Duration::from_secs(10),
        })?;
        let appended = self.live.appended.subscribe();
        let seen = appended.borrow().last;
        let (filter, hints) = self
            .ask("log_tail", PATIENCE, move |store, _| {
                let query = parsed(&query)?;
                meant(&query.filter, store.logs.as_ref())
            })
            .await?;
        Ok(LogTail {
            store: Arc::downgrade(self),
            appended,
            filter: Arc::new(filter),
            hints,
            seen,
            rate: MOST_RECORDS,
            given_at: Instant::now(),
            rested_at: Instant::now(),
            _seat: seat,
        })
    }

    /// Ends all live tails, also those to come: the server stops.
    pub fn end_tails(&self) {
        self.live
            .appended
            .send_modify(|appended| appended.has_ended = true);
    }
}

/// The newest records of the batches after `seen` up to `last`, in the order of their arrival, and
/// how many more there are.
fn arrived(
    snapshot: &Snapshot<Logs>,
    filter: &Filter,
    seen: BatchSeq,
    last: BatchSeq,
    limit: usize,
) -> io::Result<Option<TailEvent>> {
    let matcher = matches(filter);
    let mut newest = VecDeque::with_capacity(limit + 1);
    let mut skipped = sealed(snapshot, filter, seen, last)?;
    let is_new = |batch: BatchSeq| seen < batch && batch <= last;
    let batches = snapshot.tail.iter().filter(|batch| is_new(batch.batch));
    for row in batches.flat_map(|batch| batch.rows.iter()) {
        if !matcher.accepts::<Logs>(row) {
            continue;
        }
        newest.push_back(row);
        if newest.len() > limit {
            newest.pop_front();
            skipped += 1;
        }
    }
    let mut bytes = 0;
    let mut records = Vec::with_capacity(newest.len());
    for row in newest.into_iter().rev() {
        if bytes > MOST_BYTES {
            skipped += 1;
            continue;
        }
        let record = Logs::read(row).map_err(io::Error::other)?;
        bytes += record.to_line().len();
        records.push(FoundLog {
            id: row.id(),
            record,
        });
    }
    records.reverse();
    let is_empty = records.is_empty() && skipped == 0;
    Ok((!is_empty).then_some(TailEvent { records, skipped }))
}

/// How many matching records of these batches are in splits already: the tail was too slow for them.
fn sealed(
    snapshot: &Snapshot<Logs>,
    filter: &Filter,
    seen: BatchSeq,
    last: BatchSeq,
) -> io::Result<u64> {
    let id = |batch, index| RecordId::new(batch, index).as_u64() as i64;
    let of_batches = Filter::Number {
        field: find(Logs::fields(), "id").expect("the table of logs has the field"),
        low: id(BatchSeq(seen.0 + 1), 0),
        high: id(last, RecordId::MAX_BATCH - 1),
    };
    let both = Filter::And(vec![filter.clone(), of_batches]);
    let (watch, _cancel) = Watch::start(COUNTING);
    let mut count = 0;
    for split in snapshot.splits.iter() {
        let is_new = split.meta.last_batch > seen && split.meta.first_batch <= last;
        if is_new && split.could_match(&both)? {
            let documents = split.documents(TimeRange::ALL, None)?;
            count += split.select(&both, documents)?.count(&watch)?.0;
        }
    }
    Ok(count)
}
