use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Keeps calls from a provider that does not answer: after failures in a row none are made for a
/// while, then one as a trial.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// Held for a few comparisons only, never across a call.
    circuit: Mutex<Circuit>,
}

#[derive(Debug)]
struct Circuit {
    state: Circulation,
    /// How often it has opened since a call last went well.
    opened: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Circulation {
    /// Calls go out; so many failed in a row.
    Closed { failures: u32 },
    /// No call goes out before this time.
    Open { until: Instant },
    /// One call is on its way, as a trial; it counts as lost at this time.
    HalfOpen { until: Instant },
}

/// A state as metrics and records tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakerState {
    Closed = 0,
    HalfOpen = 1,
    Open = 2,
}

impl Breaker {
    /// So many failures in a row open it.
    const FAILURES: u32 = 5;
    /// How long it stays open at first; twice as long each time that the trial fails.
    const OPEN: Duration = Duration::from_millis(500);
    const LONGEST_OPEN: Duration = Duration::from_secs(15);
    /// A trial that told nothing for so long makes room for the next.
    const TRIAL: Duration = Duration::from_secs(10);

    pub(crate) fn new() -> Self {
        Self {
            circuit: Mutex::new(Circuit {
                state: Circulation::Closed { failures: 0 },
                opened: 0,
            }),
        }
    }

    /// Whether a call may go out now; if not, how long to wait before asking again.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut circuit = self.circuit();
        match circuit.state {
            Circulation::Closed { .. } => Ok(()),
            Circulation::Open { until } | Circulation::HalfOpen { until } if now < until => {
                Err(until - now)
            }
            Circulation::Open { .. } | Circulation::HalfOpen { .. } => {
                circuit.state = Circulation::HalfOpen {
                    until: now + Self::TRIAL,
                };
                Ok(())
            }
        }
    }

    /// A call went well. The state that this leads to, if it is another.
    pub(crate) fn succeeded(&self) -> Option<BreakerState> {
        let mut circuit = self.circuit();
        let was_closed = matches!(circuit.state, Circulation::Closed { .. });
        circuit.state = Circulation::Closed { failures: 0 };
        circuit.opened = 0;
        (!was_closed).then_some(BreakerState::Closed)
    }

    /// A call failed. The state that this leads to, if it is another.
    pub(crate) fn failed(&self, now: Instant) -> Option<BreakerState> {
        let mut circuit = self.circuit();
        let failures = match circuit.state {
            Circulation::Closed { failures } => failures + 1,
            Circulation::HalfOpen { .. } => Self::FAILURES,
            // One that had gone out before it opened.
            Circulation::Open { .. } => return None,
        };
        if failures < Self::FAILURES {
            circuit.state = Circulation::Closed { failures };
            return None;
        }
        let open = Self::OPEN.saturating_mul(1 << circuit.opened.min(16));
        circuit.opened += 1;
        circuit.state = Circulation::Open {
            until: now + open.min(Self::LONGEST_OPEN),
        };
        Some(BreakerState::Open)
    }

    pub(crate) fn state(&self) -> BreakerState {
        match self.circuit().state {
            Circulation::Closed { .. } => BreakerState::Closed,
            Circulation::HalfOpen { .. } => BreakerState::HalfOpen,
            Circulation::Open { .. } => BreakerState::Open,
        }
    }

    fn circuit(&self) -> std::sync::MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(breaker: &Breaker, now: Instant) {
        for _ in 1..Breaker::FAILURES {
            assert_eq!(breaker.failed(now), None);
        }
        assert_eq!(breaker.failed(now), Some(BreakerState::Open));
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_trial_closes_it() {
        let (breaker, start) = (Breaker::new(), Instant::now());
        assert_eq!(breaker.failed(start), None);
        assert_eq!(breaker.succeeded(), None);
        opened(&breaker, start);
        assert_eq!(breaker.admit(start), Err(Breaker::OPEN));
        assert_eq!(breaker.failed(start), None, "it was on its way before");
        let later = start + Breaker::OPEN;
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(
            breaker.admit(later),
            Err(Breaker::TRIAL),
            "one trial at a time"
        );
        assert_eq!(breaker.succeeded(), Some(BreakerState::Closed));
        assert_eq!(breaker.admit(later), Ok(()));
    }

    #[test]
    fn each_trial_that_fails_keeps_it_open_for_longer() {
        let (breaker, mut now) = (Breaker::new(), Instant::now());
        opened(&breaker, now);
        for expected in [1000, 2000, 4000, 8000, 15_000, 15_000] {
            now += breaker.admit(now).unwrap_err();
            assert_eq!(breaker.admit(now), Ok(()));
            assert_eq!(breaker.failed(now), Some(BreakerState::Open));
            assert_eq!(breaker.admit(now), Err(Duration::from_millis(expected)));
        }
    }

    #[test]
    fn a_trial_that_tells_nothing_makes_room() {
        let (breaker, start) = (Breaker::new(), Instant::now());
        opened(&breaker, start);
        let trial = start + Breaker::OPEN;
        assert_eq!(breaker.admit(trial), Ok(()));
        assert_eq!(breaker.admit(trial + Breaker::TRIAL), Ok(()));
    }
}
