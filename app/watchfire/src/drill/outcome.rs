//! What came of a fault, on either side.

use serde::Serialize;
use watchfire_alerts::{Incident, OnsetMethod};
use watchfire_schemas::{AlertSeverity, Timestamp};
use watchfire_services::FaultKind;

/// How soon one set of rules saw a fault, in seconds from its onset.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Seen {
    /// Until an alert that pages fired. None if none did while the fault was watched.
    pub detected: Option<f64>,
    /// Until the page was with its receiver.
    pub paged: Option<f64>,
    /// Until an alert that wakes nobody fired.
    pub warned: Option<f64>,
    /// By which rule.
    pub rule: Option<String>,
}

/// When the fault was said to have begun.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Dated {
    /// Seconds after the truth.
    pub error: f64,
    pub width: f64,
    pub covers: bool,
    pub method: OnsetMethod,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Outcome {
    pub fault: &'static str,
    /// What the switchboard calls it; none where it comes from outside of services.
    pub kinds: Vec<FaultKind>,
    /// Whether nobody is to be woken by it.
    pub harmless: bool,
    pub run: u64,
    pub watchfire: Seen,
    pub plain: Seen,
    pub onset: Option<Dated>,
    /// Pages before it, or all if it is harmless, on both sides.
    #[serde(skip)]
    pub false_pages: (Vec<String>, Vec<String>),
}

/// The first of `incidents` that is about a service and was not before `onset`.
pub(crate) fn seen(incidents: &[Incident], service: &str, onset: Timestamp) -> Seen {
    let seconds = |at: Timestamp| at.seconds_since(onset);
    let mut own = about(incidents, service, onset);
    let page = own.clone().find(|incident| wakes(incident));
    let warning = own.find(|incident| !wakes(incident));
    let rule = page.or(warning).and_then(first_rule);
    Seen {
        detected: page.map(|incident| seconds(incident.detected_at)),
        paged: page.and_then(|incident| incident.notified_at).map(seconds),
        warned: warning.map(|incident| seconds(incident.detected_at)),
        rule,
    }
}

/// When the first page's incident was said to have begun.
pub(crate) fn dated(incidents: &[Incident], service: &str, onset: Timestamp) -> Option<Dated> {
    let page = about(incidents, service, onset).find(|incident| wakes(incident))?;
    let said = &page.onset;
    Some(Dated {
        error: said.at.seconds_since(onset),
        width: said.latest.seconds_since(said.earliest),
        covers: (said.earliest..=said.latest).contains(&onset),
        method: said.method,
    })
}

/// The pages before `end`, each in a line.
pub(crate) fn pages_before(incidents: &[Incident], end: Timestamp) -> Vec<String> {
    let pages = incidents
        .iter()
        .filter(|incident| wakes(incident) && incident.detected_at < end);
    pages.map(line).collect()
}

fn line(page: &Incident) -> String {
    let rule = first_rule(page).unwrap_or_default();
    format!("{} by {rule} at {}", page.title, page.detected_at)
}

/// Whether somebody is woken by it.
pub(crate) fn wakes(incident: &Incident) -> bool {
    incident.severity >= AlertSeverity::Error
}

fn about<'a>(
    incidents: &'a [Incident],
    service: &'a str,
    onset: Timestamp,
) -> impl Iterator<Item = &'a Incident> + Clone {
    let own = move |incident: &&Incident| is_about(incident, service);
    incidents
        .iter()
        .filter(own)
        .filter(move |incident| incident.detected_at >= onset)
}

fn is_about(incident: &Incident, service: &str) -> bool {
    incident.services.iter().any(|name| name == service)
}

fn first_rule(incident: &Incident) -> Option<String> {
    let fired = incident
        .alerts
        .iter()
        .filter(|alert| alert.fired_at.is_some());
    let first = fired.min_by_key(|alert| alert.fired_at);
    first.map(|alert| alert.rule.clone())
}
