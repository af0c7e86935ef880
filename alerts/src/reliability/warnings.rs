//! What stands in the way of believing a figure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use watchfire_schemas::TimeRange;

use super::case::Case;
use super::statistics::{INFERENCE_FROM, mix_p_value};
use crate::{OnsetMethod, OnsetSource};

/// A mix that would come about by chance less often than this has changed.
const MIX_CHANGED_BELOW: f64 = 0.1;
/// From so many times as many incidents on, or so few, the number has changed.
const FREQUENCY_CHANGED: f64 = 1.5;
/// Onsets of another kind are worth a word from this share on.
const WORTH_A_WORD: f64 = 0.1;

/// What a warning is about: a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// Too few incidents to infer anything.
    Few,
    SeverityMix,
    ServiceMix,
    Overlap,
    Frequency,
    /// What turned out to be none is left out.
    FalseAlarms,
    /// Some are not over yet.
    Censored,
    /// Some were found by humans.
    Undetected,
    HumanOnsets,
    /// The onset of some is the first true evaluation of a rule.
    RuleOnsets,
    /// The onsets of the two periods were estimated by different methods.
    Methods,
    /// Always: before and after is not an experiment.
    Confounders,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Warning {
    pub kind: WarningKind,
    pub text: String,
}

fn warning(kind: WarningKind, text: String) -> Warning {
    Warning { kind, text }
}

/// Of the incidents of one period.
pub(crate) fn told_of_one(cases: &[&Case], false_alarms: usize) -> Vec<Warning> {
    let mut told = Vec::new();
    let n = cases.len();
    if n > 0 && n < INFERENCE_FROM {
        told.push(warning(
            WarningKind::Few,
            format!(
                "{} too few for an interval: the values are shown as they are.",
                counted(n, "incident is", "incidents are")
            ),
        ));
    }
    if false_alarms > 0 {
        told.push(warning(
            WarningKind::FalseAlarms,
            format!(
                "{} left out.",
                counted(false_alarms, "false alarm is", "false alarms are")
            ),
        ));
    }
    told.extend(censored(cases, ""));
    told.extend(onsets(cases, ""));
    told
}

/// Of two periods that are compared.
pub(crate) fn told_of_two(
    (before, before_range): (&[&Case], TimeRange),
    (after, after_range): (&[&Case], TimeRange),
    seed: u64,
) -> Vec<Warning> {
    let mut told = Vec::new();
    if before.len() < INFERENCE_FROM || after.len() < INFERENCE_FROM {
        told.push(warning(
            WarningKind::Few,
            format!(
                "With {} before and {} after, nothing is inferred: an arm needs at least {INFERENCE_FROM}.",
                before.len(),
                after.len()
            ),
        ));
    }
    if before_range.start < after_range.end && after_range.start < before_range.end {
        told.push(warning(
            WarningKind::Overlap,
            "The periods overlap: some incidents count on both sides.".to_owned(),
        ));
    }
    let severity = |case: &&Case| case.severity.to_string();
    told.extend(mix(
        WarningKind::SeverityMix,
        "severities",
        before,
        after,
        &severity,
        seed,
    ));
    let service = |case: &&Case| case.services.first().cloned().unwrap_or_default();
    told.extend(mix(
        WarningKind::ServiceMix,
        "services",
        before,
        after,
        &service,
        seed,
    ));
    told.extend(frequency((before, before_range), (after, after_range)));
    for (arm, side) in [(before, " before"), (after, " after")] {
        told.extend(censored(arm, side));
        told.extend(onsets(arm, side));
    }
    told.extend(methods(before, after));
    told.push(warning(
        WarningKind::Confounders,
        "Before and after is not an experiment: traffic, people, the season and other changes of the \
         same weeks are in the difference as well."
            .to_owned(),
    ));
    told
}

