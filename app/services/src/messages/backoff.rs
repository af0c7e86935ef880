use std::time::Duration;

use rand::Rng;

/// When to try again: exponential back-off with full jitter, so that those who failed together do not
/// come back together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// The longest wait before the second attempt.
    pub(crate) base: Duration,
    /// The longest wait before any.
    pub(crate) cap: Duration,
}

impl Backoff {
    /// What to wait after the attempt of this number, from 1 on: anything up to `base` doubled with
    /// each attempt.
    pub(crate) fn wait(&self, attempt: i64, dice: &mut impl Rng) -> Duration {
        let doublings = u32::try_from(attempt.clamp(1, 31) - 1).unwrap_or(0);
        let most = self.base.saturating_mul(1 << doublings).min(self.cap);
        dice.random_range(Duration::ZERO..=most)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn waits_are_spread_over_a_range_that_doubles_up_to_the_cap() {
        let backoff = Backoff {
            base: Duration::from_secs(1),
            cap: Duration::from_mins(1),
        };
        let mut dice = StdRng::seed_from_u64(7);
        for (attempt, most) in [(1, 1.0), (3, 4.0), (6, 32.0), (7, 60.0), (1_000, 60.0)] {
            let waits: Vec<f64> = (0..2_000)
                .map(|_| backoff.wait(attempt, &mut dice).as_secs_f64())
                .collect();
            let mean = waits.iter().sum::<f64>() / 2_000.0;
            assert!(waits.iter().all(|wait| *wait <= most));
            assert!((mean / most - 0.5).abs() < 0.04, "{attempt}: {mean}");
        }
    }
}
