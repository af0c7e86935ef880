//! Two periods beside each other: the form, the verdicts, and what speaks against believing them.

use std::time::Duration;

use watchfire_alerts::{Measure, MeasureComparison, MeasuredIncident, PeriodComparison};
use watchfire_schemas::{ChangeEvent, ChangeKind, TimeRange, Timestamp};

use super::asked::Wanted;
use super::measures::{DRAWN, dots, marked};
use super::words::{self, rough};
use crate::charts::{StripRow, Svg, strip_rows};
use crate::figures;

/// Dots of one period.
const MOST_DOTS: usize = 60;
/// How many deploys are offered to be compared around.
const OFFERED: usize = 6;

/// The form, filled with the periods that are shown or that lie at hand.
#[derive(Debug)]
pub(crate) struct CompareForm {
    /// (name, label, value)
    pub(crate) fields: Vec<(&'static str, &'static str, String)>,
    /// (label, link)
    pub(crate) presets: Vec<(String, String)>,
    pub(crate) refused: Option<String>,
}

pub(crate) fn form(wanted: &Wanted, changes: &[ChangeEvent], now: Timestamp) -> CompareForm {
    let (before, after) = wanted
        .periods
        .unwrap_or_else(|| halves(wanted.asked.range, now));
    let input = |at: Timestamp| at.to_string()[..16].to_owned();
    let around = |at: Timestamp| {
        let (at, none) = (at.to_string(), "");
        let cleared =
            ["before_start", "before_end", "after_start", "after_end"].map(|name| (name, none));
        let set: Vec<(&str, &str)> = cleared
            .into_iter()
            .chain([("at", at.as_str()), ("days", "30")])
            .collect();
        format!("{}#compare", wanted.link("/reliability", &set))
    };
    let mut presets = vec![(
        "the first half of this range with the second".to_owned(),
        periods_link(wanted, halves(wanted.asked.range, now)),
    )];
    let deploys = changes
        .iter()
        .filter(|change| change.kind == ChangeKind::Deploy && change.at < now);
    presets.extend(deploys.take(OFFERED).map(|deploy| {
        let version = deploy.version.as_deref().unwrap_or("deploy");
        let label = format!(
            "30 days before and after {} {version} ({})",
            deploy.service,
            &figures::date_time(deploy.at)[..10]
        );
        (label, around(deploy.at))
    }));
    CompareForm {
        fields: vec![
            ("before_start", "Before, from", input(before.start)),
            ("before_end", "to", input(before.end)),
            ("after_start", "After, from", input(after.start)),
            ("after_end", "to", input(after.end)),
        ],
        presets,
        refused: wanted.refused.clone(),
    }
}

fn periods_link(wanted: &Wanted, (before, after): (TimeRange, TimeRange)) -> String {
    let times = [before.start, before.end, after.start, after.end].map(|at| at.to_string());
    let names = ["before_start", "before_end", "after_start", "after_end"];
    let set: Vec<(&str, &str)> = names
        .into_iter()
        .zip(times.iter().map(String::as_str))
        .collect();
    format!("{}#compare", wanted.link("/reliability", &set))
}

fn halves(range: TimeRange, now: Timestamp) -> (TimeRange, TimeRange) {
    let end = range.end.min(now.max(range.start + Duration::from_secs(2)));
    let middle = (range.start + (end.since(range.start) / 2)).floor(Duration::from_secs(1));
    let before = TimeRange {
        start: range.start,
        end: middle,
    };
    let after = TimeRange { start: middle, end };
    (before, after)
}

