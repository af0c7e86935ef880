use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use http::StatusCode;
use tokio::time::Instant;
use watchfire_schemas::TraceId;

use super::failure::Failure;

/// Into how many parts of equal length a run is divided, to show what changes while it goes on.
pub(crate) const SLICES: usize = 10;
/// How many of the slowest, and of the unexpected, are remembered one by one.
const REMEMBERED: usize = 5;

/// What became of one request.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) number: u64,
    pub(crate) target: usize,
    /// When it was to be sent, counted from the start.
    pub(crate) moment: Duration,
    /// From then to the end of its answer: what somebody waits who comes at that moment.
    pub(crate) corrected: Duration,
    /// From its sending to the end of its answer; nothing if it was not sent.
    pub(crate) service: Option<Duration>,
    pub(crate) result: Result<StatusCode, Failure>,
    pub(crate) is_expected: bool,
    pub(crate) trace: Option<TraceId>,
}

/// What became of all requests, counted by one worker or summed up.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Requests whose moment has come.
    pub(crate) due: u64,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    /// What was not answered, or with another status than is expected.
    pub(crate) unexpected: u64,
    /// Neither answered nor failed when the run was cut short.
    pub(crate) cut: u64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) failures: BTreeMap<Failure, u64>,
    pub(crate) corrected: Times,
    pub(crate) service: Times,
    /// From its moment to when a request was taken up here: what we were late ourselves.
    pub(crate) lateness: Times,
    /// From when it was taken up to its sending: for a free connection, or for one to be made.
    pub(crate) waited: Times,
    pub(crate) connecting: Times,
    pub(crate) connections: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) slices: Vec<Part>,
    pub(crate) targets: Vec<Part>,
    pub(crate) slowest: Vec<Ended>,
    pub(crate) unexpected_ones: Vec<Ended>,
    /// Those that ended since somebody last looked.
    pub(crate) recent: Times,
    pub(crate) last_end: Option<Instant>,
}

/// The requests of a part of the run, or of one target.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) ended: u64,
    pub(crate) unexpected: u64,
    pub(crate) corrected: Times,
}

impl Tally {
    pub(crate) fn new(targets: usize) -> Self {
        Self {
            due: 0,
            sent: 0,
            answered: 0,
            unexpected: 0,
            cut: 0,
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            corrected: Times::fine(),
            service: Times::fine(),
            lateness: Times::fine(),
            waited: Times::fine(),
            connecting: Times::coarse(),
            connections: 0,
            bytes_sent: 0,
            bytes_received: 0,
            slices: vec![Part::new(); SLICES],
            targets: vec![Part::new(); targets],
            slowest: Vec::new(),
            unexpected_ones: Vec::new(),
            recent: Times::coarse(),
            last_end: None,
        }
    }

    /// Counts what became of a request. `length` is that of the whole run.
    pub(crate) fn add(&mut self, ended: &Ended, length: Duration, now: Instant) {
        self.last_end = Some(now);
        let tells_time = match ended.result {
            Ok(status) => {
                self.answered += 1;
                *self.statuses.entry(status.as_u16()).or_default() += 1;
                true
            }
            Err(failure) => {
                *self.failures.entry(failure).or_default() += 1;
                failure.is_slowness()
            }
        };
        let slice = ended.moment.as_secs_f64() / length.as_secs_f64().max(1e-9);
        let slice = ((slice * SLICES as f64) as usize).min(SLICES - 1);
        self.slices[slice].add(ended, tells_time);
        if let Some(target) = self.targets.get_mut(ended.target) {
            target.add(ended, tells_time);
        }
        if tells_time {
            self.corrected.add(ended.corrected);
            self.recent.add(ended.corrected);
            if let Some(service) = ended.service {
                self.service.add(service);
            }
            self.remember_if_slow(ended);
        }
        if !ended.is_expected {
            self.unexpected += 1;
            if self.unexpected_ones.len() < REMEMBERED {
                self.unexpected_ones.push(ended.clone());
            }
        }
    }

    fn remember_if_slow(&mut self, ended: &Ended) {
        let last = self.slowest.last();
        let is_slow = last.is_none_or(|last| ended.corrected > last.corrected);
        if self.slowest.len() < REMEMBERED || is_slow {
            let place = self
                .slowest
                .partition_point(|other| other.corrected >= ended.corrected);
            self.slowest.insert(place, ended.clone());
            self.slowest.truncate(REMEMBERED);
        }
    }

