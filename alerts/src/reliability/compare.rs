//! Two periods beside each other: by how much a response time changed, and how sure that is.

use serde::Serialize;
use watchfire_schemas::{TimeRange, Timestamp};

use super::case::Case;
use super::question::Grouping;
use super::report::{ReliabilityReport, report};
use super::statistics::{
    INFERENCE_FROM, Observed, hodges_lehmann_shift, log, median_ratio_interval, onset_variance,
    permutation_p_value, stratified_ratio, visible_ratio, welch_on_logs,
};
use super::summary::ResponseSummary;
use super::warnings::{Warning, told_of_two};
use crate::response_times::Measure;

/// Of all that is drawn at random: fixed, so that the same question has the same answer.
const SEED: u64 = 7117;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeriodComparison {
    pub before: Period,
    pub after: Period,
    /// In the order of [`Measure::ALL`].
    pub measures: Vec<MeasureComparison>,
    pub warnings: Vec<Warning>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
    #[serde(flatten)]
    pub report: ReliabilityReport,
}

/// How one response time changed. Ratios are after over before, of those incidents for which it is
/// over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasureComparison {
    pub measure: Measure,
    pub before: ResponseSummary,
    pub after: ResponseSummary,
    /// The durations themselves, where there are too few to infer from.
    pub values: Option<(Vec<f64>, Vec<f64>)>,
    /// Of geometric means. None below five in an arm, and so all that follows.
    pub ratio: Option<f64>,
    /// Its 95 % interval: Welch's t on logarithms.
    pub interval: Option<(f64, f64)>,
    /// The same, with the uncertainty of the onsets; none where none is uncertain.
    pub interval_with_onset: Option<(f64, f64)>,
    pub p_value: Option<f64>,
    pub permutation_p_value: Option<f64>,
    pub permutation_is_exact: Option<bool>,
    /// The Hodges–Lehmann shift of logarithms, as a ratio.
    pub shift: Option<f64>,
    /// Of medians, with the interval of the bootstrap (`BCa`, onsets drawn anew); none below ten in an
    /// arm.
    pub median_ratio: Option<f64>,
    pub median_ratio_interval: Option<(f64, f64)>,
    /// What this many incidents would see in four of five cases: a ratio of this or less.
    pub visible_ratio: Option<f64>,
    /// The ratio with the mix of services and of severities held fast.
    pub stratified: Vec<StratifiedRatio>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StratifiedRatio {
    pub by: &'static str,
    pub ratio: f64,
    pub interval: (f64, f64),
    /// Those that have incidents on both sides.
    pub strata: usize,
    pub incidents: usize,
}

/// Compares the incidents of two periods.
pub(crate) fn compare(
    (before, before_range): (&[&Case], TimeRange),
    (after, after_range): (&[&Case], TimeRange),
    now: Timestamp,
) -> PeriodComparison {
    let period = |cases: &[&Case], range: TimeRange| Period {
        start: range.start,
        end: range.end,
        report: report(None, cases, range, now),
    };
    let (b, a) = (period(before, before_range), period(after, after_range));
    let measures = Measure::ALL.map(|measure| {
        let summaries = (*b.report.summary(measure), *a.report.summary(measure));
        compared(measure, summaries, before, after, now)
    });
    PeriodComparison {
        before: b,
        after: a,
        measures: measures.into(),
        warnings: told_of_two((before, before_range), (after, after_range), SEED),
    }
}

fn compared(
    measure: Measure,
    (of_before, of_after): (ResponseSummary, ResponseSummary),
    before: &[&Case],
    after: &[&Case],
    now: Timestamp,
) -> MeasureComparison {
    let mut told = MeasureComparison {
        measure,
        before: of_before,
        after: of_after,
        values: None,
        ratio: None,
        interval: None,
        interval_with_onset: None,
        p_value: None,
        permutation_p_value: None,
        permutation_is_exact: None,
        shift: None,
        median_ratio: None,
        median_ratio_interval: None,
        visible_ratio: None,
        stratified: Vec::new(),
    };
    let observed = |arm: &[&Case]| -> Vec<Observed> {
        arm.iter()
            .filter_map(|case| case.observed(measure, now))
            .collect()
    };
    let (observed_before, observed_after) = (observed(before), observed(after));
    if observed_before.len() < INFERENCE_FROM || observed_after.len() < INFERENCE_FROM {
        let seconds = |arm: &[Observed]| arm.iter().map(|one| one.seconds).collect();
        told.values = Some((seconds(&observed_before), seconds(&observed_after)));
        return told;
    }
    let logs = |arm: &[Observed]| -> Vec<f64> { arm.iter().map(|one| log(one.seconds)).collect() };
    let (b, a) = (logs(&observed_before), logs(&observed_after));
    let mean = |logs: &[f64]| logs.iter().sum::<f64>() / logs.len() as f64;
    told.ratio = Some((mean(&a) - mean(&b)).exp());
    if let Some(welch) = welch_on_logs(&b, &a) {
        told.interval = Some(welch.interval(0.0));
        told.p_value = Some(welch.p_value);
        let added = onset_variance(&observed_before, &observed_after);
        told.interval_with_onset = (added > 0.0).then(|| welch.interval(added));
    }
    let permuted = permutation_p_value(&b, &a, SEED);
    told.permutation_p_value = permuted.map(|permuted| permuted.p_value);
    told.permutation_is_exact = permuted.map(|permuted| permuted.is_exact);
    told.shift = hodges_lehmann_shift(&b, &a).map(f64::exp);
    told.median_ratio_interval = median_ratio_interval(&observed_before, &observed_after, SEED);
    told.median_ratio = told
        .median_ratio_interval
        .and_then(|_| Some(of_after.median? / of_before.median?));
    told.visible_ratio = visible_ratio(&b, &a);
    told.stratified = [Grouping::Severity, Grouping::Service]
        .into_iter()
        .filter_map(|by| stratified(by, measure, before, after, now))
        .collect();
    told
}

