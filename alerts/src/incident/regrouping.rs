//! Two incidents made one, and one made two: pure changes of records.

use watchfire_schemas::{AlertSeverity, Timestamp};

use super::record::IncidentAlert;
use super::{IncidentRecord, JoinReason, pages};
use crate::rules::severity;
use crate::{AlertState, IncidentStatus, OnsetSource};

impl IncidentRecord {
    /// Takes over what another incident has: its alerts and services, and the earlier of the moments
    /// at which people learned of the failure.
    pub(crate) fn absorb(&mut self, other: &Self, who: &str) {
        let (own_pages, others_page) = (pages(self.severity), pages(other.severity));
        let detected_by_other = match (own_pages, others_page) {
            (true, false) => false,
            (false, true) => true,
            _ => other.detected_at < self.detected_at,
        };
        if detected_by_other {
            self.detected_at = other.detected_at;
            self.body.interval_seconds = other.body.interval_seconds;
        }
        self.severity = self.severity.max(other.severity);
        self.notified_at = earliest(self.notified_at, other.notified_at);
        let taken = |record: &Self| Some((record.acknowledged_at?, record.acknowledged_by.clone()));
        let taken = [taken(self), taken(other)].into_iter().flatten();
        if let Some((at, by)) = taken.min_by_key(|(at, _)| *at) {
            (self.acknowledged_at, self.acknowledged_by) = (Some(at), by);
        }
        self.absorb_state(other);
        for own in &other.body.alerts {
            let joined = Some(JoinReason::ByHand {
                who: who.to_owned(),
            });
            self.body.retitle(own);
            self.body.put(IncidentAlert {
                joined,
                ..own.clone()
            });
        }
        let known = &mut self.body.services;
        let new = other.body.services.iter();
        let new: Vec<_> = new.filter(|name| !known.contains(name)).cloned().collect();
        known.extend(new);
        if self.body.runbook.is_none() {
            self.body.runbook.clone_from(&other.body.runbook);
        }
        self.body.links.extend(other.body.links.iter().cloned());
        self.body.merged.push(other.id.clone());
        self.body.merged.extend(other.body.merged.iter().cloned());
        let earlier = other.body.onset.at < self.body.onset.at;
        if earlier && self.body.onset.source != OnsetSource::Human {
            self.body.onset = other.body.onset.clone();
        }
        for signal in &other.body.signals {
            if !self.body.signals.contains(signal) {
                self.body.signals.push(signal.clone());
            }
        }
    }

    fn absorb_state(&mut self, other: &Self) {
        if !self.is_open() {
            self.recovered_at = latest(self.recovered_at, other.recovered_at);
            self.resolved_at = latest(self.resolved_at, other.resolved_at);
            return;
        }
        let over = |record: &Self| record.recovered_at.or(record.resolved_at);
        self.recovered_at = match (over(self), over(other)) {
            (Some(a), Some(b)) => Some(a.max(b)),
            _ => None,
        };
        self.status = match (self.recovered_at, self.acknowledged_at) {
            (Some(_), _) => IncidentStatus::Recovered,
            (None, Some(_)) => IncidentStatus::Acknowledged,
            (None, None) => IncidentStatus::Triggered,
        };
    }

    /// Takes the alerts of these ids out, and tells itself anew by those that stay. Gives them; none
    /// if they are all or nothing of it.
    pub(crate) fn give_away(&mut self, ids: &[String]) -> Option<Vec<IncidentAlert>> {
        let all = std::mem::take(&mut self.body.alerts);
        let (gone, stay): (Vec<_>, Vec<_>) = all.into_iter().partition(|a| ids.contains(&a.id()));
        if gone.is_empty() || stay.is_empty() {
            self.body.alerts = gone.into_iter().chain(stay).collect();
            return None;
        }
        self.consist_of(stay);
        Some(gone)
    }

    /// Tells itself by these alerts alone: title, services, severity, detection, runbook.
    pub(crate) fn consist_of(&mut self, alerts: Vec<IncidentAlert>) {
        let gravest = alerts.iter().map(|a| severity(&a.alert.labels)).max();
        self.severity = gravest.unwrap_or(AlertSeverity::Info);
        let counts = |a: &&IncidentAlert| {
            pages(severity(&a.alert.labels)) || !pages(gravest.unwrap_or(AlertSeverity::Info))
        };
        let fired = |a: &IncidentAlert| a.alert.fired_at.unwrap_or(a.alert.active_at);
        if let Some(at) = alerts.iter().filter(counts).map(fired).min() {
            self.detected_at = at;
        }
        let body = &mut self.body;
        body.title_source = None;
        body.services.clear();
        body.runbook = None;
        body.overruled = None;
        for own in &alerts {
            body.retitle(own);
            if let Some(service) = own.alert.labels.get("service")
                && !body.services.iter().any(|known| known == service)
            {
                body.services.push(service.to_owned());
            }
            if body.runbook.is_none() {
                let runbook = own.alert.annotations.get("runbook_url");
                body.runbook = runbook.map(str::to_owned);
            }
        }
        body.alerts = alerts;
    }

    /// Whether one of its alerts fires.
    pub(crate) fn is_firing(&self) -> bool {
        let firing = |a: &IncidentAlert| a.alert.state == AlertState::Firing;
        self.body.alerts.iter().any(firing)
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

fn latest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::record::tests::{fired, incident};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn a_merged_incident_was_known_since_the_first_knew() {
        let mut kept = incident("kept", "gateway", "error", 200);
        kept.notified_at = Some(at(210));
        let mut other = incident("other", "content", "critical", 100);
        other.notified_at = Some(at(110));
        other.acknowledged_at = Some(at(150));
        other.acknowledged_by = Some("ada".to_owned());
        kept.absorb(&other, "bob");
        assert_eq!(kept.detected_at, at(100));
        assert_eq!(kept.notified_at, Some(at(110)));
        assert_eq!(kept.acknowledged_by.as_deref(), Some("ada"));
        assert_eq!(kept.status, IncidentStatus::Acknowledged);
        assert_eq!(kept.severity, AlertSeverity::Critical);
        assert_eq!(kept.body.services, ["gateway", "content"]);
        assert_eq!(kept.body.alerts.len(), 2);
        assert_eq!(kept.body.merged, ["other"]);
    }

    #[test]
    fn a_warning_lends_no_detection() {
        let mut kept = incident("kept", "gateway", "error", 200);
        kept.absorb(&incident("other", "content", "warning", 100), "bob");
        assert_eq!(kept.detected_at, at(200));
    }

    #[test]
    fn what_stays_after_a_split_tells_itself_anew() {
        let mut whole = incident("whole", "gateway", "error", 200);
        whole.take(&fired("content", "critical", 230), at(230));
        assert_eq!(whole.severity, AlertSeverity::Critical);
        let content = whole.body.alerts[1].id();
        let gone = whole.give_away(std::slice::from_ref(&content)).unwrap();
        assert_eq!(gone.len(), 1);
        assert_eq!(whole.body.services, ["gateway"]);
        assert_eq!(whole.severity, AlertSeverity::Error);
        assert!(whole.give_away(&[content]).is_none());
        let last = whole.body.alerts[0].id();
        assert!(whole.give_away(&[last]).is_none(), "one must stay");
        assert_eq!(whole.body.alerts.len(), 1);
    }
}
