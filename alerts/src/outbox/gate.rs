use std::time::Duration;

use tokio::time::Instant;

use crate::notify::Failure;

use super::breaker::{Breaker, BreakerPolicy};

/// Whether a destination may be written to: its breaker, and the time that it asked for.
#[derive(Debug)]
pub(super) struct Gate {
    breaker: Breaker,
    paused_until: Option<Instant>,
}

impl Gate {
    pub(super) fn new(policy: BreakerPolicy) -> Self {
        Self {
            breaker: Breaker::new(policy),
            paused_until: None,
        }
    }

    /// How long to wait before something may be sent; none if it may be now.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let asked = self.paused_until.filter(|until| *until > now);
        self.breaker.wait(now).max(asked.map(|until| until - now))
    }

    /// Something is sent now. Only after [`Self::wait`] gave none.
    pub(super) fn enter(&mut self) {
        self.breaker.enter();
    }

    /// What was to be sent was not, for a reason of ours.
    pub(super) fn leave(&mut self, now: Instant) {
        self.breaker.leave(now);
    }

    pub(super) fn delivered(&mut self) {
        self.breaker.answered();
    }

    pub(super) fn failed(&mut self, failure: &Failure, now: Instant) {
        self.breaker.failed(failure, now);
        if let Some(wait) = failure.retry_after {
            self.pause(now, wait);
        }
    }

    /// The destination wants to be left alone from now on for so long.
    pub(super) fn pause(&mut self, now: Instant, wait: Duration) {
        self.paused_until = self.paused_until.max(now.checked_add(wait));
    }

    /// 0 closed, 1 probing, 2 open.
    pub(super) fn breaker_code(&self) -> i64 {
        self.breaker.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::FailureReason;

    #[test]
    fn the_longer_wait_counts() {
        let now = Instant::now();
        let mut gate = Gate::new(BreakerPolicy::default());
        gate.pause(now, Duration::from_secs(9));
        gate.pause(now, Duration::from_secs(3));
        assert_eq!(gate.wait(now), Some(Duration::from_secs(9)));
        let gone = Failure {
            reason: FailureReason::Gone,
            http_status: Some(404),
            retry_after: None,
            text: String::new(),
        };
        gate.failed(&gone, now);
        assert_eq!(gate.wait(now), Some(Duration::from_secs(30)));
        assert_eq!(gate.wait(now + Duration::from_secs(30)), None);
    }
}
