//! Against values that scipy 1.x, numpy and lifelines gave for the same data.

use proptest::prelude::*;

use super::student::{normal_cdf, normal_quantile, t_cdf};
use super::*;

const BEFORE: [f64; 14] = [
    1500.0, 840.0, 3600.0, 420.0, 2280.0, 960.0, 5400.0, 1260.0, 300.0, 1980.0, 7200.0, 1620.0,
    660.0, 1140.0,
];
const AFTER: [f64; 17] = [
    180.0, 95.0, 420.0, 60.0, 240.0, 150.0, 33.0, 310.0, 205.0, 90.0, 510.0, 120.0, 75.0, 160.0,
    270.0, 45.0, 190.0,
];

fn logs(seconds: &[f64]) -> Vec<f64> {
    seconds.iter().copied().map(log).collect()
}

fn sorted(seconds: &[f64]) -> Vec<f64> {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[track_caller]
fn near(found: f64, expected: f64) {
    let off = (found - expected).abs() / expected.abs().max(1e-12);
    assert!(off < 1e-9, "{found} is not {expected}");
}

#[track_caller]
fn both_near(found: (f64, f64), expected: (f64, f64)) {
    near(found.0, expected.0);
    near(found.1, expected.1);
}

#[test]
fn quantiles_are_those_of_numpy() {
    near(quantile(&sorted(&BEFORE), 0.5).unwrap(), 1380.0);
    near(quantile(&sorted(&BEFORE), 0.9).unwrap(), 4860.0);
    near(quantile(&sorted(&AFTER), 0.9).unwrap(), 354.0);
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(
        ecdf(&[1.0, 2.0, 2.0, 5.0]),
        [(1.0, 0.25), (2.0, 0.75), (5.0, 1.0)]
    );
}

#[test]
fn students_t_and_the_normal_are_those_of_scipy() {
    let quantiles = [
        (0.975, 1.0, 12.706_204_736_174_694),
        (0.975, 4.0, 2.776_445_105_197_793_4),
        (0.975, 13.7, 2.149_201_262_229_809),
        (0.8, 28.0, 0.854_647_485_582_222_7),
        (0.975, 1000.0, 1.962_339_080_826_408_3),
        (0.001, 2.5, -13.822_193_110_865_964),
    ];
    for (p, degrees, expected) in quantiles {
        near(t_quantile(p, degrees), expected);
    }
    near(t_cdf(2.1, 7.0), 0.963_064_401_893_538_7);
    near(t_cdf(-1.3, 2.5), 0.150_243_394_635_354_16);
    near(t_cdf(30.0, 4.0), 0.999_996_323_571_951);
    near(normal_quantile(0.975), 1.959_963_984_540_054);
    near(normal_quantile(0.0001), -3.719_016_485_455_680_4);
    near(normal_cdf(0.3), 0.617_911_422_188_952_6);
    near(normal_cdf(-2.9), 0.001_865_813_300_384_037_5);
    near(normal_cdf(3.2), 0.999_312_862_062_084_1);
    near(normal_cdf(-5.0), 2.866_515_718_791_933e-7);
}

#[test]
fn geometric_means_have_students_interval() {
    let found = geometric_mean(&BEFORE).unwrap();
    near(found.value, 1_428.888_192_32);
    both_near(
        found.interval.unwrap(),
        (847.947_134_211_9, 2_407.840_517_17),
    );
    let few = geometric_mean(&BEFORE[..4]).unwrap();
    assert_eq!(few.interval, None);
    assert_eq!(geometric_mean(&[]), None);
}

#[test]
fn welch_hodges_and_lehmann_agree_with_scipy() {
    let (b, a) = (logs(&BEFORE), logs(&AFTER));
    let found = welch_on_logs(&b, &a).unwrap();
    near(found.difference.exp(), 0.100_827_780_135_733_4);
    near(found.degrees, 25.646_125_905_585_997);
    both_near(
        found.interval(0.0),
        (0.053_866_770_618_838_954, 0.188_729_361_911_189_36),
    );
    assert!(
        (found.p_value - 5.929_546_9e-8).abs() < 1e-14,
        "{}",
        found.p_value
    );
    let wider = found.interval(0.1);
    assert!(wider.0 < 0.0538 && wider.1 > 0.1888);
    near(
        hodges_lehmann_shift(&b, &a).unwrap().exp(),
        0.105_962_588_565_203_5,
    );
    near(visible_ratio(&b, &a).unwrap(), 0.419_236_039_087_129_03);
    assert_eq!(welch_on_logs(&b[..4], &a), None);
    assert_eq!(welch_on_logs(&[1.0; 5], &[1.0; 5]), None);
}

#[test]
fn few_values_are_permuted_in_all_ways() {
    let b = logs(&[600.0, 900.0, 1500.0, 2400.0, 1200.0]);
    let a = logs(&[300.0, 700.0, 450.0, 1000.0, 350.0, 500.0]);
    let found = permutation_p_value(&b, &a, 1).unwrap();
    assert!(found.is_exact);
    near(found.p_value, 10.0 / 462.0);
    let many = permutation_p_value(&logs(&BEFORE), &logs(&AFTER), 1).unwrap();
    assert!(!many.is_exact && many.p_value <= 0.0002, "{many:?}");
    let same = permutation_p_value(&[1.0, 2.0], &[1.0, 2.0], 1).unwrap();
    near(same.p_value, 1.0);
}

#[test]
fn kaplan_and_meier_agree_with_lifelines() {
    let seconds = [
        31.0, 45.0, 45.0, 62.0, 90.0, 120.0, 120.0, 150.0, 240.0, 240.0, 300.0, 480.0, 600.0,
        900.0, 1500.0,
    ];
    let still_running = [3, 6, 11, 14];
    let observations: Vec<Observation> = seconds
        .iter()
        .enumerate()
        .map(|(at, seconds)| Observation {
            seconds: *seconds,
            is_over: !still_running.contains(&at),
        })
        .collect();
    let curve = SurvivalCurve::of(&observations);
    let at = |seconds: f64| {
        *curve
            .steps
            .iter()
            .find(|s| s.seconds.total_cmp(&seconds).is_eq())
            .unwrap()
    };
    assert!((at(150.0).surviving - 0.572_727).abs() < 1e-6);
    let (low, high) = at(300.0).interval.unwrap();
    assert!((low - 0.104_062).abs() < 1e-6 && (high - 0.576_165).abs() < 1e-6);
    assert!((at(900.0).interval.unwrap().0 - 0.007_036).abs() < 1e-6);
    assert_eq!(curve.quantile(0.5), Some(240.0));
    assert_eq!(
        curve.quantile_interval(0.5),
        Some((Some(45.0), Some(600.0)))
    );
    assert_eq!(curve.quantile(0.9), None);
    assert_eq!(curve.quantile_interval(0.9), Some((Some(600.0), None)));
    let short = SurvivalCurve::of(&observations[..12]);
    assert_eq!(short.quantile(0.5), Some(150.0));
    assert_eq!(
        short.quantile_interval(0.5),
        Some((Some(45.0), Some(300.0)))
    );
    assert_eq!(
        SurvivalCurve::of(&observations[..4]).quantile_interval(0.5),
        None
    );
    assert_eq!(SurvivalCurve::of(&[]).quantile(0.5), None);
}

#[test]
fn the_bootstrap_of_medians_is_near_that_of_scipy() {
    let arm = |seconds: &[f64]| -> Vec<Observed> {
        seconds.iter().copied().map(Observed::sure).collect()
    };
    let (b, a) = (arm(&BEFORE), arm(&AFTER));
    let (low, high) = median_ratio_interval(&b, &a, 7).unwrap();
    // scipy gives 0.0530 to 0.2143 with 100,000 resamples.
    assert!(
        (0.049..0.058).contains(&low) && (0.195..0.233).contains(&high),
        "{low} {high}"
    );
    assert_eq!(median_ratio_interval(&b, &a, 7), Some((low, high)));
    assert_eq!(median_ratio_interval(&b[..9], &a, 7), None);
    assert!(onset_variance(&b, &a).abs() < 1e-12);
    let unsure = |one: &Observed| Observed {
        least: one.seconds / 3.0,
        most: one.seconds * 3.0,
        ..*one
    };
    let unsure: Vec<Observed> = a.iter().map(unsure).collect();
    let added = onset_variance(&b, &unsure);
    assert!(added > 0.001 && added < 0.1, "{added}");
    // Of many values only the place of the median is drawn; that must come to the same.
    let many =
        |arm: &[Observed]| -> Vec<Observed> { arm.iter().copied().cycle().take(290).collect() };
    let more =
        |arm: &[Observed]| -> Vec<Observed> { arm.iter().copied().cycle().take(310).collect() };
    let each = median_ratio_interval(&many(&b), &many(&a), 7).unwrap();
    let by_place = median_ratio_interval(&more(&b), &more(&a), 7).unwrap();
    let off = |a: f64, b: f64| (a / b).ln().abs();
    assert!(
        off(each.0, by_place.0) < 0.15 && off(each.1, by_place.1) < 0.15,
        "{each:?} {by_place:?}"
    );
}

#[test]
fn strata_are_those_of_least_squares() {
    let named = |logs: Vec<f64>, every: usize| -> Vec<(String, f64)> {
        let name = |at: usize| {
            if at.is_multiple_of(every) {
                "error"
            } else {
                "critical"
            }
        };
        logs.into_iter()
            .enumerate()
            .map(|(at, log)| (name(at).to_owned(), log))
            .collect()
    };
    let (b, a) = (named(logs(&BEFORE), 3), named(logs(&AFTER), 2));
    let found = stratified_ratio(&b, &a).unwrap();
    assert!((found.ratio - 0.096_481_64).abs() < 1e-8);
    assert!((found.interval.0 - 0.051_552_62).abs() < 1e-8);
    assert!((found.interval.1 - 0.180_567_09).abs() < 1e-8);
    assert_eq!((found.strata, found.incidents), (2, 31));
    let other: Vec<(String, f64)> = a.iter().map(|(_, log)| ("info".to_owned(), *log)).collect();
    assert_eq!(stratified_ratio(&b, &other), None);
}

#[test]
fn shares_have_wilsons_interval() {
    both_near(
        wilson_interval(3, 20).unwrap(),
        (0.052_368_745_896_216_62, 0.360_418_864_740_756_9),
    );
    let none = wilson_interval(0, 7).unwrap();
    assert!(none.0 == 0.0 && (none.1 - 0.354_330_435).abs() < 1e-8);
    assert_eq!(wilson_interval(0, 0), None);
}

#[test]
fn a_mix_that_changed_is_seen_and_one_that_did_not_is_not() {
    let arm = |critical: usize, n: usize| -> Vec<String> {
        let name = |at| if at < critical { "critical" } else { "error" };
        (0..n).map(|at| name(at).to_owned()).collect()
    };
    assert!(mix_p_value(&arm(2, 20), &arm(16, 20), 3) < 0.01);
    assert!(mix_p_value(&arm(8, 20), &arm(9, 20), 3) > 0.5);
    assert!(mix_p_value(&arm(5, 5), &arm(0, 5), 3) < 0.05);
    near(mix_p_value(&[], &arm(1, 2), 3), 1.0);
}

fn durations(least: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(1.0..1e6_f64, least..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_told_of_an_arm_lies_within_it(values in durations(1)) {
        let ordered = sorted(&values);
        let (least, most) = (ordered[0], ordered[ordered.len() - 1]);
        let mean = geometric_mean(&values).unwrap();
        prop_assert!(mean.value >= least * 0.999_999 && mean.value <= most * 1.000_001);
        if let Some((low, high)) = mean.interval {
            prop_assert!(low <= mean.value && mean.value <= high);
        }
        let median = quantile(&ordered, 0.5).unwrap();
        prop_assert!(median <= quantile(&ordered, 0.9).unwrap());
        let curve = SurvivalCurve::of(&values.iter().map(|s| Observation { seconds: *s, is_over: true }).collect::<Vec<_>>());
        prop_assert!(curve.steps.windows(2).all(|pair| pair[0].surviving > pair[1].surviving));
        prop_assert!(curve.steps.last().unwrap().surviving.abs() < 1e-9);
        // Without anything running it is the share that is not over yet.
        for ((seconds, share), step) in ecdf(&ordered).into_iter().zip(&curve.steps) {
            prop_assert!(seconds.total_cmp(&step.seconds).is_eq() && (1.0 - share - step.surviving).abs() < 1e-9);
        }
    }

    #[test]
    fn a_comparison_turned_around_is_the_inverse(b in durations(5), a in durations(5)) {
        let (b, a) = (logs(&b), logs(&a));
        if let (Some(there), Some(back)) = (welch_on_logs(&b, &a), welch_on_logs(&a, &b)) {
            prop_assert!((there.difference + back.difference).abs() < 1e-9);
            let ((low, high), (back_low, back_high)) = (there.interval(0.0), back.interval(0.0));
            prop_assert!((low * back_high - 1.0).abs() < 1e-6 && (high * back_low - 1.0).abs() < 1e-6);
            prop_assert!((0.0..=1.0).contains(&there.p_value));
        }
        let there = hodges_lehmann_shift(&b, &a).unwrap();
        prop_assert!((there + hodges_lehmann_shift(&a, &b).unwrap()).abs() < 1e-9);
        let p = permutation_p_value(&b, &a, 5).unwrap().p_value;
        prop_assert!(p > 0.0 && p <= 1.0);
    }

    #[test]
    fn what_runs_on_never_shortens_the_median(values in durations(6), longer in 1.0..1e6_f64) {
        let over: Vec<Observation> = values.iter().map(|s| Observation { seconds: *s, is_over: true }).collect();
        let mut with_running = over.clone();
        with_running.push(Observation { seconds: longer, is_over: false });
        let before = SurvivalCurve::of(&over).quantile(0.5).unwrap();
        let after = SurvivalCurve::of(&with_running).quantile(0.5);
        prop_assert!(after.is_none_or(|after| after >= before));
    }
}
