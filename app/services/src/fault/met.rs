use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::Instant;

use super::leak::Leak;
use super::{Fault, FaultKind};

/// The fault of one service, as the service's own code meets it.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Whether one is on: all that a request of a healthy service pays.
    is_on: AtomicBool,
    /// Written by the switch, read while one is on.
    current: RwLock<Option<Met>>,
    /// Decides which requests are hit.
    dice: Mutex<StdRng>,
    /// What a leak has taken so far.
    leak: Mutex<Leak>,
    /// The message that is the poison: the first that was asked for while the fault was on.
    poison: Mutex<Option<String>>,
    /// It depends on nothing that could be down but other services.
    pub(super) stands_alone: bool,
}

/// A fault, and when it began.
#[derive(Debug, Clone)]
pub(super) struct Met {
    fault: Fault,
    since: Instant,
}

/// How a request is held up by what has leaked so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeldUp {
    pub(crate) by: Duration,
    pub(crate) mib: usize,
    pub(crate) files: usize,
}

impl Faults {
    pub(crate) fn none(seed: u64) -> Self {
        Self {
            is_on: AtomicBool::new(false),
            current: RwLock::new(None),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            leak: Mutex::default(),
            poison: Mutex::default(),
            stands_alone: false,
        }
    }

    /// Those of a service that depends on nothing but other services.
    pub(crate) fn of_one_that_stands_alone(seed: u64) -> Self {
        Self {
            stands_alone: true,
            ..Self::none(seed)
        }
    }

    /// Whether this request, line or call is hit by a fault of `kind`.
    pub(crate) fn hits(&self, kind: FaultKind) -> bool {
        self.met(kind)
            .is_some_and(|met| self.dice().random_bool(met.fault.share))
    }

    /// How much longer this request takes, if [`FaultKind::Latency`] hits it: the delay, give or
    /// take a third.
    pub(crate) fn slows_by(&self) -> Option<Duration> {
        let met = self.met(FaultKind::Latency)?;
        let mut dice = self.dice();
        if !dice.random_bool(met.fault.share) {
            return None;
        }
        Some(met.fault.delay().mul_f64(dice.random_range(0.7..1.3)))
    }

    /// Whether the message with this id is the poison. The first id that is asked for while
    /// [`FaultKind::PoisonMessage`] is on becomes it, and stays it until the fault ends.
    pub(crate) fn poisons(&self, id: &str) -> bool {
        if self.met(FaultKind::PoisonMessage).is_none() {
            return false;
        }
        let mut poison = locked(&self.poison);
        poison.get_or_insert_with(|| id.to_owned()) == id
    }

    /// Lets a request leave something behind, if [`FaultKind::SlowLeak`] hits it, and says for how
    /// long it waits for what is left.
    pub(crate) fn leaks(&self) -> Option<HeldUp> {
        let met = self.met(FaultKind::SlowLeak)?;
        if !self.dice().random_bool(met.fault.share) {
            return None;
        }
        let lasted = met.since.elapsed();
        let mut leak = locked(&self.leak);
        leak.grow_to(met.fault.leaked_after(lasted));
        Some(HeldUp {
            by: met.fault.held_up_after(lasted),
            mib: leak.mib(),
            files: leak.files(),
        })
    }

    /// Whether the telemetry itself is made wrong.
    pub(super) fn distorts(&self) -> bool {
        self.met(FaultKind::ClockSkew).is_some() || self.met(FaultKind::SchemaBreak).is_some()
    }

    /// How far ahead the clock of the telemetry is, in seconds.
    pub(super) fn offset_seconds(&self) -> Option<i64> {
        let met = self.met(FaultKind::ClockSkew)?;
        Some(met.fault.offset())
    }

    /// Puts a fault in the place of the one that was on, which is given back.
    pub(super) fn set(&self, fault: Option<Fault>) -> Option<Fault> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        self.is_on.store(fault.is_some(), Ordering::Release);
        let since = Instant::now();
        let before = std::mem::replace(&mut *current, fault.map(|fault| Met { fault, since }));
        *locked(&self.leak) = Leak::default();
        *locked(&self.poison) = None;
        before.map(|met| met.fault)
    }

    fn met(&self, kind: FaultKind) -> Option<Met> {
        if !self.is_on.load(Ordering::Acquire) {
            return None;
        }
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone().filter(|met| met.fault.kind == kind)
    }

    fn dice(&self) -> MutexGuard<'_, StdRng> {
        locked(&self.dice)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fault: Fault) -> Faults {
        let faults = Faults::none(1);
        faults.set(Some(fault));
        faults
    }

    #[test]
    fn a_fault_hits_its_share_of_requests_and_no_other_kind() {
        let faults = with(Fault::new("content", FaultKind::Errors).share(0.3));
        let hits = (0..10_000)
            .filter(|_| faults.hits(FaultKind::Errors))
            .count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        assert!(!faults.hits(FaultKind::DependencyDown));
        assert_eq!(faults.slows_by(), None);
        assert_eq!(faults.leaks(), None);
        assert_eq!(faults.offset_seconds(), None);
        assert!(!faults.poisons("1"));
    }

    #[test]
    fn a_delay_is_that_of_the_fault_give_or_take() {
        let mut fault = Fault::new("content", FaultKind::Latency);
        let default = with(fault.clone()).slows_by().unwrap();
        assert!((800..1_500).contains(&default.as_millis()), "{default:?}");
        fault.delay_ms = Some(10);
        let faults = with(fault);
        let slower = faults.slows_by().unwrap();
        assert!((7..14).contains(&slower.as_millis()), "{slower:?}");
        faults.set(None);
        assert_eq!(faults.slows_by(), None);
    }

    #[test]
    fn one_message_is_the_poison_until_the_fault_ends() {
        let faults = with(Fault::new("payments", FaultKind::PoisonMessage));
        assert!(faults.poisons("a"));
        assert!(!faults.poisons("b"));
        assert!(faults.poisons("a"));
        faults.set(None);
        assert!(!faults.poisons("a"));
        faults.set(Some(Fault::new("payments", FaultKind::PoisonMessage)));
        assert!(faults.poisons("b"));
    }

    #[test]
    fn a_leak_grows_and_slows_until_the_fault_ends() {
        let faults = with(Fault::new("content", FaultKind::SlowLeak));
        let at_first = faults.leaks().unwrap();
        let earlier = Instant::now().checked_sub(Duration::from_secs(10));
        let mut current = faults.current.write().unwrap();
        current.as_mut().unwrap().since = earlier.unwrap();
        drop(current);
        let later = faults.leaks().unwrap();
        assert!(later.by > at_first.by && later.mib > at_first.mib && later.files > at_first.files);
        faults.set(None);
        assert_eq!(locked(&faults.leak).mib(), 0);
    }
}
