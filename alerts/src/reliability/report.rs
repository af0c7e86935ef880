use std::collections::BTreeMap;

use serde::Serialize;
use watchfire_schemas::{TimeRange, Timestamp};

use super::case::Case;
use super::measured::MeasuredIncident;
use super::phases::{PhaseTotal, phase_totals};
use super::question::{Grouping, Scope};
use super::statistics::quantile;
use super::summary::{Curve, Readings, ResponseSummary};
use super::trend::{TrendStep, trend};
use super::warnings::{Warning, told_of_one};
use crate::response_times::Measure;

/// What is told of the incidents of a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// Of all incidents that page.
    pub all: ReliabilityReport,
    /// For each value of the grouping, the most incidents first. An incident of several services
    /// counts for each.
    pub groups: Vec<ReliabilityReport>,
    /// The curves of all, in the order of [`Measure::ALL`].
    pub curves: [Curve; 5],
    pub trend: Vec<TrendStep>,
    /// Earliest onset first; warnings only where they were asked for.
    pub incidents: Vec<MeasuredIncident>,
    pub warnings: Vec<Warning>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReliabilityReport {
    /// The value of the grouping (a service, a severity, a team), or none for all.
    pub key: Option<String>,
    pub incidents: usize,
    pub open: usize,
    pub frequency: Frequency,
    pub ttd: ResponseSummary,
    pub ttn: ResponseSummary,
    pub tta: ResponseSummary,
    pub ttr: ResponseSummary,
    pub time_to_resolve: ResponseSummary,
    pub phases: Vec<PhaseTotal>,
}

/// How often it fails: fewer and graver incidents take longer each, so this stands beside how long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Frequency {
    pub per_week: f64,
    /// The time of the period over the incidents in it, in seconds: MTBF.
    pub between_failures: Option<f64>,
    /// The median time from one onset to the next, in seconds.
    pub median_gap: Option<f64>,
}

impl ReliabilityReport {
    pub const fn summary(&self, measure: Measure) -> &ResponseSummary {
        match measure {
            Measure::Detect => &self.ttd,
            Measure::Notify => &self.ttn,
            Measure::Acknowledge => &self.tta,
            Measure::Recover => &self.ttr,
            Measure::Resolve => &self.time_to_resolve,
        }
    }
}

/// Everything, of the incidents that the scope holds.
pub(crate) fn reliability(
    cases: &[&Case],
    scope: &Scope,
    by: Option<Grouping>,
    now: Timestamp,
) -> Reliability {
    let is_asked_for = scope.severity.is_some() || scope.cause.is_some();
    let counted: Vec<&Case> = cases
        .iter()
        .copied()
        .filter(|case| case.counts() || is_asked_for)
        .collect();
    let is_left_out = |case: &&&Case| case.pages() && case.is_false_alarm() && !is_asked_for;
    let left_out = cases.iter().filter(is_left_out).count();
    let mut groups: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    if let Some(by) = by {
        let told_apart = if matches!(by, Grouping::Severity | Grouping::Cause) {
            cases
        } else {
            &counted
        };
        for case in told_apart {
            for key in by.keys(case) {
                groups.entry(key).or_default().push(case);
            }
        }
    }
    let mut groups: Vec<ReliabilityReport> = groups
        .into_iter()
        .map(|(key, cases)| report(Some(key), &cases, scope.range, now))
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.incidents));
    Reliability {
        all: report(None, &counted, scope.range, now),
        groups,
        curves: Measure::ALL.map(|measure| readings(&counted, measure, now).curve()),
        trend: trend(&counted, scope.range, now),
        incidents: counted
            .iter()
            .map(|case| MeasuredIncident::of(case, now))
            .collect(),
        warnings: told_of_one(&counted, left_out),
    }
}

fn readings(cases: &[&Case], measure: Measure, now: Timestamp) -> Readings {
    Readings::of(cases.iter().copied(), measure, now)
}