fn mix(
    kind: WarningKind,
    what: &str,
    before: &[&Case],
    after: &[&Case],
    key: &dyn Fn(&&Case) -> String,
    seed: u64,
) -> Option<Warning> {
    let keys = |arm: &[&Case]| -> Vec<String> { arm.iter().map(key).collect() };
    let (before, after) = (keys(before), keys(after));
    if mix_p_value(&before, &after, seed) >= MIX_CHANGED_BELOW {
        return None;
    }
    let share = |arm: &[String], key: &str| {
        arm.iter().filter(|other| *other == key).count() as f64 / arm.len() as f64
    };
    let kinds: BTreeSet<&String> = before.iter().chain(&after).collect();
    let moved = |key: &str| (share(&after, key) - share(&before, key)).abs();
    let most = kinds
        .into_iter()
        .max_by(|a, b| moved(a).total_cmp(&moved(b)))?;
    Some(warning(
        kind,
        format!(
            "The mix of {what} changed: {most} makes {:.0} % before and {:.0} % after. Compare the ratio \
             within {what}.",
            share(&before, most) * 100.0,
            share(&after, most) * 100.0
        ),
    ))
}

fn frequency(
    (before, before_range): (&[&Case], TimeRange),
    (after, after_range): (&[&Case], TimeRange),
) -> Option<Warning> {
    let per_week = |arm: &[&Case], range: TimeRange| {
        arm.len() as f64 / (range.end.seconds_since(range.start) / 604_800.0).max(1e-9)
    };
    let (b, a) = (per_week(before, before_range), per_week(after, after_range));
    let is_like = b > 0.0 && (1.0 / FREQUENCY_CHANGED..=FREQUENCY_CHANGED).contains(&(a / b));
    (!is_like && before.len() + after.len() >= INFERENCE_FROM).then(|| {
        warning(
            WarningKind::Frequency,
            format!(
                "{b:.1} incidents a week before, {a:.1} after. Where minor ones go, those that are left take longer."
            ),
        )
    })
}

fn censored(arm: &[&Case], side: &str) -> Option<Warning> {
    let open = arm.iter().filter(|case| case.is_open()).count();
    (open > 0).then(|| {
        warning(
            WarningKind::Censored,
            format!(
                "{}{side} not over yet. Kaplan and Meier's estimates count {} as “at least so long”; ratios and \
                 geometric means leave {} out, and so look better than they are.",
                counted(open, "incident is", "incidents are"),
                if open == 1 { "it" } else { "them" },
                if open == 1 { "it" } else { "them" },
            ),
        )
    })
}

fn onsets(arm: &[&Case], side: &str) -> Vec<Warning> {
    let mut told = Vec::new();
    let found = arm.iter().filter(|case| case.is_found_by_human).count();
    if found > 0 {
        told.push(warning(
            WarningKind::Undetected,
            format!(
                "{}{side} found by people, not by a rule. Their time to detect counts.",
                counted(found, "incident was", "incidents were")
            ),
        ));
    }
    let of = |source| arm.iter().filter(|case| case.source == source).count();
    let is_worth_it = |count: usize| count as f64 >= arm.len() as f64 * WORTH_A_WORD && count > 0;
    let human = of(OnsetSource::Human);
    if is_worth_it(human) {
        told.push(warning(
            WarningKind::HumanOnsets,
            format!(
                "The onset of {human} of {}{side} was set by hand.",
                arm.len()
            ),
        ));
    }
    let by_rule = of(OnsetSource::RuleFirstTrue);
    if is_worth_it(by_rule) {
        told.push(warning(
            WarningKind::RuleOnsets,
            format!(
                "For {by_rule} of {}{side} no signal shows the onset; the first true evaluation of a rule stands in, \
                 so their time to detect is too short.",
                arm.len()
            ),
        ));
    }
    told
}

