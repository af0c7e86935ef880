use watchfire_schemas::Sample;

/// Bins of equal width, each open on the left and closed on the right, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bins {
    pub(crate) start: i64,
    pub(crate) width: i64,
    pub(crate) count: usize,
}

impl Bins {
    pub(crate) fn end(&self) -> i64 {
        let span = self.width.saturating_mul(self.count as i64);
        self.start.saturating_add(span)
    }

    /// The bin that a time falls into.
    fn of(&self, t: i64) -> Option<usize> {
        if t <= self.start || t > self.end() {
            return None;
        }
        Some(((t - self.start - 1) / self.width) as usize)
    }

    /// Adds by how much one counter grew to the bins in which that was seen.
    ///
    /// A counter that falls has begun anew, so all that it then has is growth. What it had when it
    /// was first seen is none: nobody knows since when. Staleness markers are no values.
    pub(crate) fn add_growth(&self, samples: &[Sample], totals: &mut [f64]) {
        let values = samples.iter().filter(|sample| !sample.v.is_nan());
        let mut before: Option<f64> = None;
        for sample in values {
            let growth = match before.replace(sample.v) {
                None => 0.0,
                Some(before) if sample.v < before => sample.v,
                Some(before) => sample.v - before,
            };
            if let Some(bin) = self.of(sample.t) {
                totals[bin] += growth;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staleness::STALE;

    fn check(samples: &[(i64, f64)], expected: [f64; 3]) {
        let bins = Bins {
            start: 0,
            width: 10,
            count: 3,
        };
        let samples: Vec<_> = samples.iter().map(|&(t, v)| Sample { t, v }).collect();
        let mut totals = [0.0; 3];
        bins.add_growth(&samples, &mut totals);
        assert_eq!(
            totals.map(f64::to_bits),
            expected.map(f64::to_bits),
            "{totals:?}"
        );
    }

    #[test]
    fn growth_is_seen_in_the_bin_of_the_later_sample() {
        check(
            &[
                (-5, 1.0),
                (0, 2.0),
                (10, 5.0),
                (11, 6.0),
                (30, 9.0),
                (31, 99.0),
            ],
            [3.0, 1.0, 3.0],
        );
    }

    #[test]
    fn births_and_resets_are_no_decrease_and_no_leap() {
        check(&[(5, 100.0), (15, 103.0), (25, 2.0)], [0.0, 3.0, 2.0]);
        check(&[(5, 7.0), (10, STALE), (25, 8.0)], [0.0, 0.0, 1.0]);
        check(&[], [0.0; 3]);
    }
}