    /// Takes another worker's into this one.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.due += other.due;
        self.sent += other.sent;
        self.answered += other.answered;
        self.unexpected += other.unexpected;
        self.cut += other.cut;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (failure, count) in &other.failures {
            *self.failures.entry(*failure).or_default() += count;
        }
        let times = [
            (&mut self.corrected, &other.corrected),
            (&mut self.service, &other.service),
            (&mut self.lateness, &other.lateness),
            (&mut self.waited, &other.waited),
            (&mut self.connecting, &other.connecting),
            (&mut self.recent, &other.recent),
        ];
        for (ours, theirs) in times {
            ours.merge(theirs);
        }
        self.connections += other.connections;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        let parts = self.slices.iter_mut().zip(&other.slices);
        let parts = parts.chain(self.targets.iter_mut().zip(&other.targets));
        parts.for_each(|(ours, theirs)| ours.merge(theirs));
        other
            .slowest
            .iter()
            .for_each(|ended| self.remember_if_slow(ended));
        self.unexpected_ones
            .extend_from_slice(&other.unexpected_ones);
        self.unexpected_ones.sort_by_key(|ended| ended.moment);
        self.unexpected_ones.truncate(REMEMBERED);
        self.last_end = self.last_end.max(other.last_end);
    }
}

impl Part {
    fn new() -> Self {
        Self {
            ended: 0,
            unexpected: 0,
            corrected: Times::coarse(),
        }
    }

    fn add(&mut self, ended: &Ended, tells_time: bool) {
        self.ended += 1;
        self.unexpected += u64::from(!ended.is_expected);
        if tells_time {
            self.corrected.add(ended.corrected);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.ended += other.ended;
        self.unexpected += other.unexpected;
        self.corrected.merge(&other.corrected);
    }
}

/// A distribution of times, from 1 µs to 1 h.
#[derive(Debug, Clone)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    const LONGEST: u64 = 3_600_000_000;

    /// Exact to a thousandth.
    pub(crate) fn fine() -> Self {
        Self::of(3)
    }

    /// Exact to a hundredth, for where there are many.
    pub(crate) fn coarse() -> Self {
        Self::of(2)
    }

    fn of(digits: u8) -> Self {
        let made = Histogram::new_with_bounds(1, Self::LONGEST, digits);
        Self(made.expect("the bounds are in order"))
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.0.saturating_record(time.as_micros() as u64);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let merged = self.0.add(&other.0);
        merged.expect("all have the same bounds");
    }

    pub(crate) fn clear(&mut self) {
        self.0.reset();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// None of an empty distribution.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<Duration> {
        let micros = || self.0.value_at_quantile(quantile).min(self.0.max());
        (!self.is_empty()).then(|| Duration::from_micros(micros()))
    }

    pub(crate) fn max(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_micros(self.0.max()))
    }

    pub(crate) fn mean(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_secs_f64(self.0.mean() / 1e6))
    }

    /// How many were longer.
    pub(crate) fn beyond(&self, time: Duration) -> u64 {
        let micros = time.as_micros() as u64;
        self.0.len() - self.0.count_between(0, micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(number: u64, millis: u64, result: Result<u16, Failure>) -> Ended {
        let result = result.map(|status| StatusCode::from_u16(status).unwrap());
        Ended {
            number,
            target: 0,
            moment: Duration::from_millis(number * 100),
            corrected: Duration::from_millis(millis),
            service: result.is_ok().then(|| Duration::from_millis(millis / 2)),
            is_expected: result.is_ok_and(|status| status.is_success()),
            result,
            trace: None,
        }
    }

    #[test]
    fn workers_together_count_what_each_counted() {
        let now = Instant::now();
        let length = Duration::from_secs(1);
        let mut whole = Tally::new(1);
        let mut parts = [Tally::new(1), Tally::new(1)];
        for number in 0..10 {
            let result = match number {
                3 => Err(Failure::Timeout),
                4 => Err(Failure::Refused),
                5 => Ok(503),
                _ => Ok(200),
            };
            let ended = ended(number, 10 + number, result);
            whole.add(&ended, length, now);
            parts[number as usize % 2].add(&ended, length, now);
        }
        let [mut first, second] = parts;
        first.merge(&second);
        assert_eq!((whole.answered, whole.unexpected), (8, 3));
        assert_eq!((first.answered, first.unexpected), (8, 3));
        assert_eq!(first.statuses, BTreeMap::from([(200, 7), (503, 1)]));
        assert_eq!(first.failures.len(), 2);
        // What waited in vain tells a time; who was refused does not.
        assert_eq!((first.corrected.count(), first.service.count()), (9, 8));
        assert!(first.slices.iter().all(|slice| slice.ended == 1));
        let numbers = |tally: &Tally| {
            tally
                .slowest
                .iter()
                .map(|one| one.number)
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(&first), [9, 8, 7, 6, 5]);
        assert_eq!(numbers(&whole), [9, 8, 7, 6, 5]);
    }

    #[test]
    fn distributions_tell_quantiles() {
        let mut times = Times::fine();
        assert_eq!(
            (times.quantile(0.5), times.max(), times.mean()),
            (None, None, None)
        );
        (1..=100).for_each(|millis| times.add(Duration::from_millis(millis)));
        let close = |found: Option<Duration>, millis: f64| {
            (found.unwrap().as_secs_f64() * 1e3 - millis).abs() < millis / 500.0
        };
        assert!(close(times.quantile(0.5), 50.0) && close(times.quantile(0.99), 99.0));
        assert!(close(times.max(), 100.0) && close(times.mean(), 50.5));
        assert_eq!(times.beyond(Duration::from_millis(90)), 10);
    }
}
