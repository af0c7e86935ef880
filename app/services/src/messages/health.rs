use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Whether a provider is to be asked: a circuit breaker by its recent failures, and the rest that it
/// asked for. The time is given, so that a test can hold it.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// The newest last; whether they failed.
    recent: VecDeque<bool>,
    breaker: Breaker,
    /// Not before: the provider said so.
    rests_until: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Breaker {
    #[default]
    Closed,
    Open {
        until: Instant,
        /// How long it was opened for.
        wait: Duration,
    },
    /// One call is under way, which decides.
    HalfOpen { wait: Duration },
}

/// What changed by an outcome, worth a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Opened(Duration),
    Closed,
}

/// How many outcomes are remembered.
const REMEMBERED: usize = 20;
/// The breaker opens when so many are known and at least half of them failed.
const ENOUGH: usize = 6;
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(1);

impl Health {
    /// Whether it may be asked now. Who is told yes asks, and then tells [`Self::record`].
    pub(crate) fn admit(&mut self, now: Instant) -> bool {
        if self.wait(now).is_some() {
            return false;
        }
        if let Breaker::Open { wait, .. } = self.breaker {
            self.breaker = Breaker::HalfOpen { wait };
        }
        true
    }

    /// How long it is not to be asked; none if it may be now.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        let rests = self
            .rests_until
            .map(|until| until.saturating_duration_since(now));
        let open = match self.breaker {
            Breaker::Closed => None,
            Breaker::Open { until, .. } => Some(until.saturating_duration_since(now)),
            // Until the call that is under way has told.
            Breaker::HalfOpen { .. } => Some(Duration::from_millis(100)),
        };
        rests.max(open).filter(|wait| !wait.is_zero())
    }

    /// Takes in how a call went.
    pub(crate) fn record(&mut self, failed: bool, now: Instant) -> Option<Change> {
        if let Breaker::HalfOpen { wait } = self.breaker {
            return Some(if failed {
                self.open(now, (wait * 2).min(LONGEST))
            } else {
                self.breaker = Breaker::Closed;
                Change::Closed
            });
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(failed);
        let failures = self.recent.iter().filter(|failed| **failed).count();
        let too_many = self.recent.len() >= ENOUGH && failures * 2 >= self.recent.len();
        (self.breaker == Breaker::Closed && too_many).then(|| self.open(now, SHORTEST))
    }

    /// Lets it rest as it asked.
    pub(crate) fn rest(&mut self, until: Instant) {
        self.rests_until = self.rests_until.max(Some(until));
    }

    pub(crate) fn state(&self) -> &'static str {
        match self.breaker {
            Breaker::Closed => "closed",
            Breaker::Open { .. } => "open",
            Breaker::HalfOpen { .. } => "half-open",
        }
    }

    fn open(&mut self, now: Instant, wait: Duration) -> Change {
        self.recent.clear();
        self.breaker = Breaker::Open {
            until: now + wait,
            wait,
        };
        Change::Opened(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_by_failures_probes_once_and_closes_by_a_success() {
        let mut health = Health::default();
        let mut now = Instant::now();
        for _ in 0..ENOUGH - 1 {
            assert!(health.admit(now));
            assert_eq!(health.record(true, now), None);
        }
        assert_eq!(health.record(true, now), Some(Change::Opened(SHORTEST)));
        assert!(!health.admit(now));
        now += SHORTEST;
        assert!(health.admit(now), "one may try");
        assert!(!health.admit(now), "and only one");
        assert_eq!(health.record(true, now), Some(Change::Opened(SHORTEST * 2)));
        now += SHORTEST * 2;
        assert!(health.admit(now));
        assert_eq!(health.record(false, now), Some(Change::Closed));
        assert!(health.admit(now) && health.admit(now));
    }

    #[test]
    fn few_failures_among_many_do_not_open_it() {
        let mut health = Health::default();
        let now = Instant::now();
        for n in 0..200 {
            assert_eq!(health.record(n % 3 == 0, now), None);
        }
    }

    #[test]
    fn a_rest_is_kept() {
        let mut health = Health::default();
        let now = Instant::now();
        health.rest(now + Duration::from_secs(3));
        health.rest(now + Duration::from_secs(1));
        assert_eq!(health.wait(now), Some(Duration::from_secs(3)));
        assert!(!health.admit(now + Duration::from_secs(2)));
        assert!(health.admit(now + Duration::from_secs(3)));
    }
}
