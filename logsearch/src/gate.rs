//! How many queries are under way at once, and what happens when more come.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::query_types::QueryError;
use crate::turns::{Account, Turns};
use crate::watch::Watch;

/// So many queries hold what they need to compute; more wait. What one holds is bounded, so this
/// bounds what all hold.
const UNDER_WAY: usize = 32;
/// So many wait; more are refused.
const WAITING: usize = 512;
/// A query that has had so much is told to stop with what it has when others cannot begin.
const ENOUGH: Duration = Duration::from_millis(250);
/// When one that was refused may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Lets queries in.
#[derive(Debug)]
pub(crate) struct Gate {
    turns: Arc<Turns>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    under_way: Mutex<Vec<Weak<Admitted>>>,
}

/// A query that was let in; its place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    account: Arc<Account>,
    stop: Arc<AtomicBool>,
    turns: Arc<Turns>,
    _place: OwnedSemaphorePermit,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            turns: Turns::new(),
            places: Arc::new(Semaphore::new(UNDER_WAY)),
            waiting: AtomicUsize::new(0),
            under_way: Mutex::default(),
        }
    }

    /// Waits for a place. Where all are taken, the query that has had most is told to stop, so
    /// that a few expensive ones cannot shut out all others.
    pub(crate) async fn admit(
        &self,
        watch: &Watch,
        allowed: Duration,
    ) -> Result<Arc<Admitted>, QueryError> {
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.wait(allowed).await?,
        };
        let admitted = Arc::new(Admitted {
            account: Arc::default(),
            stop: watch.canceller(),
            turns: Arc::clone(&self.turns),
            _place: place,
        });
        let mut under_way = self
            .under_way
            .lock()
            .expect("no holder of this lock panics");
        under_way.retain(|query| query.strong_count() > 0);
        under_way.push(Arc::downgrade(&admitted));
        Ok(admitted)
    }

    async fn wait(&self, allowed: Duration) -> Result<OwnedSemaphorePermit, QueryError> {
        let busy = |reason: String| QueryError::Busy {
            reason,
            retry_after: RETRY_AFTER,
        };
        let waiting = Waiting::new(&self.waiting);
        if waiting.before >= WAITING {
            let reason = format!("{UNDER_WAY} queries are under way and {WAITING} wait");
            return Err(busy(reason));
        }
        self.stop_the_costliest();
        let place = timeout(allowed, Arc::clone(&self.places).acquire_owned()).await;
        match place {
            Ok(place) => Ok(place.expect("the semaphore is never closed")),
            Err(_) => Err(busy(format!(
                "{UNDER_WAY} other queries were under way all the time that this one had"
            ))),
        }
    }

    fn stop_the_costliest(&self) {
        let under_way = self
            .under_way
            .lock()
            .expect("no holder of this lock panics");
        let running = under_way.iter().filter_map(Weak::upgrade);
        let costliest = running
            .filter(|query| !query.stop.load(Ordering::Relaxed))
            .max_by_key(|query| query.account.had());
        if let Some(query) = costliest.filter(|query| query.account.had() >= ENOUGH) {
            query.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Counts one that waits, until it is dropped.
struct Waiting<'a> {
    all: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn new(all: &'a AtomicUsize) -> Self {
        Self {
            all,
            before: all.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admitted {
    /// Waits for this thread's turn; the watch to look at from now on. Where the time is up before
    /// its turn comes, that watch is over.
    pub(crate) fn begin(&self, watch: &Watch) -> Watch {
        let gives_up = || watch.is_past(tokio::time::Instant::now());
        match self.turns.take(&self.account, &gives_up) {
            Some(turn) => watch.seated(turn),
            None => watch.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_refused_with_the_reason() {
        let gate = Gate::new();
        let (watch, _cancel) = Watch::start(Duration::from_secs(9));
        let mut admitted = Vec::new();
        for _ in 0..UNDER_WAY {
            admitted.push(gate.admit(&watch, Duration::ZERO).await.unwrap());
        }
        let error = gate.admit(&watch, Duration::ZERO).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("32 other queries were under way"),
            "{error}"
        );
        let waiting: Vec<_> = (0..WAITING).map(|_| Waiting::new(&gate.waiting)).collect();
        let error = gate
            .admit(&watch, Duration::from_secs(9))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("512 wait"), "{error}");
        drop(waiting);
        admitted.pop();
        assert!(gate.admit(&watch, Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn the_costliest_is_stopped_when_others_cannot_begin() {
        let gate = Gate::new();
        let mut queries = Vec::new();
        for had in 0..UNDER_WAY as u32 {
            let (watch, cancel) = Watch::start(Duration::from_secs(9));
            let admitted = gate.admit(&watch, Duration::ZERO).await.unwrap();
            admitted.account.add(had * Duration::from_millis(20));
            queries.push((watch, cancel, admitted));
        }
        let (watch, _cancel) = Watch::start(Duration::from_secs(9));
        assert!(gate.admit(&watch, Duration::ZERO).await.is_err());
        let stopped: Vec<usize> = (0..UNDER_WAY)
            .filter(|index| queries[*index].0.is_over())
            .collect();
        assert_eq!(stopped, [UNDER_WAY - 1]);
    }
}