#[derive(Debug)]
pub(crate) struct ComparisonView {
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) measures: Vec<ComparedView>,
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct ComparedView {
    pub(crate) name: &'static str,
    pub(crate) verdict: String,
    pub(crate) reading: String,
    pub(crate) plot: Option<Svg>,
    /// (what, value)
    pub(crate) details: Vec<(&'static str, String)>,
}

pub(crate) fn comparison_view(
    told: &PeriodComparison,
    before: &[MeasuredIncident],
    after: &[MeasuredIncident],
) -> ComparisonView {
    let period = |start: Timestamp, end: Timestamp, n: usize, per_week: f64| {
        format!(
            "{} to {}: {n} incidents, {} a week",
            &figures::date_time(start)[..16],
            &figures::date_time(end)[..16],
            figures::short(per_week)
        )
    };
    let of = |period_told: &watchfire_alerts::Period| {
        let report = &period_told.report;
        period(
            period_told.start,
            period_told.end,
            report.incidents,
            report.frequency.per_week,
        )
    };
    let view = |one: &MeasureComparison| ComparedView {
        name: one.measure.name(),
        verdict: words::verdict(one),
        reading: words::reading(one),
        plot: is_drawn(one.measure).then(|| plot(one, before, after)),
        details: details(one),
    };
    ComparisonView {
        before: of(&told.before),
        after: of(&told.after),
        measures: told.measures.iter().map(view).collect(),
        warnings: told
            .warnings
            .iter()
            .map(|warning| warning.text.clone())
            .collect(),
    }
}

fn is_drawn(measure: Measure) -> bool {
    DRAWN.iter().any(|(drawn, _)| *drawn == measure)
}

fn plot(told: &MeasureComparison, before: &[MeasuredIncident], after: &[MeasuredIncident]) -> Svg {
    let row = |name: &str, incidents: &[MeasuredIncident], summary| StripRow {
        name: name.to_owned(),
        dots: dots(incidents, told.measure, MOST_DOTS),
        marked: marked(summary),
    };
    let rows = [
        row("before", before, &told.before),
        row("after", after, &told.after),
    ];
    let label = format!("{} of each incident before and after", told.measure.name());
    strip_rows(&rows, &label)
}

fn details(told: &MeasureComparison) -> Vec<(&'static str, String)> {
    let mut details = Vec::new();
    let with_interval = |ratio: f64, interval: Option<(f64, f64)>| match interval {
        Some(interval) => format!(
            "{}, 95 % CI {}",
            words::ratio(ratio),
            words::ratio_interval(interval)
        ),
        None => words::ratio(ratio),
    };
    if let Some((before, after)) = &told.values {
        let list = |values: &[f64]| {
            let texts: Vec<String> = values
                .iter()
                .take(20)
                .map(|seconds| rough(*seconds))
                .collect();
            if texts.is_empty() {
                "none".to_owned()
            } else {
                texts.join(", ")
            }
        };
        details.push(("before", list(before)));
        details.push(("after", list(after)));
    }
    if let Some(ratio) = told.ratio {
        details.push((
            "ratio of geometric means",
            with_interval(ratio, told.interval),
        ));
    }
    if let (Some(ratio), Some(interval)) = (told.ratio, told.interval_with_onset) {
        details.push((
            "with the uncertainty of onsets",
            with_interval(ratio, Some(interval)),
        ));
    }
    if let Some(shift) = told.shift {
        details.push(("Hodges–Lehmann shift, as a ratio", words::ratio(shift)));
    }
    if let Some(ratio) = told.median_ratio {
        details.push((
            "ratio of medians (bootstrap, BCa)",
            with_interval(ratio, told.median_ratio_interval),
        ));
    }
    if let Some(p) = told.permutation_p_value {
        let how = if told.permutation_is_exact == Some(true) {
            "all permutations"
        } else {
            "drawn permutations"
        };
        details.push(("no change at all", format!("{} ({how})", words::p_value(p))));
    }
    for stratified in &told.stratified {
        let name = if stratified.by == "severity" {
            "ratio within severities"
        } else {
            "ratio within services"
        };
        let text = with_interval(stratified.ratio, Some(stratified.interval));
        details.push((
            name,
            format!(
                "{text} ({} incidents in {} strata)",
                stratified.incidents, stratified.strata
            ),
        ));
    }
    details
}

#[cfg(test)]
mod tests {
    use watchfire_alerts::Scope;

    use super::*;
    use crate::gallery::samples;

    #[test]
    fn a_verdict_says_it_as_the_field_does() {
        let incidents = samples::many_incidents();
        let now = samples::now();
        let (before, after) = halves(TimeRange::last(Duration::from_hours(90 * 24), now), now);
        let told = PeriodComparison::of(&incidents, &Scope::all(before), &Scope::all(after), now);
        let verdict = words::verdict(&told.measures[0]);
        assert!(
            verdict.starts_with("median TTD ") && verdict.contains("; ratio 0."),
            "{verdict}"
        );
        assert!(verdict.contains(", 95 % CI "), "{verdict}");
        assert!(words::reading(&told.measures[0]).starts_with("Shorter"));
        let few = PeriodComparison::of(
            &incidents[..6],
            &Scope::all(before),
            &Scope::all(after),
            now,
        );
        let verdict = words::verdict(&few.measures[0]);
        assert!(
            verdict.ends_with("; too few to infer anything"),
            "{verdict}"
        );
        let names: Vec<&str> = details(&few.measures[0])
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["before", "after"]);
    }
}