/// Versions of the estimate, as `onset.method` names them: a step and a ramp of one version are one
/// method.
fn methods(before: &[&Case], after: &[&Case]) -> Option<Warning> {
    let version = |method: OnsetMethod| {
        let name = serde_json::to_value(method).unwrap_or_default();
        let name = name.as_str().unwrap_or_default();
        name.rsplit_once('_')
            .filter(|(_, v)| v.starts_with('v'))
            .map(|(_, v)| v.to_owned())
    };
    let versions = |arm: &[&Case]| -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for version in arm.iter().filter_map(|case| version(case.method)) {
            *counts.entry(version).or_insert(0) += 1;
        }
        counts
    };
    let (before, after) = (versions(before), versions(after));
    let are_same = before.keys().eq(after.keys()) && before.len() <= 1;
    if are_same || before.is_empty() || after.is_empty() {
        return None;
    }
    let told = |counts: &BTreeMap<String, usize>| {
        let parts = counts.iter().map(|(version, n)| format!("{version} ({n})"));
        parts.collect::<Vec<_>>().join(", ")
    };
    Some(warning(
        WarningKind::Methods,
        format!(
            "Onsets were estimated by other versions of the method: {} before, {} after.",
            told(&before),
            told(&after)
        ),
    ))
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use watchfire_schemas::{AlertSeverity, Timestamp};

    use super::super::case::tests::case;
    use super::*;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange {
            start: Timestamp::from_secs(from * 86_400),
            end: Timestamp::from_secs(to * 86_400),
        }
    }

    fn kinds(before: &[Case], after: &[Case], ranges: (TimeRange, TimeRange)) -> Vec<WarningKind> {
        let (b, a): (Vec<&Case>, Vec<&Case>) = (before.iter().collect(), after.iter().collect());
        let told = told_of_two((&b, ranges.0), (&a, ranges.1), 1);
        told.into_iter().map(|warning| warning.kind).collect()
    }

    fn arm(days: std::ops::Range<i64>) -> Vec<Case> {
        days.map(|day| case(day, 60.0, Some(600.0))).collect()
    }

    #[test]
    fn a_fair_comparison_has_one_warning() {
        let ranges = (range(0, 10), range(10, 20));
        assert_eq!(
            kinds(&arm(0..10), &arm(10..20), ranges),
            [WarningKind::Confounders]
        );
    }

    #[test]
    fn each_fault_of_a_comparison_is_told() {
        let ranges = (range(0, 10), range(5, 15));
        assert!(kinds(&arm(0..10), &arm(5..15), ranges).contains(&WarningKind::Overlap));
        let ranges = (range(0, 10), range(10, 20));
        let check = |after: Vec<Case>, expected: WarningKind| {
            let found = kinds(&arm(0..10), &after, ranges);
            assert_eq!(found, [expected, WarningKind::Confounders]);
        };
        let changed = |change: &dyn Fn(&mut Case)| {
            let mut after = arm(10..20);
            after.iter_mut().take(9).for_each(change);
            after
        };
        check(
            changed(&|case| case.severity = AlertSeverity::Critical),
            WarningKind::SeverityMix,
        );
        check(
            changed(&|case| case.services = vec!["sync".to_owned()]),
            WarningKind::ServiceMix,
        );
        check(
            changed(&|case| case.source = OnsetSource::Human),
            WarningKind::HumanOnsets,
        );
        check(
            changed(&|case| case.source = OnsetSource::RuleFirstTrue),
            WarningKind::RuleOnsets,
        );
        check(
            changed(&|case| case.is_found_by_human = true),
            WarningKind::Undetected,
        );
        check(arm(10..15), WarningKind::Frequency);
        let mut open = arm(10..19);
        open.push(case(19, 60.0, None));
        check(open, WarningKind::Censored);
        let few = kinds(&arm(0..10), &arm(10..14), ranges);
        assert_eq!(few[0], WarningKind::Few);
        let mut moved = arm(0..3);
        moved[0].moments.detected = moved[0].moments.onset + Duration::from_secs(5);
        let one = told_of_one(&moved.iter().collect::<Vec<_>>(), 0);
        assert_eq!(one.len(), 1);
        assert!(
            one[0].text.starts_with("3 incidents are too few"),
            "{}",
            one[0].text
        );
        assert!(told_of_one(&[], 0).is_empty());
    }
}
