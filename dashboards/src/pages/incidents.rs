//! `/incidents`: the list, open ones first.

use askama::Template;
use axum::extract::State;
use watchfire_alerts::{Incident, IncidentFilter, IncidentStatus};
use watchfire_schemas::{AlertSeverity, Timestamp};

use super::{Page, render};
use crate::charts::{Svg, response_strip};
use crate::figures::{self, When};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, url};

/// Incidents on a page.
const PAGE: usize = 50;

const STATES: [(&str, &str); 6] = [
    ("", "any state"),
    ("open", "open"),
    ("triggered", "triggered"),
    ("acknowledged", "acknowledged"),
    ("recovered", "recovered"),
    ("resolved", "resolved"),
];
const SEVERITIES: [AlertSeverity; 4] = [
    AlertSeverity::Critical,
    AlertSeverity::Error,
    AlertSeverity::Warning,
    AlertSeverity::Info,
];

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
    /// Where its time went.
    pub(crate) strip: Svg,
    /// `Ada`, or `nobody` while it is open.
    pub(crate) has_it: String,
}

/// What the form of the page says, as it was said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Narrowed {
    pub(crate) status: String,
    pub(crate) severity: String,
    pub(crate) service: String,
    pub(crate) text: String,
}

impl Narrowed {
    fn of(params: &Params) -> Self {
        let text = |name| params.get(name).unwrap_or_default().trim().to_owned();
        Self {
            status: text("status"),
            severity: text("severity"),
            service: text("service"),
            text: text("q"),
        }
    }

    fn parameters(&self) -> [(&'static str, &str); 4] {
        [
            ("status", &self.status),
            ("severity", &self.severity),
            ("service", &self.service),
            ("q", &self.text),
        ]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parameters().iter().all(|(_, value)| value.is_empty())
    }
}

#[derive(Debug, Template)]
#[template(path = "incidents.html")]
pub(crate) struct IncidentsPage {
    pub(crate) shell: Shell,
    pub(crate) open: usize,
    pub(crate) incidents: Vec<IncidentRow>,
    pub(crate) narrowed: Narrowed,
    /// Name, words, whether chosen.
    pub(crate) states: Vec<(&'static str, &'static str, bool)>,
    pub(crate) severities: Vec<(&'static str, bool)>,
    /// The range as hidden fields of the form.
    pub(crate) range: Vec<(&'static str, String)>,
    pub(crate) next: Option<String>,
    pub(crate) is_first: bool,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "7d")?;
    let narrowed = Narrowed::of(&params);
    let kept = narrowed.parameters();
    let mut shell = Shell::ranged(&house, "/incidents", "Incidents", &asked, &kept);
    let mut filter = incident_filter(&params, house.now, "7d")?;
    filter.open_first = true;
    filter.after = params.get("after").map(str::to_owned);
    filter.limit = PAGE + 1;
    let is_first = filter.after.is_none();
    let found = console.alerts.find_incidents(&filter).await;
    let found = shell.take("incidents", found);
    if found.iter().any(is_open) {
        shell = shell.live(10);
    }
    let page = view(shell, house.now, &asked, narrowed, found);
    render(&IncidentsPage { is_first, ..page })
}

/// What a list is asked for, by page and API alike: `status` (one or several, or `open`),
/// `severity`, `service`, `q`, and the range.
pub(crate) fn incident_filter(
    params: &Params,
    now: Timestamp,
    default: &str,
) -> Result<IncidentFilter, BadParam> {
    let asked = Asked::from_params(params, now, default)?;
    let words = |name| {
        let all = params.get(name).unwrap_or_default().split(',');
        all.map(str::trim).filter(|word| !word.is_empty())
    };
    let mut filter = IncidentFilter::of(asked.range, PAGE);
    for word in words("status") {
        filter.states.extend(states(word)?);
    }
    match params.get("open") {
        None | Some("" | "false") => {}
        Some("true") => filter.states.extend(OPEN),
        Some(_) => return Err(BadParam::new("open", "expected true or false")),
    }
    for word in words("severity") {
        let known = SEVERITIES.into_iter().find(|known| known.as_str() == word);
        let expected = "expected critical, error, warning or info";
        filter
            .severities
            .push(known.ok_or_else(|| BadParam::new("severity", expected))?);
    }
    let text = |name| {
        let text = params.get(name).map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    filter.service = text("service");
    filter.text = text("q");
    Ok(filter)
}

const OPEN: [IncidentStatus; 3] = [
    IncidentStatus::Triggered,
    IncidentStatus::Acknowledged,
    IncidentStatus::Recovered,
];

fn states(word: &str) -> Result<Vec<IncidentStatus>, BadParam> {
    if word == "open" {
        return Ok(OPEN.to_vec());
    }
    let mut known = OPEN.into_iter().chain([IncidentStatus::Resolved]);
    let found = known.find(|status| status_name(*status) == word);
    let expected = "expected open, triggered, acknowledged, recovered or resolved";
    found
        .map(|status| vec![status])
        .ok_or_else(|| BadParam::new("status", expected))
}

/// Of one more than a page shows.
pub(crate) fn view(
    shell: Shell,
    now: Timestamp,
    asked: &Asked,
    narrowed: Narrowed,
    mut found: Vec<Incident>,
) -> IncidentsPage {
    let is_more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| is_more).map(|last| {
        let mut parameters = narrowed.parameters().to_vec();
        parameters.push(("after", &last.id));
        asked.link("/incidents", &parameters)
    });
    let rows = found.iter().map(|incident| incident_row(incident, now));
    let severity = |severity: AlertSeverity| {
        let name = severity.as_str();
        (name, narrowed.severity == name)
    };
    IncidentsPage {
        shell,
        open: found.iter().filter(|incident| is_open(incident)).count(),
        incidents: rows.collect(),
        states: STATES
            .into_iter()
            .map(|(name, words)| (name, words, narrowed.status == name))
            .collect(),
        severities: SEVERITIES.into_iter().map(severity).collect(),
        range: asked.parameters().to_vec(),
        narrowed,
        next,
        is_first: true,
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
        strip: response_strip(incident, now),
        has_it: match (&incident.acknowledged_by, &incident.assignee) {
            (_, Some(to)) => to.clone(),
            (Some(who), None) => who.clone(),
            (None, None) if is_open(incident) => "nobody yet".to_owned(),
            (None, None) => "–".to_owned(),
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<IncidentFilter, BadParam> {
        let now = Timestamp::from_secs(1_795_327_047);
        incident_filter(&Params::parse(query), now, "7d")
    }

    #[test]
    fn a_filter_is_read_strictly() {
        let filter = read("status=open,resolved&severity=error&service=%20content&q=").unwrap();
        assert_eq!(filter.states.len(), 4);
        assert_eq!(filter.severities, [AlertSeverity::Error]);
        assert_eq!(filter.service.as_deref(), Some("content"));
        assert_eq!(filter.text, None);
        assert_eq!(read("open=true").unwrap().states, OPEN);
        for (query, name) in [
            ("status=new", "status"),
            ("severity=grave", "severity"),
            ("open=1", "open"),
        ] {
            assert_eq!(read(query).unwrap_err().name, name);
        }
    }
}
