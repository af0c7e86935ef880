use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// When requests arrive, as time since the beginning: a Poisson process whose rate is drawn anew
/// every second. Counts are over-dispersed, as those of real visitors are: the variance of a
/// second's count with mean m is m + m²/[`Self::SHAPE`].
#[derive(Debug)]
pub(crate) struct Arrivals {
    mean_rate: f64,
    dice: StdRng,
    at: f64,
    second: u64,
    rate: f64,
}

impl Arrivals {
    /// Of the gamma distribution from which each second's rate is drawn.
    const SHAPE: u32 = 8;

    pub(crate) fn new(mean_rate: f64, seed: u64) -> Self {
        let mut arrivals = Self {
            mean_rate: if mean_rate.is_finite() {
                mean_rate
            } else {
                0.0
            },
            dice: StdRng::seed_from_u64(seed),
            at: 0.0,
            second: 0,
            rate: 0.0,
        };
        arrivals.rate = arrivals.drawn_rate();
        arrivals
    }

    /// A gamma variate of whole shape is a sum of exponential ones.
    fn drawn_rate(&mut self) -> f64 {
        let sum: f64 = (0..Self::SHAPE).map(|_| exponential(&mut self.dice)).sum();
        self.mean_rate * sum / f64::from(Self::SHAPE)
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    /// Endless, unless the rate is not above zero.
    fn next(&mut self) -> Option<Duration> {
        if self.mean_rate <= 0.0 {
            return None;
        }
        loop {
            let next = self.at + exponential(&mut self.dice) / self.rate;
            let end = (self.second + 1) as f64;
            if next < end {
                self.at = next;
                return Some(Duration::from_secs_f64(next));
            }
            // What was drawn reaches into another second, which has a rate of its own; the
            // exponential distribution forgets, so it may be drawn again from there.
            self.at = end;
            self.second += 1;
            self.rate = self.drawn_rate();
        }
    }
}

fn exponential(dice: &mut StdRng) -> f64 {
    let uniform: f64 = dice.random();
    -(1.0 - uniform).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_come_in_order_at_their_rate_and_over_dispersed() {
        let seconds = 2_000;
        let mut counts = vec![0_u32; seconds];
        let mut last = Duration::ZERO;
        for at in Arrivals::new(20.0, 7).take_while(|at| at.as_secs() < seconds as u64) {
            assert!(at >= last);
            last = at;
            counts[at.as_secs() as usize] += 1;
        }
        let mean = f64::from(counts.iter().sum::<u32>()) / seconds as f64;
        let squares = counts
            .iter()
            .map(|count| (f64::from(*count) - mean).powi(2));
        let variance = squares.sum::<f64>() / seconds as f64;
        assert!((19.0..21.0).contains(&mean), "{mean}");
        // 20 + 20²/8 = 70.
        assert!((55.0..85.0).contains(&variance), "{variance}");
    }

    #[test]
    fn the_same_seed_gives_the_same_arrivals_and_no_rate_none() {
        let some = |seed| Arrivals::new(5.0, seed).take(50).collect::<Vec<_>>();
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert_eq!(Arrivals::new(0.0, 1).next(), None);
        assert_eq!(Arrivals::new(f64::NAN, 1).next(), None);
    }
}
