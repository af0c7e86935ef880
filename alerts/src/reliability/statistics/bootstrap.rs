//! The interval of a ratio of medians by resampling, and how much uncertain onsets add to any.

use super::random::SplitMix;
use super::student::{normal_cdf, normal_quantile};
use super::triangle::triangle_quantile;
use super::{log, mean, variance};

/// Resamples where there are few values.
const RESAMPLES: usize = 10_000;
/// From so many values on, the place of a resampled median among them is drawn instead of them all.
const BY_PLACE_FROM: usize = 300;
/// Into so many equal parts the uncertainty of an onset is divided.
const PARTS: usize = 16;
/// From so many values in each arm on the bootstrap says something of a median.
const MEDIANS_FROM: usize = 10;

/// A duration, and between what it lies where its beginning is an estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Observed {
    pub seconds: f64,
    pub least: f64,
    pub most: f64,
}

impl Observed {
    #[cfg(test)]
    pub(crate) const fn sure(seconds: f64) -> Self {
        Self {
            seconds,
            least: seconds,
            most: seconds,
        }
    }

    /// From the interval, likeliest at the estimate.
    fn at(self, share: f64) -> f64 {
        triangle_quantile(share, self.least, self.seconds, self.most)
    }

    /// How much its logarithm varies for what is not known of the onset.
    fn log_variance(self) -> f64 {
        if self.least >= self.most {
            return 0.0;
        }
        let share = |part: usize| (part as f64 + 0.5) / PARTS as f64;
        let logs: Vec<f64> = (0..PARTS).map(|part| log(self.at(share(part)))).collect();
        variance(&logs) * (PARTS as f64 - 1.0) / PARTS as f64
    }
}

/// The 95 % interval of median(after) / median(before), by the bootstrap, bias-corrected and
/// accelerated (Efron, "Better Bootstrap Confidence Intervals", 1987; for two samples as Efron and
/// Tibshirani have it, 1993, ch. 14). In each resample every onset is drawn from its own interval.
/// None of fewer than ten in an arm, or where medians do not vary.
pub(crate) fn median_ratio_interval(
    before: &[Observed],
    after: &[Observed],
    seed: u64,
) -> Option<(f64, f64)> {
    if before.len() < MEDIANS_FROM || after.len() < MEDIANS_FROM {
        return None;
    }
    let (before, after) = (Arm::of(before), Arm::of(after));
    let estimate = after.median() - before.median();
    let mut random = SplitMix::seeded(seed);
    let mut scratch = Vec::new();
    let mut draws: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let of_after = after.resampled_median(&mut random, &mut scratch);
            of_after - before.resampled_median(&mut random, &mut scratch)
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    let below = draws.partition_point(|draw| *draw < estimate);
    let same = draws.partition_point(|draw| *draw <= estimate) - below;
    let share = (below as f64 + same as f64 / 2.0) / RESAMPLES as f64;
    if share <= 0.0 || share >= 1.0 {
        return None;
    }
    let bias = normal_quantile(share);
    let acceleration = acceleration(&[(&before.logs, -1.0), (&after.logs, 1.0)]);
    let end = |p: f64| {
        let z = bias + normal_quantile(p);
        let share = normal_cdf(bias + z / (1.0 - acceleration * z));
        super::quantile(&draws, share).map(f64::exp)
    };
    Some((end(0.025)?, end(0.975)?))
}

/// One side of a comparison, in order.
struct Arm {
    sorted: Vec<Observed>,
    logs: Vec<f64>,
}

impl Arm {
    fn of(observed: &[Observed]) -> Self {
        let mut sorted = observed.to_vec();
        sorted.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let logs = sorted.iter().map(|one| log(one.seconds)).collect();
        Self { sorted, logs }
    }

    fn median(&self) -> f64 {
        super::quantile(&self.logs, 0.5).unwrap_or_default()
    }

    /// The median of as many values drawn with replacement, each onset drawn from its interval. Of
    /// many values the place of the median is all but normal around the middle, with a variance of a
    /// quarter of their number (Mosteller, "On Some Useful 'Inefficient' Statistics", 1946).
    fn resampled_median(&self, random: &mut SplitMix, scratch: &mut Vec<f64>) -> f64 {
        let n = self.sorted.len();
        if n >= BY_PLACE_FROM {
            let off = normal_quantile((random.share()).clamp(1e-9, 1.0 - 1e-9));
            let place = (n as f64 / 2.0 + off * (n as f64).sqrt() / 2.0).max(0.0) as usize;
            return log(self.sorted[place.min(n - 1)].at(random.share()));
        }
        scratch.clear();
        for _ in 0..n {
            let drawn = self.sorted[random.below(n)];
            scratch.push(log(drawn.at(random.share())));
        }
        median(scratch)
    }
}

fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    let is_even = values.len().is_multiple_of(2);
    let (lower, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if is_even {
        let below = lower.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        f64::midpoint(below, *upper)
    } else {
        *upper
    }
}

/// How the estimate's deviation changes with the estimate, by leaving out each value of each arm.
fn acceleration(arms: &[(&[f64], f64)]) -> f64 {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for (sorted, sign) in arms {
        let n = sorted.len();
        let without: Vec<f64> = (0..n)
            .map(|left_out| sign * median_without(sorted, left_out))
            .collect();
        let center = mean(&without);
        for one in without {
            let influence = (n as f64 - 1.0) * (center - one) / n as f64;
            cubes += influence.powi(3);
            squares += influence.powi(2);
        }
    }
    if squares > 0.0 {
        cubes / (6.0 * squares.powf(1.5))
    } else {
        0.0
    }
}

/// The median of sorted values without the one at a place.
fn median_without(sorted: &[f64], left_out: usize) -> f64 {
    let at = |place: usize| sorted[place + usize::from(place >= left_out)];
    let n = sorted.len() - 1;
    if n.is_multiple_of(2) {
        f64::midpoint(at(n / 2 - 1), at(n / 2))
    } else {
        at(n / 2)
    }
}

/// By how much the difference of the means of logarithms varies for what is not known of the onsets:
/// the part between imputations of Rubin's rule ("Multiple Imputation for Nonresponse in Surveys",
/// 1987), for as many imputations as one likes. The variance of the difference grows by it.
pub(crate) fn onset_variance(before: &[Observed], after: &[Observed]) -> f64 {
    let of_mean = |arm: &[Observed]| {
        let variances: f64 = arm.iter().map(|one| one.log_variance()).sum();
        variances / (arm.len() as f64).powi(2)
    };
    of_mean(before) + of_mean(after)
}
