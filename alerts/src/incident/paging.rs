//! When an incident's people are told, and what.

use std::time::Duration;

use watchfire_schemas::{LabelSet, Timestamp};

use super::{IncidentRecord, pages};
use crate::AlertInstance;
use crate::notification::{EventAction, Link, NewNotification, NotificationContent};
use crate::response_times::response_times;
use crate::rules::severity;

impl IncidentRecord {
    /// Says from when on the page may go; the first time that the incident is grave enough.
    pub(crate) fn schedule_page(&mut self, group_wait: Duration, now: Timestamp) {
        if pages(self.severity) && self.body.page_due.is_none() {
            self.body.page_due = Some(now + group_wait);
        }
    }

    /// Whether a page is due: the first, or one that says that it is graver than was paged.
    pub(crate) fn page_is_due(&self, now: Timestamp) -> bool {
        self.is_open()
            && self.body.page_due.is_some_and(|due| due <= now)
            && self.body.paged.is_none_or(|paged| paged < self.severity)
    }

    /// What to put into the outbox, one for each destination.
    pub(crate) fn notifications(
        &self,
        action: EventAction,
        destinations: &[String],
        external_url: &str,
        now: Timestamp,
    ) -> Vec<NewNotification> {
        let content = self.content(external_url);
        destinations
            .iter()
            .map(|destination| NewNotification {
                incident_id: self.id.clone(),
                destination: destination.clone(),
                dedup_key: format!("watchfire-{}", self.id),
                action,
                content: content.clone(),
                not_before: now,
            })
            .collect()
    }

    fn content(&self, external_url: &str) -> NotificationContent {
        let body = &self.body;
        let alerts: Vec<AlertInstance> = body.alerts.iter().map(|a| a.alert.clone()).collect();
        let gravest = alerts.iter().max_by_key(|a| severity(&a.labels));
        let annotation = |name: &str| {
            let text = gravest.and_then(|alert| alert.annotations.get(name));
            text.unwrap_or_default().to_owned()
        };
        let times = response_times(&self.moments());
        let page = format!(
            "{}/incidents/{}",
            external_url.trim_end_matches('/'),
            self.id
        );
        NotificationContent {
            incident: self.id.clone(),
            title: body.title.clone(),
            summary: annotation("summary"),
            description: annotation("description"),
            severity: self.severity,
            status: self.status,
            services: body.services.clone(),
            onset_at: body.onset.at,
            onset_earliest: body.onset.earliest,
            onset_latest: body.onset.latest,
            detected_at: self.detected_at,
            acknowledged_at: self.acknowledged_at,
            acknowledged_by: self.acknowledged_by.clone(),
            recovered_at: self.recovered_at,
            resolved_at: self.resolved_at,
            ttd_seconds: times.ttd_seconds,
            ttr_seconds: times.ttr_seconds,
            exceptions: body.exceptions.clone(),
            changes: body.changes.clone(),
            links: vec![Link {
                text: "Incident".to_owned(),
                href: page,
            }],
            runbook: body.runbook.clone(),
            labels: shared(alerts.iter().map(|alert| &alert.labels)),
            annotations: shared(alerts.iter().map(|alert| &alert.annotations)),
            alerts,
            group_key: format!("{{}}:{{incident={:?}}}", self.id),
            external_url: external_url.to_owned(),
        }
    }
}

/// What all sets have in common.
fn shared<'a>(mut sets: impl Iterator<Item = &'a LabelSet>) -> LabelSet {
    let Some(first) = sets.next() else {
        return LabelSet::default();
    };
    sets.fold(first.clone(), |common, set| {
        LabelSet::new(
            common
                .iter()
                .filter(|(name, value)| set.get(name) == Some(*value)),
        )
    })
}
