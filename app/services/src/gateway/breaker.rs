use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

/// Failures are counted over two spans of this length, the one that runs and the one before.
const SPAN: Duration = Duration::from_secs(5);
/// Below so many calls nothing is concluded.
const FEWEST: u32 = 20;
/// An upstream that fails so often cannot be used.
const SHARE: f64 = 0.5;
/// How long nothing is asked of it. Short, so that its recovery is seen soon.
const REST: Duration = Duration::from_secs(2);
/// So many calls are let through to see whether it is well again, and all must succeed.
const PROBES: u32 = 3;

/// Stops asking an upstream that cannot answer, so that neither it nor its callers wait in vain.
///
/// Closed, it counts. Open, it refuses. After a rest it is half open: a few probes decide. What
/// counts as failed is for the caller to say: an upstream that cannot be had, not an error of its.
#[derive(Debug, Clone)]
pub(crate) struct Breaker {
    /// Locked for a few instructions before and after each call.
    phase: Arc<Mutex<Phase>>,
    /// 0 closed, 1 half open, 2 open.
    gauge: Gauge,
}

#[derive(Debug)]
enum Phase {
    Closed(Window),
    Open { until: Instant },
    HalfOpen { probing: u32, succeeded: u32 },
}

#[derive(Debug)]
struct Window {
    began: Instant,
    running: Tally,
    before: Tally,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    calls: u32,
    failed: u32,
}

/// Leave to make one call. It is to be told how that went; dropped without, it does not count.
#[derive(Debug)]
pub(crate) struct Leave {
    breaker: Breaker,
    is_probe: bool,
    is_told: bool,
}

/// A change that is worth a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Opened,
    Closed,
}

impl Breaker {
    pub(crate) fn new(gauge: Gauge, now: Instant) -> Self {
        gauge.set(0);
        Self {
            phase: Arc::new(Mutex::new(Phase::closed(now))),
            gauge,
        }
    }

    /// Leave to call, or how long to wait before asking again.
    pub(crate) fn ask(&self, now: Instant) -> Result<Leave, Duration> {
        let mut phase = self.lock();
        let is_probe = match &mut *phase {
            Phase::Closed(_) => false,
            Phase::Open { until } if now < *until => return Err(*until - now),
            Phase::Open { .. } => {
                *phase = Phase::HalfOpen {
                    probing: 1,
                    succeeded: 0,
                };
                self.gauge.set(1);
                true
            }
            Phase::HalfOpen { probing, succeeded } if *probing + *succeeded < PROBES => {
                *probing += 1;
                true
            }
            Phase::HalfOpen { .. } => return Err(REST),
        };
        drop(phase);
        Ok(Leave {
            breaker: self.clone(),
            is_probe,
            is_told: false,
        })
    }

    fn note(&self, is_probe: bool, has_failed: bool, now: Instant) -> Option<Change> {
        let mut phase = self.lock();
        let change = match (&mut *phase, is_probe) {
            (Phase::Closed(window), false) => {
                window.count(has_failed, now);
                window.is_hopeless().then_some(Change::Opened)
            }
            (Phase::HalfOpen { .. }, true) if has_failed => Some(Change::Opened),
            (Phase::HalfOpen { probing, succeeded }, true) => {
                *probing = probing.saturating_sub(1);
                *succeeded += 1;
                (*succeeded >= PROBES).then_some(Change::Closed)
            }
            // It was asked before the phase began, and says nothing of it.
            _ => None,
        };
        match change {
            Some(Change::Opened) => {
                *phase = Phase::Open { until: now + REST };
                self.gauge.set(2);
            }
            Some(Change::Closed) => {
                *phase = Phase::closed(now);
                self.gauge.set(0);
            }
            None => {}
        }
        // An upstream that fails its probes has been told of already.
        change.filter(|change| *change == Change::Closed || !is_probe)
    }

