//! What stands below the distributions: the trend, the phases, the groups, DORA's keys.

use watchfire_alerts::{
    Dora, DoraKeys, Grouping, Measure, PhaseTotal, Reliability, ReliabilityReport, ResponseSummary,
};
use watchfire_schemas::TimeRange;

use super::asked::Wanted;
use super::measures::{DRAWN, SummaryView, summary_view};
use super::words::rough;
use crate::charts::{Svg, TrendDot, bar, trend_plot};
use crate::{figures, url};

#[derive(Debug)]
pub(crate) struct TrendView {
    pub(crate) name: &'static str,
    pub(crate) plot: Svg,
}

pub(crate) fn trends(found: &Reliability, wanted: &Wanted) -> Vec<TrendView> {
    let (Some(first), Some(last)) = (found.trend.first(), found.trend.last()) else {
        return Vec::new();
    };
    let range = TimeRange {
        start: first.start,
        end: last.end,
    };
    let view = |(measure, short): (Measure, &'static str)| {
        let steps = found.trend.iter().filter_map(|step| {
            let told = step.measure(measure)?;
            let median = told.median.map_or_else(|| "–".to_owned(), rough);
            let rolling = told.rolling_median.map_or_else(|| "–".to_owned(), rough);
            let day = |at| figures::date_time(at)[..10].to_owned();
            let kept = wanted.narrowed();
            let (start, end) = (step.start.to_string(), step.end.to_string());
            let mut parameters: Vec<(&str, &str)> =
                kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
            parameters.extend([("start", start.as_str()), ("end", end.as_str())]);
            Some(TrendDot {
                start: step.start,
                end: step.end,
                incidents: step.incidents,
                n: told.n,
                median: told.median,
                rolling: told.rolling_median,
                text: format!(
                    "{} to {}: {} incidents, median {short} {median} (n={}), over four steps {rolling} (n={})",
                    day(step.start),
                    day(step.end),
                    step.incidents,
                    told.n,
                    told.rolling_n
                ),
                href: url::link("/reliability", &parameters),
            })
        });
        let steps: Vec<TrendDot> = steps.collect();
        TrendView {
            name: measure.name(),
            plot: trend_plot(&steps, range, &format!("Median {short} over time")),
        }
    };
    DRAWN.map(view).into()
}

#[derive(Debug)]
pub(crate) struct PhaseRow {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) incidents: usize,
    pub(crate) sum: String,
    pub(crate) share: String,
    pub(crate) bar: Svg,
    pub(crate) median: String,
    /// (link, title, how long)
    pub(crate) worst: Vec<(String, String, String)>,
}

pub(crate) fn phase_rows(phases: &[PhaseTotal]) -> Vec<PhaseRow> {
    let mut from = 0.0;
    let row = |total: &PhaseTotal| {
        let (name, what) = phase_words(total.name);
        let start = from * 100.0;
        from += total.share;
        PhaseRow {
            name,
            what,
            incidents: total.incidents,
            sum: rough(total.seconds),
            share: figures::percent(total.share),
            bar: bar(start, total.share * 100.0, "phase-bar"),
            median: total.median.map_or_else(|| "–".to_owned(), rough),
            worst: total
                .worst
                .iter()
                .map(|worst| {
                    let (title, _) = figures::cut(&worst.title, 60);
                    let href = format!("/incidents/{}", url::encode(&worst.incident));
                    (href, title.to_owned(), rough(worst.seconds))
                })
                .collect(),
        }
    };
    phases.iter().map(row).collect()
}

/// The name of a phase, and which knob turns it.
fn phase_words(name: &str) -> (&'static str, &'static str) {
    match name {
        "data_delay" => (
            "Data delay",
            "telemetry under way, the rule's window filling",
        ),
        "evaluation" => ("Evaluation", "until the rule looked: its interval"),
        "hold" => ("Hold", "the rule's for:"),
        "grouping" => ("Grouping", "group_wait before the page"),
        "delivery" => ("Delivery", "until a destination took the page"),
        "human" => ("Human", "until somebody acknowledged"),
        _ => ("Repair", "until the telemetry was as usual"),
    }
}

#[derive(Debug)]
pub(crate) struct GroupRow {
    pub(crate) key: String,
    /// The page of this group alone.
    pub(crate) href: Option<String>,
    pub(crate) incidents: usize,
    pub(crate) open: usize,
    pub(crate) per_week: String,
    pub(crate) measures: Vec<SummaryView>,
}

pub(crate) fn group_rows(groups: &[ReliabilityReport], wanted: &Wanted) -> Vec<GroupRow> {
    let row = |group: &ReliabilityReport| {
        let key = group.key.clone().unwrap_or_default();
        let is_one = key != format!("no {}", wanted.by.key());
        GroupRow {
            href: is_one.then(|| wanted.with("/reliability", wanted.by.key(), &key)),
            key,
            incidents: group.incidents,
            open: group.open,
            per_week: figures::short(group.frequency.per_week),
            measures: DRAWN
                .iter()
                .map(|(measure, _)| summary_view(group.summary(*measure)))
                .collect(),
        }
    };
    groups.iter().map(row).collect()
}

pub(crate) fn by_links(wanted: &Wanted) -> Vec<(&'static str, String, bool)> {
    let link = |by: Grouping| {
        let href = wanted.with("/reliability", "by", by.key());
        (by.key(), href, by == wanted.by)
    };
    Grouping::ALL.map(link).into()
}

#[derive(Debug)]
pub(crate) struct DoraRow {
    pub(crate) service: String,
    pub(crate) deployments: usize,
    pub(crate) per_week: String,
    pub(crate) lead_time: String,
    pub(crate) lead_time_n: usize,
    pub(crate) failure_rate: String,
    /// `3 of 20, 95 % CI 5.2 %–36 %`
    pub(crate) failure_of: String,
    pub(crate) recovery: String,
    pub(crate) recovery_n: usize,
}

#[derive(Debug)]
pub(crate) struct DoraView {
    pub(crate) all: DoraRow,
    pub(crate) services: Vec<DoraRow>,
    /// Deploys that carry no time of their commits.
    pub(crate) without_commits: usize,
}

pub(crate) fn dora_view(dora: &Dora) -> DoraView {
    DoraView {
        all: dora_row(&dora.all),
        services: dora.services.iter().map(dora_row).collect(),
        without_commits: dora.all.deployments - dora.all.deployments_with_commits,
    }
}

fn dora_row(keys: &DoraKeys) -> DoraRow {
    let median =
        |summary: &ResponseSummary| summary.shown_median().map_or_else(|| "–".to_owned(), rough);
    let rate = keys.change_failure_rate;
    let interval = rate.interval.map_or_else(String::new, |(low, high)| {
        format!(
            ", 95 % CI {}–{}",
            figures::percent(low),
            figures::percent(high)
        )
    });
    DoraRow {
        service: keys.service.clone().unwrap_or_else(|| "all".to_owned()),
        deployments: keys.deployments,
        per_week: figures::short(keys.deployments_per_week),
        lead_time: median(&keys.change_lead_time),
        lead_time_n: keys.change_lead_time.n,
        failure_rate: rate.share.map_or_else(|| "–".to_owned(), figures::percent),
        failure_of: format!("{} of {}{interval}", rate.hits, rate.n),
        recovery: median(&keys.failed_deployment_recovery_time),
        recovery_n: keys.failed_deployment_recovery_time.n,
    }
}
