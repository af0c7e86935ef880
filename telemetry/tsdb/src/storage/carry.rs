use watchfire_schemas::{HistogramSample, Sample};

use super::head_series::CARRY_MS;

/// The grid on which values are carried, in milliseconds: as often as a scrape would come.
const GRID_MS: i64 = 15_000;

/// What a series has at a time.
pub(crate) trait Timed: Clone {
    fn t(&self) -> i64;
    /// The same at another time.
    fn at(&self, t: i64) -> Self;
}

impl Timed for Sample {
    fn t(&self) -> i64 {
        self.t
    }

    fn at(&self, t: i64) -> Self {
        Self { t, v: self.v }
    }
}

impl Timed for HistogramSample {
    fn t(&self) -> i64 {
        self.t
    }

    fn at(&self, t: i64) -> Self {
        Self {
            t,
            h: self.h.clone(),
        }
    }
}

/// The samples of a delta series as a scraper would have seen them.
///
/// Such a series gets a sample only when something happens. Between two of them, and after the
/// last, its value is repeated on a 15-second grid for up to an hour, so that `rate()` and instant
/// lookups see that it stood still, but not beyond `now`: only what was written may lie in a time
/// to come, as the sample of an event of this very second does. Gives samples in `from..=to`;
/// `samples` must reach back an hour before `from`.
pub(crate) fn carry_forward<T: Timed>(samples: &[T], from: i64, to: i64, now: i64) -> Vec<T> {
    let mut carried = Vec::with_capacity(samples.len());
    for (i, sample) in samples.iter().enumerate() {
        if sample.t() >= from && sample.t() <= to {
            carried.push(sample.clone());
        }
        let next = samples.get(i + 1).map_or(i64::MAX, T::t);
        let end = to
            .min(now)
            .min(next - 1)
            .min(sample.t().saturating_add(CARRY_MS));
        let after = from.max(sample.t().saturating_add(1));
        let mut t = after.saturating_add(GRID_MS - 1).div_euclid(GRID_MS) * GRID_MS;
        while t <= end {
            carried.push(sample.at(t));
            t += GRID_MS;
        }
    }
    carried
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(samples: &[(i64, f64)], from: i64, to: i64, expected: &[(i64, f64)]) {
        let samples: Vec<_> = samples.iter().map(|&(t, v)| Sample { t, v }).collect();
        let carried = carry_forward(&samples, from, to, i64::MAX);
        let carried: Vec<_> = carried.iter().map(|s| (s.t, s.v)).collect();
        assert_eq!(carried, expected);
    }

    #[test]
    fn values_are_repeated_on_the_grid_until_the_next_sample() {
        let samples = [(1000, 0.0), (2000, 1.0), (33_000, 2.0)];
        check(
            &samples,
            0,
            50_000,
            &[
                (1000, 0.0),
                (2000, 1.0),
                (15_000, 1.0),
                (30_000, 1.0),
                (33_000, 2.0),
                (45_000, 2.0),
            ],
        );
        check(&samples, 20_000, 31_000, &[(30_000, 1.0)]);
        let samples = samples.map(|(t, v)| Sample { t, v });
        let ahead = carry_forward(&samples, 20_000, 50_000, 32_500);
        let ahead: Vec<_> = ahead.iter().map(|s| (s.t, s.v)).collect();
        assert_eq!(
            ahead,
            [(30_000, 1.0), (33_000, 2.0)],
            "nothing after it yet"
        );
        check(&[(15_000, 1.0)], 0, 29_999, &[(15_000, 1.0)]);
    }

    #[test]
    fn after_an_hour_a_silent_series_ends() {
        let carried = carry_forward(&[Sample { t: 0, v: 3.0 }], 3_580_000, i64::MAX, i64::MAX);
        let times: Vec<_> = carried.iter().map(|s| s.t).collect();
        assert_eq!(times, [3_585_000, 3_600_000]);
    }
}
