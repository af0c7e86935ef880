use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// How long one step takes: log-normal around a median. The medians are those of the live services
/// (two cores, nothing else running, 20 requests/s, unoptimised build).
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    median_micros: f64,
}

/// One statement of the API, the wait for a connection included.
pub(super) const STATEMENT: Pace = Pace::micros(180.0);
/// What the content service does besides its statements.
pub(super) const CONTENT: Pace = Pace::micros(350.0);
/// The way from the gateway to the content service and back.
pub(super) const CALL: Pace = Pace::micros(480.0);
/// What the gateway does besides its call.
pub(super) const GATEWAY: Pace = Pace::micros(160.0);
/// A read of the feed.
pub(super) const FEED: Pace = Pace::micros(900.0);
/// The write of a few entries.
pub(super) const UPSERT: Pace = Pace::micros(260.0);

impl Pace {
    /// The standard deviation of the logarithm.
    const SPREAD: f64 = 0.35;
    /// One step in so many meets a busy machine, and takes up to [`Self::BUSY`] times as long.
    const HICCUP: f64 = 0.004;
    const BUSY: std::ops::Range<f64> = 3.0..12.0;

    const fn micros(median_micros: f64) -> Self {
        Self { median_micros }
    }

    pub(super) fn draw(self, dice: &mut StdRng) -> Duration {
        let mut micros = self.median_micros * (Self::SPREAD * normal(dice)).exp();
        if dice.random_bool(Self::HICCUP) {
            micros *= dice.random_range(Self::BUSY);
        }
        Duration::from_nanos((micros * 1_000.0) as u64)
    }
}

/// How many times as long as its median one of many like it takes.
pub(super) fn factor(dice: &mut StdRng) -> f64 {
    (Pace::SPREAD * normal(dice)).exp()
}

/// A standard normal variate, by Box and Muller.
fn normal(dice: &mut StdRng) -> f64 {
    let (radius, angle): (f64, f64) = (dice.random(), dice.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn half_of_the_draws_are_below_the_median() {
        let mut dice = StdRng::seed_from_u64(1);
        let median = Duration::from_micros(180);
        let below = (0..4_000).filter(|_| STATEMENT.draw(&mut dice) < median);
        let below = below.count();
        assert!((1_850..2_150).contains(&below), "{below}");
    }
}
