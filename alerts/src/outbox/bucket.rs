use std::time::Duration;

use tokio::time::Instant;

use crate::notify::DestinationKind;

/// How fast a destination may be written to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

impl Rate {
    /// `PagerDuty` takes about 120 events a minute and key, Slack one message a second and hook.
    pub(crate) const fn of(kind: DestinationKind) -> Self {
        let (per_second, burst) = match kind {
            DestinationKind::PagerDuty | DestinationKind::PagerDutyV1 => (2.0, 20.0),
            DestinationKind::Slack | DestinationKind::Discord | DestinationKind::Telegram => {
                (1.0, 1.0)
            }
            // A change of a message is two calls, and about 50 of each kind are taken a minute.
            DestinationKind::SlackBot => (0.8, 5.0),
            DestinationKind::Email => (2.0, 10.0),
            _ => (10.0, 20.0),
        };
        Self { per_second, burst }
    }
}

/// Lets through a burst, then a steady rate.
#[derive(Debug)]
pub(super) struct TokenBucket {
    rate: Rate,
    tokens: f64,
    at: Instant,
}

impl TokenBucket {
    pub(super) fn full(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            tokens: rate.burst,
            at: now,
        }
    }

    /// Takes a token, or says how long until there is one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let gained = now.duration_since(self.at).as_secs_f64() * self.rate.per_second;
        self.tokens = (self.tokens + gained).min(self.rate.burst);
        self.at = now;
        // A wait that was slept through may be short of a token by a rounding.
        if self.tokens >= 1.0 - 1e-6 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let missing = (1.0 - self.tokens) / self.rate.per_second;
        Err(Duration::from_secs_f64(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_steady_rate() {
        let mut now = Instant::now();
        let rate = Rate::of(DestinationKind::PagerDuty);
        let mut bucket = TokenBucket::full(rate, now);
        for _ in 0..20 {
            assert_eq!(bucket.take(now), Ok(()));
        }
        for _ in 0..5 {
            let wait = bucket.take(now).expect_err("it is empty");
            assert!((wait.as_secs_f64() - 0.5).abs() < 1e-3);
            now += wait;
            assert_eq!(bucket.take(now), Ok(()));
        }
        now += Duration::from_hours(1);
        let taken = std::iter::from_fn(|| bucket.take(now).ok()).count();
        assert_eq!(taken, 20);
    }
}
