//! Incidents: one for each failure.
//!
//! # Which incident an alert belongs to
//! A firing alert joins an incident that is not resolved
//! 1. if the incident already has this alert;
//! 2. if it shares a service with it, unless the alert pages, the incident does not and was
//!    detected longer than [`CLOSE_BY`] ago: a standing warning must not swallow an outage;
//! 3. if its service calls one of the incident's, or is called by it, through at most
//!    [`MOST_HOPS`] calls, and it became true between [`EARLY_BY`] before the incident's onset and
//!    [`SPREAD_BY`] after its detection: failures travel along calls, and take their time;
//! 4. if it has no service (a host, a probe) and shares its host, target or job with an alert of
//!    the incident, in the same time;
//! 5. if it became true between [`EARLY_BY`] before the incident's onset and [`CLOSE_BY`] after its
//!    detection: failures that begin together are taken to be one failure, unless both are of
//!    services of which it is known that no calls connect them.
//!
//! Of several the first rule that holds decides, then the newest incident. An alert that belongs to
//! none opens one, unless its severity is `info`. Why an alert joined is kept with it.

mod facets;
mod neighbourhood;
mod opening;
mod paging;
mod reading;
mod record;
mod regrouping;
pub(crate) mod store;
mod title;

use std::time::Duration;

use watchfire_schemas::AlertSeverity;

use crate::AlertInstance;
use crate::rules::severity;

pub use facets::{AlertJoin, Cause, CauseKind, IncidentLink, JoinReason};
pub(crate) use neighbourhood::Neighbourhood;
pub use reading::{IncidentFilter, SimilarIncident};
pub(crate) use record::{IncidentAlert, IncidentBody, IncidentRecord, Told, entry};

pub(crate) const CLOSE_BY: Duration = Duration::from_mins(5);
pub(crate) const EARLY_BY: Duration = Duration::from_mins(2);
/// How long after detection a failure may reach a neighbour.
pub(crate) const SPREAD_BY: Duration = Duration::from_mins(15);
/// The service that our own alerts are about.
const OURSELVES: &str = "watchfire";
/// Through how many calls a failure is followed.
const MOST_HOPS: usize = 3;
/// Labels that say what an alert without a service is about; the finest that it has counts.
const SUBJECTS: [&str; 7] = [
    "host",
    "host_name",
    "node",
    "target",
    "probe",
    "instance",
    "job",
];

/// Whether incidents of this severity wake people.
pub(crate) fn pages(severity: AlertSeverity) -> bool {
    severity >= AlertSeverity::Error
}

/// An alert that began to fire, with its rule's key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fired {
    pub rule_key: String,
    /// How often the rule is evaluated.
    pub interval_seconds: f64,
    pub alert: AlertInstance,
}

/// The open incident that an alert belongs to, and why.
pub(crate) fn belongs_to<'a>(
    fired: &Fired,
    open: impl IntoIterator<Item = &'a IncidentRecord>,
    neighbours: &Neighbourhood,
) -> Option<(&'a IncidentRecord, JoinReason)> {
    open.into_iter()
        .filter_map(|incident| {
            let (rank, reason) = kinship(fired, incident, neighbours)?;
            Some((rank, incident, reason))
        })
        .max_by_key(|(rank, incident, _)| (*rank, incident.detected_at))
        .map(|(_, incident, reason)| (incident, reason))
}

fn kinship(
    fired: &Fired,
    incident: &IncidentRecord,
    neighbours: &Neighbourhood,
) -> Option<(u8, JoinReason)> {
    let alert = &fired.alert;
    let service = alert.labels.get("service");
    if incident.has(fired) {
        let reason = service.map_or(JoinReason::Opened, |service| JoinReason::SharedService {
            service: service.to_owned(),
        });
        return Some((5, reason));
    }
    let after_onset = alert.active_at + EARLY_BY >= incident.body.onset.earliest;
    let close = alert.active_at <= incident.detected_at + CLOSE_BY;
    let may_spread = after_onset && alert.active_at <= incident.detected_at + SPREAD_BY;
    let swallowed = pages(severity(&alert.labels)) && !pages(incident.severity) && !close;
    let known = &incident.body.services;
    if let Some(service) = service {
        if known.iter().any(|known| known == service) && !swallowed {
            let service = service.to_owned();
            return Some((4, JoinReason::SharedService { service }));
        }
        let path = neighbours.nearest(service, known, MOST_HOPS);
        if let Some(reason) = path.filter(|_| may_spread && !swallowed) {
            return Some((3, reason));
        }
    } else if let Some(reason) = shared_subject(alert, incident).filter(|_| may_spread) {
        return Some((2, reason));
    }
    let of_ourselves = |service: &str| service == OURSELVES;
    let apart = service.is_some_and(|service| {
        // That Watchfire is slow while a service fails does not make it one failure.
        let mixed = of_ourselves(service) != known.iter().all(|known| of_ourselves(known));
        mixed || neighbours.are_apart(service, known)
    });
    let seconds = alert.active_at.seconds_since(incident.body.onset.at);
    let together = close && after_onset && !apart;
    together.then_some((1, JoinReason::BeganTogether { seconds }))
}

