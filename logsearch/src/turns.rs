//! Who may compute now. Queries share the cores in slices, and who has had least goes first: a
//! cheap question overtakes an expensive one that came before it.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// A query that has computed for less than this counts as short; short ones have seats of their
/// own, so that they start even while every core works for a long one.
const SHORT: Duration = Duration::from_millis(20);
/// How long a query computes before it lets one go first that has had less.
const SLICE: Duration = Duration::from_millis(10);
/// How long a query waits for its turn before it looks whether anybody still wants its answer.
const PATIENCE: Duration = Duration::from_millis(50);

/// The seats at which queries compute.
#[derive(Debug)]
pub(crate) struct Turns {
    /// For each of the two lanes.
    seats: usize,
    /// Held for moments only.
    lanes: Mutex<[LaneState; 2]>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct LaneState {
    taken: usize,
    /// How much each has had, in nanoseconds, and when it came.
    waiting: BTreeSet<(u64, u64)>,
    came: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Short = 0,
    Long = 1,
}

/// What a query has had so far, on all its threads together.
#[derive(Debug, Default)]
pub(crate) struct Account(AtomicU64);

/// A thread's seat; given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    account: Arc<Account>,
    seat: Mutex<Seat>,
}

#[derive(Debug, Clone, Copy)]
struct Seat {
    /// None while it waits, and when it has given up.
    lane: Option<Lane>,
    since: Instant,
    slice_ends: Instant,
}

impl Account {
    pub(crate) fn had(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    fn lane(&self) -> Lane {
        if self.had() < SHORT {
            Lane::Short
        } else {
            Lane::Long
        }
    }
}

impl Turns {
    /// As many seats as there are cores.
    pub(crate) fn new() -> Arc<Self> {
        Self::with_seats(std::thread::available_parallelism().map_or(1, NonZero::get))
    }

    pub(crate) fn with_seats(seats: usize) -> Arc<Self> {
        Arc::new(Self {
            seats,
            lanes: Mutex::default(),
            freed: Condvar::new(),
        })
    }

    /// Waits for a seat; `None` when `gives_up` says so before there is one.
    pub(crate) fn take(
        self: &Arc<Self>,
        account: &Arc<Account>,
        gives_up: &dyn Fn() -> bool,
    ) -> Option<Turn> {
        let lane = self.wait(account, gives_up)?;
        Some(self.turn(account, lane))
    }

    /// A second seat for a query that could use one, if nobody else wants it.
    pub(crate) fn take_idle(self: &Arc<Self>, account: &Arc<Account>) -> Option<Turn> {
        let mut lanes = self.lanes();
        let is_idle = lanes.iter().all(|lane| lane.waiting.is_empty())
            && lanes.iter().map(|lane| lane.taken).sum::<usize>() < self.seats;
        if !is_idle {
            return None;
        }
        lanes[Lane::Long as usize].taken += 1;
        drop(lanes);
        Some(self.turn(account, Lane::Long))
    }

    fn turn(self: &Arc<Self>, account: &Arc<Account>, lane: Lane) -> Turn {
        Turn {
            turns: Arc::clone(self),
            account: Arc::clone(account),
            seat: Mutex::new(Seat::at(lane)),
        }
    }

    fn wait(&self, account: &Account, gives_up: &dyn Fn() -> bool) -> Option<Lane> {
        let lane = account.lane();
        let mut lanes = self.lanes();
        let state = &mut lanes[lane as usize];
        let place = (account.0.load(Ordering::Relaxed), state.came);
        state.came += 1;
        state.waiting.insert(place);
        loop {
            let state = &mut lanes[lane as usize];
            if state.taken < self.seats && state.waiting.first() == Some(&place) {
                state.waiting.pop_first();
                state.taken += 1;
                // The next may have a seat too.
                self.freed.notify_all();
                return Some(lane);
            }
            if gives_up() {
                state.waiting.remove(&place);
                self.freed.notify_all();
                return None;
            }
            let (guard, _) = self
                .freed
                .wait_timeout(lanes, PATIENCE)
                .expect("no holder of this lock panics");
            lanes = guard;
        }
    }

    fn give_up(&self, lane: Lane) {
        self.lanes()[lane as usize].taken -= 1;
        self.freed.notify_all();
    }

    fn lanes(&self) -> MutexGuard<'_, [LaneState; 2]> {
        self.lanes.lock().expect("no holder of this lock panics")
    }
}

