//! `/incidents`: the list, open ones first.

use askama::Template;
use axum::extract::State;
use watchfire_alerts::{Incident, IncidentStatus};
use watchfire_schemas::Timestamp;

use super::{Page, render};
use crate::ask::MOST_LISTED;
use crate::figures::{self, When};
use crate::params::Params;
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, url};

#[derive(Debug, Clone)]
pub(crate) struct IncidentRow {
    pub(crate) href: String,
    pub(crate) title: String,
    pub(crate) severity: &'static str,
    pub(crate) status: &'static str,
    pub(crate) services: String,
    pub(crate) onset: When,
    pub(crate) ttd: String,
    pub(crate) tta: String,
    pub(crate) ttr: String,
}

#[derive(Debug, Template)]
#[template(path = "incidents.html")]
pub(crate) struct IncidentsPage {
    pub(crate) shell: Shell,
    pub(crate) open: usize,
    pub(crate) incidents: Vec<IncidentRow>,
    pub(crate) is_cut: bool,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "7d")?;
    let mut shell = Shell::ranged(&house, "/incidents", "Incidents", &asked, &[]);
    let found = console.alerts.incidents(asked.range, false, 200).await;
    let found = shell.take("incidents", found);
    if found.iter().any(is_open) {
        shell = shell.live(10);
    }
    render(&view(shell, house.now, found))
}

pub(crate) fn view(shell: Shell, now: Timestamp, mut found: Vec<Incident>) -> IncidentsPage {
    let is_cut = found.len() >= 200.min(MOST_LISTED);
    found.sort_by_key(|incident| {
        let newest_first = std::cmp::Reverse(incident.detected_at);
        (!is_open(incident), newest_first)
    });
    IncidentsPage {
        shell,
        open: found.iter().filter(|incident| is_open(incident)).count(),
        incidents: found
            .iter()
            .map(|incident| incident_row(incident, now))
            .collect(),
        is_cut,
    }
}

/// Nobody has closed it yet.
pub(crate) fn is_open(incident: &Incident) -> bool {
    incident.status != IncidentStatus::Resolved
}

pub(crate) const fn status_name(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Triggered => "triggered",
        IncidentStatus::Acknowledged => "acknowledged",
        IncidentStatus::Recovered => "recovered",
        IncidentStatus::Resolved => "resolved",
    }
}

pub(crate) fn incident_row(incident: &Incident, now: Timestamp) -> IncidentRow {
    let times = Clocks::of(incident, now);
    IncidentRow {
        href: format!("/incidents/{}", url::encode(&incident.id)),
        title: incident.title.clone(),
        severity: incident.severity.as_str(),
        status: status_name(incident.status),
        services: incident.services.join(", "),
        onset: When::clock(incident.onset.at, now),
        ttd: times.ttd.text(),
        tta: times.tta.text(),
        ttr: times.ttr.text(),
    }
}

/// One of the three response times: over, still running, or never begun.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ResponseClock {
    Stopped(f64),
    /// For so long until now.
    Running(f64),
    NotStarted,
}

impl ResponseClock {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Stopped(seconds) => figures::duration(seconds),
            Self::Running(seconds) => format!("{}…", figures::duration(seconds)),
            Self::NotStarted => "–".to_owned(),
        }
    }
}

/// The three clocks of an incident, as they stand now. What is over is taken from the incident,
/// whose definitions they are; only what still runs is counted here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clocks {
    pub(crate) ttd: ResponseClock,
    pub(crate) tta: ResponseClock,
    pub(crate) ttr: ResponseClock,
}

impl Clocks {
    pub(crate) fn of(incident: &Incident, now: Timestamp) -> Self {
        let running = |since: Option<Timestamp>| match since {
            Some(since) if is_open(incident) => {
                ResponseClock::Running(now.seconds_since(since).max(0.0))
            }
            _ => ResponseClock::NotStarted,
        };
        let clock = |over: Option<f64>, since| over.map_or(running(since), ResponseClock::Stopped);
        Self {
            ttd: clock(incident.times.ttd_seconds, None),
            tta: clock(incident.times.tta_seconds, incident.notified_at),
            ttr: clock(incident.times.ttr_seconds, Some(incident.onset.at)),
        }
    }
}
