use std::time::Duration;

use tokio::time::Instant;

use crate::notify::{Failure, FailureReason};

/// Keeps a destination that does not work from being asked all the time.
///
/// It opens after some transient failures in a row, or at once after a failure that condemns the
/// destination. When its wait is over one message is let through as a probe; if that fails too,
/// the wait doubles.
#[derive(Debug)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    state: State,
}

#[derive(Debug, Clone)]
pub(crate) struct BreakerPolicy {
    pub failures: u32,
    pub first_wait: Duration,
    pub longest_wait: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            first_wait: Duration::from_secs(30),
            longest_wait: Duration::from_mins(5),
        }
    }
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, wait: Duration },
    Probing { wait: Duration },
}

impl Breaker {
    pub(super) fn new(policy: BreakerPolicy) -> Self {
        let state = State::Closed { failures: 0 };
        Self { policy, state }
    }

    /// How long to wait before something may be sent; none if it may be now.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until, .. } => (until > now).then(|| until - now),
            State::Probing { .. } => Some(self.policy.longest_wait),
        }
    }

    /// Something is sent now. Only after [`Self::wait`] gave none.
    pub(super) fn enter(&mut self) {
        if let State::Open { wait, .. } = self.state {
            self.state = State::Probing { wait };
        }
    }

    /// What was to be sent was not, for a reason of ours.
    pub(super) fn leave(&mut self, now: Instant) {
        if let State::Probing { wait } = self.state {
            self.state = State::Open { until: now, wait };
        }
    }

    /// The destination answered; it took the message or found only that message wrong.
    pub(super) fn answered(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// A destination that says when to come back is alive: that is for the caller to obey, and does
    /// not open the breaker.
    pub(super) fn failed(&mut self, failure: &Failure, now: Instant) {
        let paced = failure.reason == FailureReason::RateLimited && failure.retry_after.is_some();
        if failure.reason.condemns_destination() {
            self.open(now);
        } else if failure.reason.is_transient() && !paced {
            self.count(now);
        } else {
            self.answered();
        }
    }

    /// 0 closed, 1 probing, 2 open.
    pub(super) fn code(&self) -> i64 {
        match self.state {
            State::Closed { .. } => 0,
            State::Probing { .. } => 1,
            State::Open { .. } => 2,
        }
    }

    fn count(&mut self, now: Instant) {
        match &mut self.state {
            State::Closed { failures } if *failures + 1 < self.policy.failures => *failures += 1,
            _ => self.open(now),
        }
    }

    fn open(&mut self, now: Instant) {
        let wait = match self.state {
            State::Closed { .. } => self.policy.first_wait,
            State::Probing { wait } => (wait * 2).min(self.policy.longest_wait),
            // What was in flight when it opened says nothing new.
            State::Open { .. } => return,
        };
        let until = now + wait;
        self.state = State::Open { until, wait };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(reason: FailureReason, retry_after: Option<u64>) -> Failure {
        Failure {
            reason,
            http_status: None,
            retry_after: retry_after.map(Duration::from_secs),
            text: String::new(),
        }
    }

    fn after(breaker: &mut Breaker, reason: FailureReason, times: usize, now: Instant) -> i64 {
        for _ in 0..times {
            breaker.failed(&failure(reason, None), now);
        }
        breaker.code()
    }

    #[test]
    fn five_transient_failures_in_a_row_open_it() {
        let (mut breaker, now) = (Breaker::new(BreakerPolicy::default()), Instant::now());
        assert_eq!(after(&mut breaker, FailureReason::Timeout, 4, now), 0);
        breaker.answered();
        assert_eq!(after(&mut breaker, FailureReason::Timeout, 4, now), 0);
        assert_eq!(breaker.wait(now), None);
        assert_eq!(after(&mut breaker, FailureReason::ServerError, 1, now), 2);
        assert_eq!(breaker.wait(now), Some(Duration::from_secs(30)));
    }

    #[test]
    fn one_condemning_failure_opens_it_and_a_refusal_does_not() {
        let (mut breaker, now) = (Breaker::new(BreakerPolicy::default()), Instant::now());
        assert_eq!(after(&mut breaker, FailureReason::Refused, 9, now), 0);
        assert_eq!(after(&mut breaker, FailureReason::Gone, 1, now), 2);
    }

    #[test]
    fn a_named_wait_does_not_open_it() {
        let (mut breaker, now) = (Breaker::new(BreakerPolicy::default()), Instant::now());
        for _ in 0..9 {
            breaker.failed(&failure(FailureReason::RateLimited, Some(1)), now);
        }
        assert_eq!(breaker.code(), 0);
        assert_eq!(after(&mut breaker, FailureReason::RateLimited, 5, now), 2);
    }

    #[test]
    fn one_probe_at_a_time_and_the_wait_doubles() {
        let (mut breaker, mut now) = (Breaker::new(BreakerPolicy::default()), Instant::now());
        after(&mut breaker, FailureReason::Auth, 1, now);
        for wait in [30, 60, 120, 240, 300, 300] {
            let wait = Duration::from_secs(wait);
            assert_eq!(breaker.wait(now), Some(wait));
            now += wait;
            assert_eq!(breaker.wait(now), None);
            breaker.enter();
            assert!(breaker.wait(now).is_some(), "a second probe has to wait");
            after(&mut breaker, FailureReason::Connect, 1, now);
        }
        now += Duration::from_mins(5);
        breaker.enter();
        breaker.leave(now);
        assert_eq!(breaker.wait(now), None);
        breaker.enter();
        breaker.answered();
        assert_eq!(breaker.code(), 0);
    }
}