impl Turn {
    /// To be called often. At the end of a slice it lets those go first that have had less; false
    /// when `gives_up` said so meanwhile.
    pub(crate) fn go_on(&self, now: Instant, gives_up: &dyn Fn() -> bool) -> bool {
        let mut seat = self.seat.lock().expect("no holder of this lock panics");
        if now < seat.slice_ends {
            return true;
        }
        self.account.add(now.saturating_duration_since(seat.since));
        let Some(lane) = seat.lane else {
            return false;
        };
        if self.may_stay(lane) {
            *seat = Seat::at(lane);
            return true;
        }
        seat.lane = None;
        self.turns.give_up(lane);
        match self.turns.wait(&self.account, gives_up) {
            Some(lane) => {
                *seat = Seat::at(lane);
                true
            }
            None => false,
        }
    }

    /// Another one of the same query, on a core that is idle.
    pub(crate) fn beside(&self) -> Option<Self> {
        self.turns.take_idle(&self.account)
    }

    fn may_stay(&self, lane: Lane) -> bool {
        let had = self.account.0.load(Ordering::Relaxed);
        let lanes = self.turns.lanes();
        let least = lanes[lane as usize].waiting.first();
        self.account.lane() == lane && least.is_none_or(|(other, _)| *other >= had)
    }
}

impl Seat {
    fn at(lane: Lane) -> Self {
        let now = Instant::now();
        Self {
            lane: Some(lane),
            since: now,
            slice_ends: now + SLICE,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // No holder of this lock panics.
        if let Ok(seat) = self.seat.get_mut()
            && let Some(lane) = seat.lane.take()
        {
            self.account.add(seat.since.elapsed());
            self.turns.give_up(lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(had: Duration) -> Arc<Account> {
        let account = Account::default();
        account.add(had);
        Arc::new(account)
    }

    const NEVER: &dyn Fn() -> bool = &|| false;
    const AT_ONCE: &dyn Fn() -> bool = &|| true;

    #[test]
    fn a_new_query_has_a_seat_while_long_ones_take_all_of_theirs() {
        let turns = Turns::with_seats(1);
        let old = account(SHORT);
        let _long = turns.take(&old, NEVER).unwrap();
        assert!(turns.take(&account(SHORT), AT_ONCE).is_none());
        let new = account(Duration::ZERO);
        let short = turns.take(&new, NEVER).unwrap();
        assert!(turns.take(&account(Duration::ZERO), AT_ONCE).is_none());
        drop(short);
        assert!(turns.take(&account(Duration::ZERO), AT_ONCE).is_some());
    }

    #[test]
    fn who_has_had_less_goes_first() {
        let turns = Turns::with_seats(1);
        let long = account(2 * SHORT);
        let turn = turns.take(&long, NEVER).unwrap();
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for times in [4, 3] {
                let (turns, order) = (Arc::clone(&turns), &order);
                scope.spawn(move || {
                    let _turn = turns.take(&account(times * SHORT), NEVER).unwrap();
                    order.lock().unwrap().push(times);
                });
            }
            while turns.lanes()[Lane::Long as usize].waiting.len() < 2 {
                std::thread::yield_now();
            }
            drop(turn);
        });
        assert_eq!(order.into_inner().unwrap(), [3, 4]);
    }

    #[test]
    fn at_the_end_of_a_slice_one_that_has_had_less_takes_over() {
        let turns = Turns::with_seats(1);
        let long = account(5 * SHORT);
        let turn = turns.take(&long, NEVER).unwrap();
        assert!(turn.go_on(Instant::now() + 2 * SLICE, NEVER), "alone");
        std::thread::scope(|scope| {
            let other = Arc::clone(&turns);
            scope.spawn(move || {
                let turn = other.take(&account(SHORT), NEVER).unwrap();
                drop(turn);
            });
            while turns.lanes()[Lane::Long as usize].waiting.is_empty() {
                std::thread::yield_now();
            }
            assert!(turn.go_on(Instant::now() + 2 * SLICE, NEVER));
        });
        assert!(turns.lanes()[Lane::Long as usize].waiting.is_empty());
        assert_eq!(turns.lanes()[Lane::Long as usize].taken, 1);
    }

    #[test]
    fn a_second_seat_is_given_only_where_nobody_needs_it() {
        let turns = Turns::with_seats(2);
        let turn = turns.take(&account(Duration::ZERO), NEVER).unwrap();
        let beside = turn.beside().unwrap();
        assert!(turn.beside().is_none());
        drop(beside);
        assert!(turn.beside().is_some());
    }

    #[test]
    fn a_query_that_gave_up_waiting_is_told_so_again() {
        let turns = Turns::with_seats(1);
        let long = account(3 * SHORT);
        let turn = turns.take(&long, NEVER).unwrap();
        turns.lanes()[Lane::Long as usize].waiting.insert((0, 99));
        let late = Instant::now() + 2 * SLICE;
        assert!(!turn.go_on(late, AT_ONCE));
        assert!(!turn.go_on(late, AT_ONCE));
        drop(turn);
        assert_eq!(turns.lanes()[Lane::Long as usize].taken, 0);
    }
}
