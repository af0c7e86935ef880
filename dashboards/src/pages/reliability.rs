//! `/reliability`: how fast failures are seen and repaired. Distributions, never a bare mean.

use askama::Template;
use axum::extract::State;
use watchfire_alerts::{Incident, ReliabilityReport, ResponseSummary};
use watchfire_schemas::Timestamp;

use super::incidents::{Clocks, ResponseClock};
use super::{Page, render};
use crate::charts::{Dot, Svg, strip_plot};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, figures, url};

#[derive(Debug)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) definition: &'static str,
    pub(crate) plot: Svg,
    pub(crate) summary: SummaryView,
}

/// A summary as texts; "–" where there is too little to say.
#[derive(Debug, Clone)]
pub(crate) struct SummaryView {
    pub(crate) n: usize,
    pub(crate) censored: usize,
    pub(crate) median: String,
    pub(crate) p90: String,
    pub(crate) geometric_mean: String,
    pub(crate) interval: String,
}

#[derive(Debug)]
pub(crate) struct GroupRow {
    pub(crate) key: String,
    pub(crate) incidents: usize,
    pub(crate) measures: [SummaryView; 3],
}

#[derive(Debug, Template)]
#[template(path = "reliability.html")]
pub(crate) struct Reliability {
    pub(crate) shell: Shell,
    pub(crate) incidents: usize,
    pub(crate) measures: Vec<Measure>,
    pub(crate) by: &'static str,
    pub(crate) by_links: Vec<(&'static str, String, bool)>,
    pub(crate) groups: Vec<GroupRow>,
}

/// What incidents may be grouped by.
pub(crate) fn by_param(params: &Params) -> Result<Option<&'static str>, BadParam> {
    match params.get("by") {
        None => Ok(None),
        Some("service") => Ok(Some("service")),
        Some("severity") => Ok(Some("severity")),
        Some(_) => Err(BadParam::new("by", "expected service or severity")),
    }
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "30d")?;
    let by = by_param(&params)?.unwrap_or("service");
    let mut shell = Shell::ranged(&house, "/reliability", "Reliability", &asked, &[("by", by)]);
    let (all, groups, incidents) = tokio::join!(
        console.alerts.reliability(asked.range, None),
        console.alerts.reliability(asked.range, Some(by)),
        console.alerts.incidents(asked.range, false, 1000),
    );
    let all = shell.take("response times", all);
    let groups = shell.take("response times", groups);
    let incidents = shell.take("incidents", incidents);
    render(&view(
        shell,
        house.now,
        &asked,
        by,
        all.first(),
        &groups,
        &incidents,
    ))
}

#[expect(
    clippy::too_many_arguments,
    reason = "one argument for each thing that was asked"
)]
pub(crate) fn view(
    shell: Shell,
    now: Timestamp,
    asked: &Asked,
    by: &'static str,
    all: Option<&ReliabilityReport>,
    groups: &[ReliabilityReport],
    incidents: &[Incident],
) -> Reliability {
    let none = ResponseSummary::default();
    let dots = |clock: fn(Clocks) -> ResponseClock| -> Vec<Dot> {
        incidents
            .iter()
            .filter_map(|incident| dot(incident, clock(Clocks::of(incident, now))))
            .collect()
    };
    let measure = |name, definition, summary: &ResponseSummary, dots: &[Dot]| Measure {
        name,
        definition,
        plot: strip_plot(
            dots,
            summary.median,
            summary.interval,
            &format!("{name} of every incident, on a logarithmic axis"),
        ),
        summary: summary_view(summary),
    };
    let measures = vec![
        measure(
            "Time to detect",
            "detected − onset",
            all.map_or(&none, |all| &all.ttd),
            &dots(|clocks| clocks.ttd),
        ),
        measure(
            "Time to acknowledge",
            "acknowledged − notified",
            all.map_or(&none, |all| &all.tta),
            &dots(|clocks| clocks.tta),
        ),
        measure(
            "Time to recover",
            "recovered − onset, as the telemetry shows it",
            all.map_or(&none, |all| &all.ttr),
            &dots(|clocks| clocks.ttr),
        ),
    ];
    let link = |name| asked.link("/reliability", &[("by", name)]);
    Reliability {
        shell,
        incidents: all.map_or(incidents.len(), |all| all.incidents),
        measures,
        by,
        by_links: ["service", "severity"]
            .map(|name| (name, link(name), name == by))
            .into(),
        groups: groups
            .iter()
            .map(|group| GroupRow {
                key: group.key.clone().unwrap_or_else(|| "all".to_owned()),
                incidents: group.incidents,
                measures: [&group.ttd, &group.tta, &group.ttr].map(summary_view),
            })
            .collect(),
    }
}

fn dot(incident: &Incident, clock: ResponseClock) -> Option<Dot> {
    let (seconds, is_censored) = match clock {
        ResponseClock::Stopped(seconds) => (seconds, false),
        ResponseClock::Running(seconds) => (seconds, true),
        ResponseClock::NotStarted => return None,
    };
    let running = if is_censored { ", still running" } else { "" };
    Some(Dot {
        seconds,
        text: format!(
            "{}: {}{running}",
            incident.title,
            figures::duration(seconds)
        ),
        href: format!("/incidents/{}", url::encode(&incident.id)),
        is_censored,
    })
}

fn summary_view(summary: &ResponseSummary) -> SummaryView {
    let text = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), figures::duration);
    SummaryView {
        n: summary.n,
        censored: summary.censored,
        median: text(summary.median),
        p90: text(summary.p90),
        geometric_mean: text(summary.geometric_mean),
        interval: summary.interval.map_or_else(
            || "–".to_owned(),
            |(low, high)| format!("{} to {}", figures::duration(low), figures::duration(high)),
        ),
    }
}
