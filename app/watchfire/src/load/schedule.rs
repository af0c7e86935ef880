use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A stretch of a schedule. Stretches follow each other in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stretch {
    /// So many requests at one moment.
    Burst { at: Duration, count: u64 },
    /// Requests at a rate that goes evenly from `first` to `last`, in requests per second.
    Rate {
        from: Duration,
        until: Duration,
        first: f64,
        last: f64,
    },
}

impl Stretch {
    /// How many requests it makes on average.
    fn count(&self) -> f64 {
        match *self {
            Self::Burst { count, .. } => count as f64,
            Self::Rate {
                from,
                until,
                first,
                last,
            } => f64::midpoint(first, last) * (until.saturating_sub(from)).as_secs_f64(),
        }
    }
}

/// When requests are due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) stretches: Vec<Stretch>,
    /// When it is over, counted from its start.
    pub(crate) length: Duration,
    /// Some: arrivals are a Poisson process made of this seed. None: they are evenly spaced.
    pub(crate) poisson: Option<u64>,
}

impl Schedule {
    /// How many requests there will be; on average, if arrivals are random.
    pub(crate) fn count(&self) -> u64 {
        let all: f64 = self.stretches.iter().map(Stretch::count).sum();
        all.ceil() as u64
    }

    /// The moments, the same each time that they are asked for.
    pub(crate) fn arrivals(&self) -> Arrivals {
        let mut arrivals = Arrivals {
            stretches: self.stretches.clone().into(),
            gap: 0.0,
            done: 0.0,
            dice: self.poisson.map(StdRng::seed_from_u64),
        };
        if arrivals.dice.is_some() {
            arrivals.gap = arrivals.draw();
        }
        arrivals
    }
}

/// The moments of a schedule. A process of rate one is stretched to the rate of the moment: it is the
/// same to evenly spaced and to random arrivals, and to rates that change.
#[derive(Debug)]
pub(crate) struct Arrivals {
    stretches: std::collections::VecDeque<Stretch>,
    /// How much of the rate has to pass until the next request.
    gap: f64,
    /// How much of the first stretch is used up.
    done: f64,
    dice: Option<StdRng>,
}

impl Arrivals {
    fn draw(&mut self) -> f64 {
        match &mut self.dice {
            None => 1.0,
            Some(dice) => -(1.0 - dice.random::<f64>()).ln(),
        }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        loop {
            let stretch = *self.stretches.front()?;
            let count = stretch.count();
            match stretch {
                Stretch::Burst { at, .. } if self.done < count => {
                    self.done += 1.0;
                    return Some(at);
                }
                Stretch::Rate {
                    from,
                    until,
                    first,
                    last,
                } if self.done + self.gap < count => {
                    self.done += self.gap;
                    self.gap = self.draw();
                    let length = until.saturating_sub(from).as_secs_f64();
                    return Some(from + passed(self.done, first, (last - first) / length));
                }
                Stretch::Rate { .. } => self.gap -= count - self.done,
                Stretch::Burst { .. } => {}
            }
            self.done = 0.0;
            self.stretches.pop_front();
        }
    }
}

/// How long it takes until so many requests have come, at a rate that begins with `first` and grows
/// by `slope` each second.
fn passed(count: f64, first: f64, slope: f64) -> Duration {
    let root = (first * first + 2.0 * slope * count).max(0.0).sqrt();
    let seconds = if first + root > 0.0 {
        2.0 * count / (first + root)
    } else {
        0.0
    };
    Duration::from_secs_f64(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn rate(from: u64, until: u64, first: f64, last: f64) -> Stretch {
        Stretch::Rate {
            from: seconds(from),
            until: seconds(until),
            first,
            last,
        }
    }

    fn arrivals(stretches: &[Stretch], poisson: Option<u64>) -> Vec<Duration> {
        let schedule = Schedule {
            stretches: stretches.to_vec(),
            length: seconds(10),
            poisson,
        };
        schedule.arrivals().collect()
    }

    #[test]
    fn a_steady_rate_is_evenly_spaced() {
        let found = arrivals(&[rate(0, 2, 4.0, 4.0)], None);
        let millis: Vec<_> = found.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [0, 250, 500, 750, 1000, 1250, 1500, 1750]);
        assert_eq!(arrivals(&[rate(0, 10, 2000.0, 2000.0)], None).len(), 20_000);
    }

    #[test]
    fn a_burst_is_one_moment_and_the_tail_falls() {
        let burst = Stretch::Burst {
            at: seconds(1),
            count: 3,
        };
        let found = arrivals(&[rate(0, 1, 2.0, 2.0), burst, rate(1, 5, 4.0, 0.0)], None);
        assert_eq!(
            found[..5],
            [0, 500, 1000, 1000, 1000].map(Duration::from_millis)
        );
        assert_eq!(found.len(), 13, "{found:?}");
        let gaps: Vec<_> = found[5..]
            .windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0]))
            .collect();
        assert!(gaps.is_sorted(), "the rate falls: {found:?}");
        assert!(found.is_sorted() && found[12] < seconds(5), "{found:?}");
    }

    #[test]
    fn a_rate_that_begins_at_nothing_is_no_trouble() {
        let found = arrivals(&[rate(0, 4, 0.0, 2.0), rate(4, 5, 0.0, 0.0)], None);
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!((found[0], found[1]), (Duration::ZERO, seconds(2)));
    }

    #[test]
    fn random_arrivals_are_repeatable_and_have_the_rate() {
        let stretches = [rate(0, 10, 1000.0, 3000.0)];
        let found = arrivals(&stretches, Some(7));
        assert_eq!(found, arrivals(&stretches, Some(7)));
        assert_ne!(found, arrivals(&stretches, Some(8)));
        // 20,000 are expected; five standard deviations are 707.
        assert!(found.len().abs_diff(20_000) < 707, "{}", found.len());
        assert!(found.is_sorted());
        let early = found.iter().filter(|at| **at < seconds(5)).count();
        assert!(early.abs_diff(7_500) < 434, "{early}");
    }
}
