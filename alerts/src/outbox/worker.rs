use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use super::lane::Lane;
use super::queue;
use super::row::QueuedRow;

/// Messages of different incidents that are under way to one destination at once.
const MAX_FLIGHTS: usize = 4;
/// How many are looked at: more than can be under way, so that there is always one to launch.
const LOOK_AHEAD: i64 = 16;
/// A longer sleep would miss a jump of the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(15);

/// Sends what waits for one destination: in order for each dedup key, several keys at a time.
#[derive(Debug)]
pub(super) struct Worker {
    lane: Arc<Lane>,
    flights: JoinSet<()>,
    /// The rows that are under way, by flight. They still wait as far as the database knows.
    under_way: HashMap<task::Id, i64>,
    /// Those for which the fallback was asked while the breaker was open.
    failed_over: HashSet<i64>,
}

impl Worker {
    pub(super) fn new(lane: Arc<Lane>) -> Self {
        Self {
            lane,
            flights: JoinSet::new(),
            under_way: HashMap::new(),
            failed_over: HashSet::new(),
        }
    }

    /// Runs until cancelled; then waits for what is under way.
    pub(super) async fn run(mut self, cancel: CancellationToken) {
        self.restore_pause().await;
        while !cancel.is_cancelled() {
            let sleep = match self.launch_due().await {
                Ok(sleep) => sleep.min(LONGEST_SLEEP),
                Err(error) => {
                    tracing::error!(
                        destination = self.lane.name(),
                        error = %error,
                        "the outbox of {} could not be read",
                        self.lane.name(),
                    );
                    Duration::from_secs(1)
                }
            };
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.lane.wake.notified() => {}
                Some(landed) = self.flights.join_next_with_id() => self.land(landed),
                () = tokio::time::sleep(sleep) => {}
            }
        }
        while let Some(landed) = self.flights.join_next_with_id().await {
            self.land(landed);
        }
    }

    async fn restore_pause(&self) {
        let asked = queue::asked_until(&self.lane.pool, self.lane.name()).await;
        if let Ok(Some(until)) = asked {
            let wait = until.since(self.lane.clock.now());
            self.lane.gate().pause(Instant::now(), wait);
        }
    }

    /// Launches what may be sent now. Gives how long until there may be more.
    async fn launch_due(&mut self) -> Result<Duration, sqlx::Error> {
        let heads = queue::heads(&self.lane.pool, self.lane.name(), LOOK_AHEAD).await?;
        self.measure().await?;
        let now = self.lane.clock.now();
        self.fail_over(&heads, now).await;
        for row in heads {
            if self.under_way.values().any(|id| *id == row.id) {
                continue;
            }
            if row.deadline <= now {
                self.lane.expire(&row).await;
                return Ok(Duration::ZERO);
            }
            if row.not_before > now {
                return Ok(row.not_before.since(now));
            }
            if let Some(wait) = self.obstacle() {
                return Ok(wait);
            }
            self.launch(row);
        }
        Ok(LONGEST_SLEEP)
    }

    /// A page does not wait for a breaker: while it is open, the fallback is told.
    async fn fail_over(&mut self, heads: &[QueuedRow], now: Timestamp) {
        if self.lane.fallback.is_none() || self.lane.gate().breaker_code() == 0 {
            self.failed_over.clear();
            return;
        }
        for row in heads.iter().filter(|row| row.due_at <= now) {
            if self.failed_over.insert(row.id) {
                self.lane.fail_over(row).await;
            }
        }
    }

    /// What keeps a row that is due from being sent, and for how long at least. If nothing does, a
    /// token has been taken.
    fn obstacle(&self) -> Option<Duration> {
        let now = Instant::now();
        if self.flights.len() >= MAX_FLIGHTS {
            // A landing wakes us before that.
            return Some(LONGEST_SLEEP);
        }
        let closed = self.lane.gate().wait(now);
        closed.or_else(|| self.lane.take_token(now).err())
    }

    fn launch(&mut self, row: QueuedRow) {
        self.lane.gate().enter();
        let (id, lane) = (row.id, Arc::clone(&self.lane));
        let flight = self.flights.spawn(async move { lane.deliver(&row).await });
        self.under_way.insert(flight.id(), id);
    }

    /// A flight that broke down is attempted again like one that failed.
    fn land(&mut self, landed: Result<(task::Id, ()), JoinError>) {
        let flight = landed.map_or_else(
            |error| {
                self.lane.gate().leave(Instant::now());
                tracing::error!(
                    destination = self.lane.name(),
                    error = %error,
                    "a delivery to {} broke down",
                    self.lane.name(),
                );
                error.id()
            },
            |(flight, ())| flight,
        );
        self.under_way.remove(&flight);
    }

    async fn measure(&self) -> Result<(), sqlx::Error> {
        let lane = &self.lane;
        let standing = queue::standing(&lane.pool, lane.name()).await?;
        let now = lane.clock.now();
        let age = standing
            .oldest_due
            .map_or(0.0, |due| now.seconds_since(due).max(0.0));
        lane.meters.standing(standing.depth, age);
        let code = lane.gate().breaker_code();
        lane.meters.breaker(code);
        Ok(())
    }
}
