//! When to try again.

use std::time::Duration;

use watchfire_schemas::Timestamp;

/// Full jitter: uniform between nothing and a bound that doubles with each attempt up to a cap.
#[derive(Debug, Clone)]
pub(crate) struct RetryPolicy {
    pub base: Duration,
    /// The cap as long as somebody may still be looking for the page.
    pub cap: Duration,
    /// How long that is, from when the message was due.
    pub urgent_for: Duration,
    pub late_cap: Duration,
    /// A message that is not delivered by then, from when it was due, is given up.
    pub give_up_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_mins(1),
            urgent_for: Duration::from_mins(15),
            late_cap: Duration::from_mins(10),
            give_up_after: Duration::from_hours(24),
        }
    }
}

impl RetryPolicy {
    /// When the message that was due at `due` and has now failed for the `attempts`th time (from
    /// 1) is tried again: never earlier than the destination asks. `random` is within `0..1`.
    pub(crate) fn next_attempt(
        &self,
        now: Timestamp,
        due: Timestamp,
        attempts: u32,
        retry_after: Option<Duration>,
        random: f64,
    ) -> Timestamp {
        let urgent = now.since(due) < self.urgent_for;
        let cap = if urgent { self.cap } else { self.late_cap };
        let doublings = attempts.saturating_sub(1).min(30);
        let bound = self.base.saturating_mul(1 << doublings).min(cap);
        let jittered = bound.mul_f64(random.clamp(0.0, 1.0));
        now + jittered.max(retry_after.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: Timestamp = Timestamp::from_secs(1_000_000);

    fn check(after_due: u64, attempts: u32, asked: Option<u64>, random: f64, wait: f64) {
        let now = DUE + Duration::from_secs(after_due);
        let asked = asked.map(Duration::from_secs);
        let next = RetryPolicy::default().next_attempt(now, DUE, attempts, asked, random);
        let waited = next.seconds_since(now);
        assert!((waited - wait).abs() < 1e-6, "{waited} instead of {wait}");
    }

    #[test]
    fn the_bound_doubles_up_to_the_cap() {
        check(0, 1, None, 1.0, 1.0);
        check(0, 2, None, 1.0, 2.0);
        check(0, 3, None, 0.5, 2.0);
        check(0, 3, None, 0.0, 0.0);
        check(100, 7, None, 1.0, 60.0);
        check(899, 40, None, 1.0, 60.0);
        check(900, 40, None, 1.0, 600.0);
        check(900, u32::MAX, None, 0.5, 300.0);
    }

    #[test]
    fn it_is_never_earlier_than_asked() {
        check(0, 1, Some(30), 1.0, 30.0);
        check(0, 6, Some(3), 1.0, 32.0);
        check(0, 1, Some(7_200), 0.0, 7_200.0);
    }
}
