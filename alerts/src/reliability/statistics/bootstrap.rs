//! What resampling tells: the interval of a ratio of medians, and how much an uncertain onset adds.

use super::random::SplitMix;
use super::student::{normal_cdf, normal_quantile};
use super::{log, mean, variance};

/// Resamples where there are few values.
const RESAMPLES: usize = 10_000;
/// Values drawn in all, so that thousands of incidents do not take seconds.
const MOST_DRAWN: usize = 8_000_000;
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

    /// Drawn from the interval, likeliest at the estimate.
    fn drawn(self, random: &mut SplitMix) -> f64 {
        random.triangular(self.least, self.seconds, self.most)
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
    let logs = |arm: &[Observed]| -> Vec<f64> { arm.iter().map(|one| log(one.seconds)).collect() };
    let (mut b, mut a) = (logs(before), logs(after));
    let estimate = median(&mut a) - median(&mut b);
    let mut random = SplitMix::seeded(seed);
    let resamples = (MOST_DRAWN / (before.len() + after.len())).clamp(1_000, RESAMPLES);
    let mut scratch = Vec::new();
    let mut draws: Vec<f64> = (0..resamples)
        .map(|_| {
            let of_after = resampled_median(after, &mut random, &mut scratch);
            of_after - resampled_median(before, &mut random, &mut scratch)
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    let below = draws.partition_point(|draw| *draw < estimate);
    let same = draws.partition_point(|draw| *draw <= estimate) - below;
    let share = (below as f64 + same as f64 / 2.0) / resamples as f64;
    if share <= 0.0 || share >= 1.0 {
        return None;
    }
    let bias = normal_quantile(share);
    let acceleration = acceleration(&[(&b, -1.0), (&a, 1.0)]);
    let end = |p: f64| {
        let z = bias + normal_quantile(p);
        let share = normal_cdf(bias + z / (1.0 - acceleration * z));
        super::quantile(&draws, share).map(f64::exp)
    };
    Some((end(0.025)?, end(0.975)?))
}

fn resampled_median(arm: &[Observed], random: &mut SplitMix, scratch: &mut Vec<f64>) -> f64 {
    scratch.clear();
    for _ in 0..arm.len() {
        let one = arm[random.below(arm.len())];
        scratch.push(log(one.drawn(random)));
    }
    median(scratch)
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
    for (logs, sign) in arms {
        let mut sorted = logs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let without: Vec<f64> = (0..n)
            .map(|left_out| sign * median_without(&sorted, left_out))
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

/// By how much the difference of the means of logarithms varies from the uncertainty of onsets
/// alone: the part between imputations of Rubin's rule (Rubin, "Multiple Imputation for Nonresponse
/// in Surveys", 1987), with which the variance of the difference grows.
pub(crate) fn onset_variance(before: &[Observed], after: &[Observed], seed: u64) -> f64 {
    let are_sure = |arm: &[Observed]| arm.iter().all(|one| one.least >= one.most);
    if are_sure(before) && are_sure(after) {
        return 0.0;
    }
    let mut random = SplitMix::seeded(seed);
    let imputations = (MOST_DRAWN / 8 / (before.len() + after.len()).max(1)).clamp(50, 1_000);
    let mut drawn_mean = |arm: &[Observed]| {
        let logs: f64 = arm.iter().map(|one| log(one.drawn(&mut random))).sum();
        logs / arm.len() as f64
    };
    let differences: Vec<f64> = (0..imputations)
        .map(|_| drawn_mean(after) - drawn_mean(before))
        .collect();
    variance(&differences) * (1.0 + 1.0 / imputations as f64)
}