pub(super) fn report(
    key: Option<String>,
    cases: &[&Case],
    range: TimeRange,
    now: Timestamp,
) -> ReliabilityReport {
    let of = |measure| readings(cases, measure, now).summary();
    ReliabilityReport {
        key,
        incidents: cases.len(),
        open: cases.iter().filter(|case| case.is_open()).count(),
        frequency: frequency(cases, range, now),
        ttd: of(Measure::Detect),
        ttn: of(Measure::Notify),
        tta: of(Measure::Acknowledge),
        ttr: of(Measure::Recover),
        time_to_resolve: of(Measure::Resolve),
        phases: phase_totals(cases.iter().copied()),
    }
}

/// Over the part of the period that has passed.
fn frequency(cases: &[&Case], range: TimeRange, now: Timestamp) -> Frequency {
    let passed = range.end.min(now).seconds_since(range.start).max(1.0);
    let mut onsets: Vec<Timestamp> = cases.iter().map(|case| case.moments.onset).collect();
    onsets.sort();
    let gaps = onsets.windows(2).map(|pair| pair[1].seconds_since(pair[0]));
    let mut gaps: Vec<f64> = gaps.collect();
    gaps.sort_by(f64::total_cmp);
    let n = cases.len() as f64;
    Frequency {
        per_week: n / passed * 604_800.0,
        between_failures: (!cases.is_empty()).then(|| passed / n),
        median_gap: quantile(&gaps, 0.5),
    }
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::AlertSeverity;

    use super::super::case::tests::case;
    use super::*;

    fn days(from: i64, to: i64) -> TimeRange {
        TimeRange {
            start: Timestamp::from_secs(from * 86_400),
            end: Timestamp::from_secs(to * 86_400),
        }
    }

    #[test]
    fn warnings_stand_apart_and_services_count_each() {
        let mut both = case(2, 60.0, Some(600.0));
        both.services.push("gateway".to_owned());
        let mut warning = case(3, 5.0, Some(50.0));
        warning.severity = AlertSeverity::Warning;
        let cases = [case(1, 30.0, Some(300.0)), both, warning];
        let cases: Vec<&Case> = cases.iter().collect();
        let range = days(0, 14);
        let now = Timestamp::from_secs(20 * 86_400);
        let told = |by| reliability(&cases, &Scope::all(range), by, now);
        let by_service = told(Some(Grouping::Service));
        assert_eq!(by_service.all.incidents, 2);
        assert!((by_service.all.frequency.per_week - 1.0).abs() < 1e-9);
        assert_eq!(
            by_service.all.frequency.between_failures,
            Some(7.0 * 86_400.0)
        );
        assert_eq!(by_service.all.frequency.median_gap, Some(86_400.0));
        let named = |told: &Reliability| -> Vec<(String, usize)> {
            let groups = told.groups.iter();
            groups
                .map(|g| (g.key.clone().unwrap(), g.incidents))
                .collect()
        };
        assert_eq!(
            named(&by_service),
            [("content".to_owned(), 2), ("gateway".to_owned(), 1)]
        );
        assert_eq!(
            named(&told(Some(Grouping::Severity))),
            [("error".to_owned(), 2), ("warning".to_owned(), 1)]
        );
        assert_eq!(
            named(&told(Some(Grouping::Team))),
            [("no team".to_owned(), 2)]
        );
        let only_warnings = Scope {
            severity: Some(AlertSeverity::Warning),
            ..Scope::all(range)
        };
        let held: Vec<&Case> = cases
            .into_iter()
            .filter(|case| only_warnings.holds(case))
            .collect();
        assert_eq!(
            reliability(&held, &only_warnings, None, now).all.incidents,
            1
        );
    }

    #[test]
    fn nothing_is_told_of_nothing() {
        let told = reliability(&[], &Scope::all(days(0, 7)), None, Timestamp::from_secs(0));
        assert_eq!(told.all.incidents, 0);
        assert_eq!(told.all.frequency.between_failures, None);
        assert_eq!(told.all.ttd, ResponseSummary::default());
        assert!(told.all.phases.is_empty() && told.incidents.is_empty());
    }
}