    fn forget_probe(&self) {
        if let Phase::HalfOpen { probing, .. } = &mut *self.lock() {
            *probing = probing.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave {
    /// Says how the call went.
    pub(crate) fn tell(mut self, has_failed: bool, now: Instant) -> Option<Change> {
        self.is_told = true;
        self.breaker.note(self.is_probe, has_failed, now)
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if self.is_probe && !self.is_told {
            self.breaker.forget_probe();
        }
    }
}

impl Phase {
    fn closed(now: Instant) -> Self {
        Self::Closed(Window {
            began: now,
            running: Tally::default(),
            before: Tally::default(),
        })
    }
}

impl Window {
    fn count(&mut self, has_failed: bool, now: Instant) {
        let spans = now.saturating_duration_since(self.began).as_secs() / SPAN.as_secs();
        if spans > 0 {
            let is_next = spans == 1;
            self.before = if is_next {
                self.running
            } else {
                Tally::default()
            };
            self.running = Tally::default();
            self.began = now;
        }
        self.running.calls += 1;
        self.running.failed += u32::from(has_failed);
    }

    fn is_hopeless(&self) -> bool {
        let calls = self.running.calls + self.before.calls;
        let failed = self.running.failed + self.before.failed;
        calls >= FEWEST && f64::from(failed) >= SHARE * f64::from(calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(now: Instant) -> Breaker {
        Breaker::new(Gauge::default(), now)
    }

    fn call(breaker: &Breaker, has_failed: bool, now: Instant) -> Option<Change> {
        breaker.ask(now).unwrap().tell(has_failed, now)
    }

    /// A breaker that has opened just now.
    fn opened(now: Instant) -> Breaker {
        let breaker = breaker(now);
        for _ in 1..FEWEST {
            assert_eq!(call(&breaker, true, now), None);
        }
        assert_eq!(call(&breaker, true, now), Some(Change::Opened));
        assert_eq!(breaker.gauge.get(), 2);
        breaker
    }

    #[test]
    fn it_opens_when_most_calls_fail_and_rests() {
        let now = Instant::now();
        let breaker = opened(now);
        assert_eq!(breaker.ask(now).unwrap_err(), REST);
        let later = now + REST / 2;
        assert_eq!(breaker.ask(later).unwrap_err(), REST / 2);
    }

    #[test]
    fn a_share_of_failures_that_can_be_borne_opens_nothing() {
        let now = Instant::now();
        let breaker = breaker(now);
        for n in 0..200 {
            assert_eq!(call(&breaker, n % 4 == 0, now), None);
        }
        assert_eq!(breaker.gauge.get(), 0);
    }

    #[test]
    fn failures_of_long_ago_do_not_count() {
        let now = Instant::now();
        let breaker = breaker(now);
        for _ in 1..FEWEST {
            assert_eq!(call(&breaker, true, now), None);
        }
        assert_eq!(call(&breaker, true, now + SPAN * 3), None);
    }

    #[test]
    fn probes_that_succeed_close_it_and_one_that_fails_does_not() {
        let now = Instant::now();
        let breaker = opened(now);
        let now = now + REST;
        let probe = breaker.ask(now).unwrap();
        assert_eq!(breaker.gauge.get(), 1);
        assert_eq!(probe.tell(true, now), None, "it was told when it opened");
        assert_eq!(breaker.gauge.get(), 2);
        let now = now + REST;
        let probes: Vec<Leave> = (0..PROBES).map(|_| breaker.ask(now).unwrap()).collect();
        assert!(breaker.ask(now).is_err(), "no more than the probes");
        let changes: Vec<_> = probes.into_iter().map(|p| p.tell(false, now)).collect();
        assert_eq!(changes, [None, None, Some(Change::Closed)]);
        assert_eq!(breaker.gauge.get(), 0);
        assert!(breaker.ask(now).is_ok());
    }

    #[test]
    fn a_probe_that_is_given_up_makes_room_for_another() {
        let now = Instant::now();
        let breaker = opened(now);
        let now = now + REST;
        let probes: Vec<Leave> = (0..PROBES).map(|_| breaker.ask(now).unwrap()).collect();
        assert!(breaker.ask(now).is_err());
        drop(probes);
        assert!(breaker.ask(now).is_ok());
    }

    #[test]
    fn an_answer_to_an_earlier_phase_says_nothing() {
        let now = Instant::now();
        let breaker = breaker(now);
        let early = breaker.ask(now).unwrap();
        for _ in 0..FEWEST {
            call(&breaker, true, now);
        }
        assert_eq!(early.tell(false, now), None);
        assert_eq!(breaker.gauge.get(), 2);
    }
}
