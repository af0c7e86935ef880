//! Incidents whose alerts are all suppressed page nobody while that is so.

use watchfire_schemas::Timestamp;

use super::suppression::Suppression;
use crate::incident::{IncidentRecord, entry, pages};
use crate::rules::severity;
use crate::{AlertState, Alerts, TimelineEntry, TimelineKind};

impl Alerts {
    /// Says whether a page that is due waits, and what the timeline says when that begins and
    /// when it ends.
    pub(crate) fn hold_page(
        &self,
        incident: &mut IncidentRecord,
        now: Timestamp,
    ) -> Option<TimelineEntry> {
        if !incident.page_is_due(now) && !incident.has_news(now) {
            return None;
        }
        let because = self.all_suppressed(incident, now);
        let was_held = std::mem::replace(&mut incident.body.page_held, because.is_some());
        let text = match (because, was_held) {
            (Some(because), false) => format!("nobody is paged: {because}"),
            (None, true) => "no longer suppressed".to_owned(),
            _ => return None,
        };
        Some(entry(now, TimelineKind::Note, text, ""))
    }

    /// Why none of the incident's firing alerts that page may be told of; none if one may, or if
    /// none fires.
    fn all_suppressed(&self, incident: &IncidentRecord, now: Timestamp) -> Option<String> {
        let alerts = incident.body.alerts.iter().map(|own| &own.alert);
        let paging = alerts
            .filter(|alert| alert.state == AlertState::Firing && pages(severity(&alert.labels)));
        let mut because = None;
        for alert in paging {
            let suppression = self.suppression(&alert.labels, now);
            if suppression.is_empty() {
                return None;
            }
            because.get_or_insert_with(|| told(&suppression));
        }
        because
    }
}

fn told(suppression: &Suppression) -> String {
    let reasons = [
        ("silenced by", &suppression.silenced_by),
        ("inhibited by alert", &suppression.inhibited_by),
        ("muted by time interval", &suppression.muted_by),
    ];
    let reasons = reasons.iter().filter(|(_, by)| !by.is_empty());
    let texts: Vec<String> = reasons
        .map(|(how, by)| format!("{how} {}", by.join(", ")))
        .collect();
    texts.join("; ")
}
