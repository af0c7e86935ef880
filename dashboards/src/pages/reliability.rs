//! `/reliability`: how fast failures are seen and repaired. Distributions, never a bare mean.

pub(crate) mod asked;
mod comparison;
mod measures;
mod parts;
pub(crate) mod words;

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use watchfire_alerts::{Dora, Measure, MeasuredIncident, PeriodComparison, Reliability, Scope};
use watchfire_schemas::{ChangeEvent, TimeRange, Timestamp};

use super::{Page, render};
use crate::Console;
use crate::assets::RELIABILITY_STYLE;
use crate::params::Params;
use crate::range::Picker;
use crate::shell::{House, Shell};
use asked::Wanted;
use comparison::{CompareForm, ComparisonView};
use measures::{MeasureView, SummaryView};
use parts::{DoraView, GroupRow, PhaseRow, TrendView};

/// Incidents are days apart: no minutes here.
const QUICK: [&str; 5] = ["24h", "7d", "30d", "90d", "365d"];

#[derive(Debug, Template)]
#[template(path = "reliability.html")]
pub(crate) struct ReliabilityPage {
    pub(crate) shell: Shell,
    pub(crate) style: &'static str,
    /// "38 incidents began in this time, 2.9 a week …"
    pub(crate) frequency: String,
    pub(crate) is_empty: bool,
    /// (name, value, the page without it)
    pub(crate) narrowed: Vec<(&'static str, String, String)>,
    pub(crate) warnings: Vec<String>,
    pub(crate) measures: Vec<MeasureView>,
    /// Those that are not drawn: (name, definition, figures).
    pub(crate) others: Vec<(&'static str, &'static str, SummaryView)>,
    pub(crate) trends: Vec<TrendView>,
    pub(crate) phases: Vec<PhaseRow>,
    pub(crate) by: &'static str,
    pub(crate) by_links: Vec<(&'static str, String, bool)>,
    pub(crate) groups: Vec<GroupRow>,
    pub(crate) form: CompareForm,
    /// What the form keeps of the page.
    pub(crate) kept: Vec<(&'static str, String)>,
    pub(crate) compared: Option<ComparisonView>,
    pub(crate) dora: DoraView,
    /// (label, link)
    pub(crate) downloads: Vec<(&'static str, String)>,
}

/// What the page is made of.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) reliability: Reliability,
    /// With the incidents of both periods.
    pub(crate) comparison: Option<(
        PeriodComparison,
        Vec<MeasuredIncident>,
        Vec<MeasuredIncident>,
    )>,
    pub(crate) dora: Dora,
    /// The newest first, to compare around.
    pub(crate) changes: Vec<ChangeEvent>,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let wanted = Wanted::from_params(&params, house.now)?;
    let kept = wanted.kept();
    let kept: Vec<(&str, &str)> = kept
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut shell = Shell::ranged(&house, "/reliability", "Reliability", &wanted.asked, &kept);
    shell.picker = Some(Picker::offering(
        &QUICK,
        "/reliability",
        &wanted.asked,
        &kept,
    ));
    let lately = TimeRange::last(Duration::from_hours(90 * 24), house.now);
    let (found, dora, changes, comparison) = tokio::join!(
        console.alerts.reliability(&wanted.scope, Some(wanted.by)),
        console
            .alerts
            .dora(wanted.asked.range, wanted.scope.service.as_deref()),
        console
            .alerts
            .changes(lately, wanted.scope.service.as_deref()),
        compared(&console, &wanted),
    );
    let found = Found {
        reliability: found?,
        comparison: comparison?,
        dora: dora?,
        changes: changes?,
    };
    render(&view(shell, &wanted, house.now, &found))
}

async fn compared(
    console: &Console,
    wanted: &Wanted,
) -> Result<
    Option<(
        PeriodComparison,
        Vec<MeasuredIncident>,
        Vec<MeasuredIncident>,
    )>,
    watchfire_alerts::StoreError,
> {
    let Some((before, after)) = wanted.periods else {
        return Ok(None);
    };
    let scope = |range| Scope {
        range,
        ..wanted.scope.clone()
    };
    let (before, after) = (scope(before), scope(after));
    let (told, of_before, of_after) = tokio::join!(
        console.alerts.compare_reliability(&before, &after),
        console.alerts.reliability(&before, None),
        console.alerts.reliability(&after, None),
    );
    Ok(Some((told?, of_before?.incidents, of_after?.incidents)))
}

pub(crate) fn view(
    shell: Shell,
    wanted: &Wanted,
    now: Timestamp,
    found: &Found,
) -> ReliabilityPage {
    let told = &found.reliability;
    let other = |measure: Measure| {
        let summary = measures::summary_view(told.all.summary(measure));
        (measure.name(), measure.definition(), summary)
    };
    let narrowed = wanted.narrowed().into_iter().map(|(name, value)| {
        let without = wanted.with("/reliability", name, "");
        (name, value, without)
    });
    let range = wanted.asked.parameters();
    let kept = wanted
        .narrowed()
        .into_iter()
        .chain([("by", wanted.by.key().to_owned())]);
    let kept = kept.chain(range).filter(|(_, value)| !value.is_empty());
    let link = |path: &str| wanted.link(path, &[]);
    ReliabilityPage {
        shell,
        style: &RELIABILITY_STYLE.href,
        frequency: frequency(told),
        is_empty: told.all.incidents == 0,
        narrowed: narrowed.collect(),
        warnings: told
            .warnings
            .iter()
            .map(|warning| warning.text.clone())
            .collect(),
        measures: measures::measures(told),
        others: vec![other(Measure::Notify), other(Measure::Resolve)],
        trends: parts::trends(told, wanted),
        phases: parts::phase_rows(&told.all.phases),
        by: wanted.by.key(),
        by_links: parts::by_links(wanted),
        groups: parts::group_rows(&told.groups, wanted),
        form: comparison::form(wanted, &found.changes, now),
        kept: kept.collect(),
        compared: found
            .comparison
            .as_ref()
            .map(|(told, before, after)| comparison::comparison_view(told, before, after)),
        dora: parts::dora_view(&found.dora),
        downloads: vec![
            (
                "every incident with its moments (CSV)",
                link("/api/v1/reliability/incidents.csv"),
            ),
            ("these figures (JSON)", link("/api/v1/reliability")),
            ("DORA's keys (JSON)", link("/api/v1/reliability/dora")),
        ],
    }
}

fn frequency(told: &Reliability) -> String {
    let all = &told.all;
    let count = match all.incidents {
        0 => return "No incident began in this time.".to_owned(),
        1 => "One incident".to_owned(),
        n => format!("{} incidents", crate::figures::count(n as u64)),
    };
    let open = match all.open {
        0 => String::new(),
        open => format!(", {open} of them not over yet"),
    };
    let gap = all
        .frequency
        .between_failures
        .map_or_else(String::new, |gap| {
            format!(
                ": {} a week, one every {}",
                crate::figures::short(all.frequency.per_week),
                words::rough(gap)
            )
        });
    format!("{count} began in this time{gap}{open}.")
}