fn shared_subject(alert: &AlertInstance, incident: &IncidentRecord) -> Option<JoinReason> {
    let (label, value) = SUBJECTS
        .into_iter()
        .find_map(|label| Some((label, alert.labels.get(label)?)))?;
    let of_incident = incident.body.alerts.iter().map(|own| &own.alert.labels);
    let shared = of_incident.filter(|labels| labels.get(label) == Some(value));
    (shared.count() > 0).then(|| JoinReason::SharedSubject {
        label: label.to_owned(),
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::record::tests::{fired, incident};

    fn check(fired: &Fired, open: &[IncidentRecord], expected: Option<&str>) {
        check_among(fired, open, &[], expected);
    }

    fn check_among(
        fired: &Fired,
        open: &[IncidentRecord],
        calls: &[(&str, &str)],
        expected: Option<&str>,
    ) {
        let neighbours = Neighbourhood::new(calls.iter().copied());
        let found = belongs_to(fired, open, &neighbours);
        let found = found.map(|(incident, reason)| format!("{}: {}", incident.id, reason.words()));
        match (&found, expected) {
            (Some(found), Some(expected)) => {
                assert!(found.starts_with(expected), "{found} is not {expected}");
            }
            (found, expected) => assert_eq!(found.as_deref(), expected, "{fired:?}"),
        }
    }

    #[test]
    fn alerts_join_what_they_are_part_of() {
        let old = incident("old", "content", "error", 1_000);
        let new = incident("new", "gateway", "error", 5_000);
        let open = [old, new];
        check(&fired("content", "error", 9_000), &open, Some("old"));
        check(&fired("sync", "error", 5_100), &open, Some("new"));
        check(&fired("sync", "error", 9_000), &open, None);
        check(&fired("sync", "error", 4_000), &open, None);
    }

    #[test]
    fn a_standing_warning_swallows_no_outage() {
        let open = [incident("warned", "content", "warning", 1_000)];
        check(&fired("content", "critical", 9_000), &open, None);
        check(&fired("content", "critical", 1_060), &open, Some("warned"));
        check(&fired("content", "warning", 9_000), &open, Some("warned"));
    }

    #[test]
    fn a_failure_is_followed_along_calls() {
        let calls = [
            ("web", "gateway"),
            ("gateway", "content"),
            ("mail", "queue"),
        ];
        let open = [incident("first", "content", "error", 1_000)];
        let check = |service: &str, at: i64, expected: Option<&str>| {
            check_among(&fired(service, "error", at), &open, &calls, expected);
        };
        check("gateway", 1_600, Some("first: gateway calls content"));
        check(
            "web",
            1_600,
            Some("first: web calls content through 1 others"),
        );
        check("gateway", 2_000, None);
        check("gateway", 800, None);
        // Known, and not connected: two failures, though they begin together.
        check("mail", 1_010, None);
        // Nothing is known of its calls.
        check("batch", 1_010, Some("first: began together"));
    }

    #[test]
    fn our_own_alerts_are_no_part_of_a_failure() {
        let open = [incident("first", "content", "error", 1_000)];
        check(&fired("watchfire", "warning", 1_010), &open, None);
        let ours = [incident("ours", "watchfire", "warning", 1_000)];
        check(&fired("content", "error", 1_010), &ours, None);
        let again = fired("watchfire", "error", 1_010);
        check(&again, &ours, Some("ours: same service: watchfire"));
    }

    #[test]
    fn alerts_without_a_service_join_by_what_they_are_about() {
        let bare = |label: &str, value: &str, at: i64| {
            let severity = if at > 1_000 { "critical" } else { "error" };
            let mut fired = fired("", severity, at);
            fired.alert.labels = fired.alert.labels.without("service").with(label, value);
            fired
        };
        let mut host = incident("host", "content", "error", 1_000);
        host.take(
            &bare("instance", "a:9100", 1_000),
            watchfire_schemas::Timestamp::from_secs(1_000),
        );
        let open = [host];
        check(
            &bare("instance", "a:9100", 1_800),
            &open,
            Some("host: same instance: a:9100"),
        );
        check(&bare("instance", "b:9100", 1_800), &open, None);
        check(
            &bare("instance", "b:9100", 1_100),
            &open,
            Some("host: began together"),
        );
    }
}
