//! Intervals of rates, at 95 %.

use serde::Serialize;

/// From `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) successes: u64,
    /// At least as many.
    pub(crate) of: u64,
}

/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Share {
    /// None of nothing.
    pub(crate) fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| self.successes as f64 / self.of as f64)
    }

    /// Wilson's score interval, which is right for small numbers and at the ends too.
    pub(crate) fn wilson(self) -> Option<Interval> {
        let rate = self.rate()?;
        let n = self.of as f64;
        let spread = 1.0 + Z * Z / n;
        let centre = (rate + Z * Z / (2.0 * n)) / spread;
        let half = Z / spread * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
        Some(Interval {
            low: if self.successes == 0 {
                0.0
            } else {
                (centre - half).max(0.0)
            },
            high: if self.successes == self.of {
                1.0
            } else {
                (centre + half).min(1.0)
            },
        })
    }

    /// How much larger this rate is than `control`'s, with Newcombe's hybrid score interval (his
    /// method 10).
    pub(crate) fn above(self, control: Self) -> Option<(f64, Interval)> {
        let (ours, theirs) = (self.rate()?, control.rate()?);
        let (of_ours, of_theirs) = (self.wilson()?, control.wilson()?);
        let difference = ours - theirs;
        let below = (ours - of_ours.low).hypot(of_theirs.high - theirs);
        let above = (of_ours.high - ours).hypot(theirs - of_theirs.low);
        Some((
            difference,
            Interval {
                low: difference - below,
                high: difference + above,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 5e-5, "{found} is not {expected}");
    }

    /// Newcombe 1998, Statistics in Medicine 17, table I: method 3, Wilson without correction.
    #[test]
    fn wilson_is_as_published() {
        for (successes, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let interval = Share { successes, of }.wilson().unwrap();
            near(interval.low, low);
            near(interval.high, high);
        }
        assert_eq!(
            Share {
                successes: 0,
                of: 0
            }
            .wilson(),
            None
        );
        near(
            Share {
                successes: 20,
                of: 20,
            }
            .wilson()
            .unwrap()
            .high,
            1.0,
        );
    }

    /// Newcombe 1998, Statistics in Medicine 17, table II: method 10.
    #[test]
    fn the_difference_is_as_published() {
        for (ours, control, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((10, 10), (0, 20), 0.6791, 1.0),
            ((0, 10), (0, 10), -0.2775, 0.2775),
        ] {
            let share = |(successes, of)| Share { successes, of };
            let (_, interval) = share(ours).above(share(control)).unwrap();
            near(interval.low, low);
            near(interval.high, high);
        }
    }
}
