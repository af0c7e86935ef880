//! The incidents that a trace may be evidence of: open while it ran, of a service that it touched.

use watchfire_alerts::{Incident, IncidentFilter};
use watchfire_schemas::TimeRange;

use super::layout::Layout;
use crate::range::Asked;
use crate::shell::Shell;
use crate::{Console, chain};

/// Incidents looked at, and named.
const LOOKED_AT: usize = 50;
const NAMED: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IncidentLink {
    pub(crate) href: String,
    pub(crate) title: String,
    pub(crate) severity: &'static str,
}

pub(super) async fn open_then(
    console: &Console,
    layout: &Layout,
    asked: &Asked,
    shell: &mut Shell,
) -> Vec<IncidentLink> {
    let Some((start, end)) = layout.sent() else {
        return Vec::new();
    };
    let filter = IncidentFilter::of(TimeRange { start, end }, LOOKED_AT);
    let found = console.alerts.find_incidents(&filter).await;
    let found = shell.take("incidents", found);
    touched(&found, &layout.outline.services, asked)
}

/// Those of one of the services.
fn touched(incidents: &[Incident], services: &[String], asked: &Asked) -> Vec<IncidentLink> {
    let is_touched = |incident: &&Incident| {
        let mut of = incident.services.iter();
        of.any(|service| services.contains(service))
    };
    let link = |incident: &Incident| IncidentLink {
        href: chain::incident(asked, &incident.id),
        title: incident.title.clone(),
        severity: incident.severity.as_str(),
    };
    incidents
        .iter()
        .filter(is_touched)
        .take(NAMED)
        .map(link)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};

    #[test]
    fn only_incidents_of_its_services_are_named() {
        let asked = Asked::absolute(TimeRange::ALL);
        let incidents = samples::incidents_of(Mood::Full);
        let service = incidents[0].services[0].clone();
        let named = touched(&incidents, std::slice::from_ref(&service), &asked);
        let expected = incidents
            .iter()
            .filter(|one| one.services.contains(&service));
        assert_eq!(named.len(), expected.count().min(NAMED));
        assert!(named[0].href.starts_with("/incidents/"));
        assert!(touched(&incidents, &["nobody".to_owned()], &asked).is_empty());
    }
}
