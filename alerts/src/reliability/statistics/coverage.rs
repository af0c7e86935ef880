//! Do the intervals hold what they promise? Simulated durations, lognormal with a deviation of the
//! logarithms of 1.25, as published incidents have.

use std::f64::consts::PI;

use super::random::SplitMix;
use super::*;

const RUNS: usize = 2_000;
const DEVIATION: f64 = 1.25;

/// A logarithm of a duration whose median is 25 minutes.
fn drawn(random: &mut SplitMix) -> f64 {
    let (u, v) = (1.0 - random.share(), random.share());
    let normal = (-2.0 * u.ln()).sqrt() * (2.0 * PI * v).cos();
    1500_f64.ln() + DEVIATION * normal
}

fn arm(random: &mut SplitMix, n: usize) -> Vec<f64> {
    (0..n).map(|_| drawn(random).exp()).collect()
}

/// The share of runs in which an interval holds the truth.
fn covered(runs: usize, seed: u64, mut holds: impl FnMut(&mut SplitMix) -> bool) -> f64 {
    let mut random = SplitMix::seeded(seed);
    (0..runs).filter(|_| holds(&mut random)).count() as f64 / runs as f64
}

#[track_caller]
fn check(share: f64) {
    assert!(
        (0.92..=0.98).contains(&share),
        "95 % intervals hold {share}"
    );
}

#[test]
fn geometric_means_are_covered() {
    for n in [5, 8, 15, 40] {
        check(covered(RUNS, n as u64, |random| {
            let (low, high) = geometric_mean(&arm(random, n)).unwrap().interval.unwrap();
            low <= 1500.0 && 1500.0 <= high
        }));
    }
}

#[test]
fn ratios_are_covered_and_power_is_as_told() {
    for (nb, na) in [(5, 5), (8, 20), (14, 17)] {
        check(covered(RUNS, nb as u64, |random| {
            let before: Vec<f64> = arm(random, nb).into_iter().map(log).collect();
            let after: Vec<f64> = arm(random, na).iter().map(|s| log(s * 0.12)).collect();
            let (low, high) = welch_on_logs(&before, &after).unwrap().interval(0.0);
            low <= 0.12 && 0.12 <= high
        }));
    }
    // With ten in each arm a cut from 25 minutes to 3 is seen in 94 of 100 comparisons.
    let seen = covered(RUNS, 10, |random| {
        let before: Vec<f64> = arm(random, 10).into_iter().map(log).collect();
        let after: Vec<f64> = arm(random, 10)
            .iter()
            .map(|s| log(s * 3.0 / 25.0))
            .collect();
        welch_on_logs(&before, &after).unwrap().p_value < 0.05
    });
    assert!((0.91..0.97).contains(&seen), "{seen}");
}

#[test]
fn medians_with_some_still_running_are_covered() {
    for n in [20, 40] {
        check(covered(RUNS, n as u64, |random| {
            let observations: Vec<Observation> = (0..n)
                .map(|_| {
                    let (seconds, seen_for) = (drawn(random).exp(), drawn(random).exp() * 6.0);
                    Observation {
                        seconds: seconds.min(seen_for),
                        is_over: seconds <= seen_for,
                    }
                })
                .collect();
            let found = SurvivalCurve::of(&observations)
                .quantile_interval(0.5)
                .unwrap();
            found.0.is_none_or(|low| low <= 1500.0) && found.1.is_none_or(|high| 1500.0 <= high)
        }));
    }
}

#[test]
fn ratios_of_medians_are_covered() {
    let observed =
        |seconds: Vec<f64>| -> Vec<Observed> { seconds.into_iter().map(Observed::sure).collect() };
    // The bootstrap of medians is known to be a little too careful.
    let share = covered(120, 4, |random| {
        let (before, after) = (observed(arm(random, 15)), observed(arm(random, 15)));
        let found = median_ratio_interval(&before, &after, 9).unwrap();
        found.0 <= 1.0 && 1.0 <= found.1
    });
    assert!((0.90..=1.0).contains(&share), "{share}");
}

#[test]
fn no_change_is_seldom_taken_for_one() {
    let wrong = covered(150, 6, |random| {
        let before: Vec<f64> = arm(random, 12).into_iter().map(log).collect();
        let after: Vec<f64> = arm(random, 12).into_iter().map(log).collect();
        permutation_p_value(&before, &after, 3).unwrap().p_value <= 0.05
    });
    assert!(wrong < 0.11, "{wrong}");
}