fn stratified(
    by: Grouping,
    measure: Measure,
    before: &[&Case],
    after: &[&Case],
    now: Timestamp,
) -> Option<StratifiedRatio> {
    let strata = |arm: &[&Case]| -> Vec<(String, f64)> {
        let one = |case: &&Case| {
            let seconds = case.observed(measure, now)?.seconds;
            Some((by.keys(case).into_iter().next()?, log(seconds)))
        };
        arm.iter().filter_map(one).collect()
    };
    let found = stratified_ratio(&strata(before), &strata(after))?;
    Some(StratifiedRatio {
        by: by.key(),
        ratio: found.ratio,
        interval: found.interval,
        strata: found.strata,
        incidents: found.incidents,
    })
}

#[cfg(test)]
mod tests {
    use super::super::case::tests::case;
    use super::*;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange {
            start: Timestamp::from_secs(from * 86_400),
            end: Timestamp::from_secs(to * 86_400),
        }
    }

    fn told(before: &[f64], after: &[f64]) -> PeriodComparison {
        let arm = |seconds: &[f64], from: i64| -> Vec<Case> {
            let day = |(at, ttd): (usize, &f64)| case(from + at as i64, *ttd, Some(ttd * 4.0));
            seconds.iter().enumerate().map(day).collect()
        };
        let (b, a) = (arm(before, 0), arm(after, 30));
        let (b, a): (Vec<&Case>, Vec<&Case>) = (b.iter().collect(), a.iter().collect());
        let now = Timestamp::from_secs(60 * 86_400);
        compare((&b, range(0, 30)), (&a, range(30, 60)), now)
    }

    #[test]
    fn a_tenth_is_a_tenth_by_every_measure() {
        let before: Vec<f64> = (0..14).map(|at| 600.0 * 1.2_f64.powi(at)).collect();
        let after: Vec<f64> = before.iter().map(|seconds| seconds / 10.0).collect();
        let told = told(&before, &after);
        let ttd = &told.measures[0];
        for found in [ttd.ratio, ttd.shift, ttd.median_ratio] {
            assert!((found.unwrap() - 0.1).abs() < 1e-9, "{ttd:?}");
        }
        let (low, high) = ttd.interval.unwrap();
        assert!(low < 0.1 && high > 0.1 && high < 0.25);
        assert!(ttd.permutation_p_value.unwrap() < 0.001);
        assert_eq!(ttd.interval_with_onset, None);
        assert_eq!(ttd.stratified.len(), 2);
        assert!((ttd.stratified[0].ratio - 0.1).abs() < 1e-9);
        // Notifying took the same in both: nothing varies, so there is no interval, and no doubt.
        let ttn = &told.measures[1];
        assert_eq!((ttn.ratio, ttn.interval), (Some(1.0), None));
        assert_eq!(
            (told.before.report.incidents, told.after.report.incidents),
            (14, 14)
        );
    }

    #[test]
    fn few_are_shown_as_they_are() {
        let told = told(&[10.0, 20.0, 30.0, 40.0], &[1.0; 9]);
        let ttd = &told.measures[0];
        assert_eq!(ttd.ratio, None);
        assert_eq!(
            ttd.values.as_ref().map(|v| v.0.clone()),
            Some(vec![10.0, 20.0, 30.0, 40.0])
        );
        assert!(ttd.stratified.is_empty() && ttd.p_value.is_none());
    }

    #[test]
    fn unsure_onsets_widen_the_interval() {
        let arm = |from: i64, ttd: f64| -> Vec<Case> {
            let day = |at: i64| {
                let mut one = case(from + at, ttd * 1.1_f64.powi(at as i32), Some(1e4));
                one.earliest = one.moments.onset - std::time::Duration::from_mins(2);
                one.latest = one.moments.onset + std::time::Duration::from_mins(1);
                one
            };
            (0..10).map(day).collect()
        };
        let (b, a) = (arm(0, 600.0), arm(30, 100.0));
        let (b, a): (Vec<&Case>, Vec<&Case>) = (b.iter().collect(), a.iter().collect());
        let now = Timestamp::from_secs(60 * 86_400);
        let told = compare((&b, range(0, 30)), (&a, range(30, 60)), now);
        let ttd = &told.measures[0];
        let ((low, high), (wide_low, wide_high)) =
            (ttd.interval.unwrap(), ttd.interval_with_onset.unwrap());
        assert!(wide_low < low && wide_high > high);
        assert_eq!(told.measures[1].interval_with_onset, None);
    }
}
