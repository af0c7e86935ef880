use std::time::Duration;

use watchfire_schemas::{LabelSet, Timestamp};

/// The points of time at which a group is evaluated: a grid over its interval, moved by what its
/// name hashes to, so that groups are spread over the interval and a restart changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    interval: i64,
    offset: i64,
}

impl Schedule {
    pub(super) fn of(file: &str, group: &str, interval: Duration) -> Self {
        let interval = i64::try_from(interval.as_nanos())
            .unwrap_or(i64::MAX)
            .max(1);
        let hash = LabelSet::new([("file", file), ("name", group)]).fingerprint();
        let offset = hash % interval.unsigned_abs();
        Self {
            interval,
            offset: i64::try_from(offset).unwrap_or(0),
        }
    }

    /// The first point after a time.
    pub(super) fn after(&self, at: Timestamp) -> Timestamp {
        let since = at.nanos().saturating_sub(self.offset);
        let passed = since.div_euclid(self.interval);
        let next = (passed + 1).saturating_mul(self.interval);
        Timestamp::from_nanos(next.saturating_add(self.offset))
    }

    /// The point to evaluate after `last`, and how many are left out because `now` is past them: a
    /// point that is late by less than an interval is not.
    pub(super) fn next(&self, last: Timestamp, now: Timestamp) -> (Timestamp, u64) {
        let behind = now.nanos().saturating_sub(last.nanos());
        let missed = (behind.div_euclid(self.interval) - 1).max(0);
        let step = (missed + 1).saturating_mul(self.interval);
        let next = Timestamp::from_nanos(last.nanos().saturating_add(step));
        (next, missed.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: f64, next: i64, missed: u64) {
        let schedule = Schedule {
            interval: 10_000_000_000,
            offset: 3_000_000_000,
        };
        let last = Timestamp::from_secs(103);
        let now = Timestamp::from_nanos((now * 1e9) as i64);
        assert_eq!(
            schedule.next(last, now),
            (Timestamp::from_secs(next), missed)
        );
    }

    #[test]
    fn late_points_are_evaluated_and_missed_ones_counted() {
        check(104.0, 113, 0);
        check(113.0, 113, 0);
        check(122.9, 113, 0);
        check(123.0, 123, 1);
        check(155.0, 153, 4);
    }

    #[test]
    fn points_lie_on_a_grid_of_the_group() {
        let minute = Duration::from_mins(1);
        let schedule = Schedule::of("a.yml", "g", minute);
        let first = schedule.after(Timestamp::from_secs(1_000_000_000));
        let later = schedule.after(first + minute * 5000 - Duration::from_secs(1));
        assert_eq!(later, first + minute * 5000);
        assert!(schedule.after(first) == first + minute);
        assert_ne!(schedule, Schedule::of("b.yml", "g", minute));
        assert!(schedule.offset < 60_000_000_000);
    }
}
