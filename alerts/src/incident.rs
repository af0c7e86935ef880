//! Incidents: one for each failure.
//!
//! # Which incident an alert belongs to
//! A firing alert joins an incident that is not resolved
//! 1. if the incident already has this alert;
//! 2. if it shares a service with it, unless the alert pages, the incident does not and was
//!    detected longer than [`CLOSE_BY`] ago: a standing warning must not swallow an outage;
//! 3. if it became true between [`EARLY_BY`] before the incident's onset and [`CLOSE_BY`] after its
//!    detection: failures that begin together are taken to be one failure.
//!
//! Of several the first rule that holds decides, then the newest incident. An alert that belongs to
//! none opens one, unless its severity is `info`.

mod paging;
mod record;
pub(crate) mod store;
mod title;

use std::time::Duration;

use watchfire_schemas::AlertSeverity;

use crate::AlertInstance;
use crate::rules::severity;

pub(crate) use record::{IncidentAlert, IncidentBody, IncidentRecord, entry};

pub(crate) const CLOSE_BY: Duration = Duration::from_mins(5);
pub(crate) const EARLY_BY: Duration = Duration::from_mins(2);

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

/// The open incident that an alert belongs to.
pub(crate) fn belongs_to<'a>(
    fired: &Fired,
    open: impl IntoIterator<Item = &'a IncidentRecord>,
) -> Option<&'a IncidentRecord> {
    open.into_iter()
        .filter_map(|incident| Some((kinship(fired, incident)?, incident)))
        .max_by_key(|(kinship, incident)| (*kinship, incident.detected_at))
        .map(|(_, incident)| incident)
}

fn kinship(fired: &Fired, incident: &IncidentRecord) -> Option<u8> {
    if incident.has(fired) {
        return Some(3);
    }
    let alert = &fired.alert;
    let close = alert.active_at <= incident.detected_at + CLOSE_BY;
    let shares = alert
        .labels
        .get("service")
        .is_some_and(|service| incident.body.services.iter().any(|known| known == service));
    let swallowed = pages(severity(&alert.labels)) && !pages(incident.severity) && !close;
    if shares && !swallowed {
        return Some(2);
    }
    let began_with_it = close && alert.active_at + EARLY_BY >= incident.body.onset.earliest;
    began_with_it.then_some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::record::tests::{fired, incident};

    fn check(fired: &Fired, open: &[IncidentRecord], expected: Option<&str>) {
        let found = belongs_to(fired, open).map(|incident| incident.id.as_str());
        assert_eq!(found, expected, "{fired:?}");
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
}
