use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchfire_schemas::{AlertSeverity, ChangeEvent, LabelSet, Timestamp};

use super::title::{self, TitleSource};
use super::{AlertJoin, Cause, Fired, IncidentLink, JoinReason, pages};
use crate::dating::WatchedSignal;
use crate::response_times::{Moments, phases, response_times};
use crate::rules::severity;
use crate::{
    AlertInstance, AlertState, Incident, IncidentException, IncidentStatus, Onset, TimelineEntry,
    TimelineKind,
};

/// An incident as it is stored, without its timeline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IncidentRecord {
    pub id: String,
    pub status: IncidentStatus,
    pub severity: AlertSeverity,
    /// When the first alert fired that pages; while there is none, the first alert.
    pub detected_at: Timestamp,
    pub notified_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
    pub recovered_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    /// The incident that took this one over.
    pub merged_into: Option<String>,
    pub body: IncidentBody,
}

/// What no query asks for by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IncidentBody {
    pub title: String,
    /// The alert that gave the title.
    #[serde(default)]
    pub title_source: Option<TitleSource>,
    pub services: Vec<String>,
    pub onset: Onset,
    pub alerts: Vec<IncidentAlert>,
    pub exceptions: Vec<IncidentException>,
    pub changes: Vec<ChangeEvent>,
    pub runbook: Option<String>,
    /// The signals that changed: it is over when they are as usual again.
    pub signals: Vec<WatchedSignal>,
    /// The gravest severity that was paged, and when its page was due.
    pub paged: Option<AlertSeverity>,
    pub page_due: Option<Timestamp>,
    /// What destinations were told of last.
    #[serde(default)]
    pub told: Option<Told>,
    /// Whether the page waits: all that fires is suppressed.
    #[serde(default)]
    pub page_held: bool,
    /// How many of the later looks at the onset were taken.
    pub onset_looks: usize,
    /// How often the rule that detected it is evaluated.
    pub interval_seconds: f64,
    #[serde(default)]
    pub cause: Option<Cause>,
    #[serde(default)]
    pub assignee: Option<String>,
    #[serde(default)]
    pub links: Vec<IncidentLink>,
    /// Those that were merged into it.
    #[serde(default)]
    pub merged: Vec<String>,
    #[serde(default)]
    pub split_from: Option<String>,
    /// A human opened it again: it does not resolve by itself.
    #[serde(default)]
    pub is_kept_open: bool,
    /// How often it failed again after its recovery.
    #[serde(default)]
    pub reopened: u32,
    /// A human set the severity when this was the gravest of its alerts: only what is graver
    /// raises it again.
    #[serde(default)]
    pub overruled: Option<AlertSeverity>,
}

/// What destinations know of an incident: the alert that gave the title, and the severity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub title_of: Option<(String, LabelSet)>,
    pub severity: AlertSeverity,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IncidentAlert {
    pub rule_key: String,
    #[serde(flatten)]
    pub alert: AlertInstance,
    /// Why it is part of the incident.
    #[serde(default)]
    pub joined: Option<JoinReason>,
}

impl IncidentRecord {
    pub(crate) fn is_open(&self) -> bool {
        self.status != IncidentStatus::Resolved
    }

    pub(crate) fn has(&self, fired: &Fired) -> bool {
        self.body
            .alert(&fired.rule_key, &fired.alert.labels)
            .is_some()
    }

    /// Whether the alert is its own, or of one of its services.
    pub(crate) fn concerns(&self, fired: &Fired) -> bool {
        let service = fired.alert.labels.get("service");
        let shares = service.is_some_and(|s| self.body.services.iter().any(|known| known == s));
        shares || self.has(fired)
    }

    /// Whether it was over by then, or at most so much before.
    pub(crate) fn ended_by(&self, at: Timestamp, slack: Duration) -> bool {
        self.recovered_at.is_some_and(|over| at <= over + slack)
    }

    /// Takes an alert in. Says what happened, for the timeline.
    pub(crate) fn take(&mut self, fired: &Fired, now: Timestamp) -> Vec<TimelineEntry> {
        let alert = &fired.alert;
        let own = IncidentAlert {
            rule_key: fired.rule_key.clone(),
            alert: alert.clone(),
            joined: None,
        };
        self.body.retitle(&own);
        self.body.put(own);
        if let Some(service) = alert.labels.get("service")
            && !self.body.services.iter().any(|known| known == service)
        {
            self.body.services.push(service.to_owned());
        }
        let warned = !pages(self.severity) && self.detected_at < now;
        self.raise(severity(&alert.labels));
        let detects = warned && pages(self.severity);
        if detects {
            self.detected_at = now;
            self.body.interval_seconds = fired.interval_seconds;
        }
        if self.body.runbook.is_none() {
            self.body.runbook = alert.annotations.get("runbook_url").map(str::to_owned);
        }
        let what = summary(alert);
        let mut entries = vec![
            entry(
                alert.active_at,
                TimelineKind::AlertPending,
                format!("first true: {what}"),
                &alert.rule,
            ),
            entry(
                alert.fired_at.unwrap_or(now),
                TimelineKind::AlertFiring,
                what,
                &alert.rule,
            ),
        ];
        if detects {
            let text = format!("detected, no longer a mere warning: {}", self.body.title);
            entries.push(entry(now, TimelineKind::Detected, text, &alert.rule));
        }
        if self.status == IncidentStatus::Recovered {
            entries.push(self.reopen(alert, now));
        }
        entries
    }

    /// Takes a severity over, unless a human set another and knew of one as grave.
    fn raise(&mut self, found: AlertSeverity) {
        match self.body.overruled {
            Some(known) if found <= known => {}
            _ => {
                self.body.overruled = None;
                self.severity = self.severity.max(found);
            }
        }
    }

    /// Says why an alert is here, if that was not known.
    pub(crate) fn explain(&mut self, fired: &Fired, reason: &JoinReason) {
        let own = self.body.alert_mut(&fired.rule_key, &fired.alert.labels);
        if let Some(own) = own.filter(|own| own.joined.is_none()) {
            own.joined = Some(reason.clone());
        }
    }

    fn reopen(&mut self, alert: &AlertInstance, now: Timestamp) -> TimelineEntry {
        self.body.reopened += 1;
        self.recovered_at = None;
        self.status = if self.acknowledged_at.is_some() {
            IncidentStatus::Acknowledged
        } else {
            IncidentStatus::Triggered
        };
        entry(
            now,
            TimelineKind::Reopened,
            "it fails again".to_owned(),
            &alert.rule,
        )
    }

    /// Takes over how an alert of its own stands now. Says whether that matters, and what for the
    /// timeline. `None` means that the alert is gone: its rule is no more, or long resolved.
    pub(crate) fn refresh(
        &mut self,
        rule_key: &str,
        labels: &LabelSet,
        current: Option<&AlertInstance>,
        now: Timestamp,
    ) -> (bool, Option<TimelineEntry>) {
        let Some(own) = self.body.alert_mut(rule_key, labels) else {
            return (false, None);
        };
        let was_firing = own.alert.state == AlertState::Firing;
        // A new run of the alert that has not fired yet is none of this incident's affair.
        let current = current.filter(|c| c.state != AlertState::Pending);
        if let Some(current) = current {
            own.stand_as(current);
        } else if was_firing {
            own.alert.state = AlertState::Inactive;
            own.alert.resolved_at = Some(now);
        }
        let own = own.clone();
        let alert = &own.alert;
        let retitled = alert.state == AlertState::Firing && self.body.retitle(&own);
        if was_firing && alert.state == AlertState::Inactive {
            let at = alert.resolved_at.unwrap_or(now);
            let text = format!("no longer true: {}", summary(alert));
            return (
                true,
                Some(entry(at, TimelineKind::AlertResolved, text, &alert.rule)),
            );
        }
        (retitled, None)
    }

    pub(crate) fn moments(&self) -> Moments {
        Moments {
            onset: self.body.onset.at,
            first_true: self.first_true(),
            interval_seconds: self.body.interval_seconds,
            detected: self.detected_at,
            page_due: self.body.page_due,
            notified: self.notified_at,
            acknowledged: self.acknowledged_at,
            recovered: self.recovered_at,
            resolved: self.resolved_at,
        }
    }

    /// The first evaluation at which a rule was true, of those that count for detection.
    fn first_true(&self) -> Option<Timestamp> {
        let counts = |a: &&IncidentAlert| pages(severity(&a.alert.labels)) || !pages(self.severity);
        let counting = self.body.alerts.iter().filter(counts);
        counting.map(|a| a.alert.active_at).min()
    }

    /// As the console shows it.
    pub(crate) fn shown(self, mut timeline: Vec<TimelineEntry>) -> Incident {
        let moments = self.moments();
        let joins = self.body.joins();
        let body = self.body;
        timeline.push(TimelineEntry {
            at: body.onset.at,
            kind: TimelineKind::Onset,
            text: onset_text(&body.onset),
            actor: body.onset.set_by.clone(),
        });
        timeline.extend(body.changes.iter().map(|change| TimelineEntry {
            at: change.at,
            kind: TimelineKind::Change,
            text: format!(
                "{} of {}: {}",
                change.kind.as_str(),
                change.service,
                change.summary
            ),
            actor: change.author.clone(),
        }));
        timeline.sort_by_key(|entry| entry.at);
        Incident {
            id: self.id,
            title: body.title,
            severity: self.severity,
            status: self.status,
            services: body.services,
            onset: body.onset,
            detected_at: self.detected_at,
            notified_at: self.notified_at,
            acknowledged_at: self.acknowledged_at,
            acknowledged_by: self.acknowledged_by,
            recovered_at: self.recovered_at,
            resolved_at: self.resolved_at,
            times: response_times(&moments),
            phases: phases(&moments),
            alerts: body.alerts.into_iter().map(|a| a.alert).collect(),
            exceptions: body.exceptions,
            changes: body.changes,
            timeline,
            runbook: body.runbook,
            joins,
            cause: body.cause,
            assignee: body.assignee,
            links: body.links,
            merged_into: self.merged_into,
            merged: body.merged,
            split_from: body.split_from,
            reopened: body.reopened,
        }
    }
}

impl IncidentBody {
    fn alert(&self, rule_key: &str, labels: &LabelSet) -> Option<&IncidentAlert> {
        let own = |a: &&IncidentAlert| a.rule_key == rule_key && a.alert.labels == *labels;
        self.alerts.iter().find(own)
    }

    fn alert_mut(&mut self, rule_key: &str, labels: &LabelSet) -> Option<&mut IncidentAlert> {
        let own = |a: &&mut IncidentAlert| a.rule_key == rule_key && a.alert.labels == *labels;
        self.alerts.iter_mut().find(own)
    }

    pub(super) fn put(&mut self, alert: IncidentAlert) {
        match self.alert_mut(&alert.rule_key, &alert.alert.labels) {
            Some(known) => known.stand_as(&alert.alert),
            None => self.alerts.push(alert),
        }
    }

    /// Lets an alert give the title if it says more than the one that did. Says whether that
    /// changed it.
    pub(super) fn retitle(&mut self, alert: &IncidentAlert) -> bool {
        let Some((title, source)) = title::better(self.title_source.as_ref(), alert) else {
            return false;
        };
        self.title_source = Some(source);
        let changed = title != self.title;
        self.title = title;
        changed
    }
}

impl IncidentBody {
    fn joins(&self) -> Vec<AlertJoin> {
        let known = |own: &IncidentAlert| {
            let reason = own.joined.clone()?;
            Some(AlertJoin {
                alert: own.id(),
                rule: own.alert.rule.clone(),
                text: reason.words(),
                reason,
            })
        };
        self.alerts.iter().filter_map(known).collect()
    }

    /// The alert that gives the title.
    pub(crate) fn title_of(&self) -> Option<(String, LabelSet)> {
        self.title_source.as_ref().map(TitleSource::alert)
    }
}

impl IncidentAlert {
    /// What it is called in the API: the fingerprint of its labels, as Prometheus has it.
    pub(crate) fn id(&self) -> String {
        format!("{:016x}", self.alert.labels.fingerprint())
    }

    /// Takes over how the alert stands now. One that fired, ended and fires again within the same
    /// failure goes on: it has fired since it first did.
    fn stand_as(&mut self, now: &AlertInstance) {
        let first = (self.alert.active_at, self.alert.fired_at);
        self.alert.clone_from(now);
        self.alert.active_at = self.alert.active_at.min(first.0);
        self.alert.fired_at = first.1.or(now.fired_at).min(now.fired_at.or(first.1));
    }
}

/// What an alert says of itself: its summary, or its name and labels.
pub(crate) fn summary(alert: &AlertInstance) -> String {
    let identity = alert
        .labels
        .filtered(|name| name != "alertname" && name != "severity");
    match alert.annotations.get("summary") {
        Some(summary) => summary.to_owned(),
        None if identity.is_empty() => alert.rule.clone(),
        None => format!("{} {identity}", alert.rule),
    }
}

pub(crate) fn entry(at: Timestamp, kind: TimelineKind, text: String, actor: &str) -> TimelineEntry {
    TimelineEntry {
        at,
        kind,
        text,
        actor: (!actor.is_empty()).then(|| actor.to_owned()),
    }
}

fn onset_text(onset: &Onset) -> String {
    let sure = onset.latest.seconds_since(onset.earliest);
    match (&onset.evidence, &onset.reason) {
        (Some(evidence), _) => format!("it began, by {} (within {sure:.0} s)", evidence.signal),
        (None, Some(reason)) => format!("it began, as a human says: {reason}"),
        (None, None) => "it began no later than this: a rule was first true".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::incident) fn fired(service: &str, severity: &str, active_at: i64) -> Fired {
        let labels = [
            ("alertname", "Failing"),
            ("service", service),
            ("severity", severity),
        ];
        Fired {
            rule_key: format!("g/Failing/{severity}"),
            interval_seconds: 5.0,
            alert: AlertInstance {
                rule: "Failing".to_owned(),
                labels: LabelSet::new(labels),
                annotations: LabelSet::default(),
                state: AlertState::Firing,
                value: 1.0,
                active_at: Timestamp::from_secs(active_at),
                fired_at: Some(Timestamp::from_secs(active_at)),
                kept_since: None,
                resolved_at: None,
            },
        }
    }

    pub(in crate::incident) fn incident(
        id: &str,
        service: &str,
        severity: &str,
        at: i64,
    ) -> IncidentRecord {
        let detected_at = Timestamp::from_secs(at);
        let mut incident = IncidentRecord::empty(detected_at, 5.0, detected_at);
        id.clone_into(&mut incident.id);
        incident.take(&fired(service, severity, at), detected_at);
        incident
    }

    #[test]
    fn the_title_grows_with_the_failure_and_never_shrinks() {
        let mut incident = incident("a", "content", "error", 100);
        let mut current = fired("content", "error", 100).alert;
        let now = Timestamp::from_secs(200);
        let mut say = |value: f64| {
            current.value = value;
            current.annotations = LabelSet::new([("summary", format!("{value} % fail"))]);
            let labels = current.labels.clone();
            incident.refresh("g/Failing/error", &labels, Some(&current), now);
            incident.body.title.clone()
        };
        assert_eq!(say(40.0), "40 % fail");
        assert_eq!(say(100.0), "100 % fail");
        assert_eq!(say(10.0), "100 % fail");
    }

    #[test]
    fn a_warning_does_not_count_as_detection() {
        let mut incident = incident("a", "content", "warning", 100);
        assert_eq!(incident.detected_at, Timestamp::from_secs(100));
        let now = Timestamp::from_secs(115);
        let told = incident.take(&fired("content", "error", 110), now);
        assert_eq!(incident.detected_at, now);
        assert_eq!(told.last().map(|e| e.kind), Some(TimelineKind::Detected));
        assert_eq!(
            incident.moments().first_true,
            Some(Timestamp::from_secs(110))
        );
        incident.take(
            &fired("content", "critical", 120),
            Timestamp::from_secs(120),
        );
        assert_eq!(incident.detected_at, now);
    }

    #[test]
    fn an_alert_that_flickers_has_fired_since_it_first_did() {
        let mut incident = incident("a", "content", "error", 100);
        let again = fired("content", "error", 300);
        incident.take(&again, Timestamp::from_secs(300));
        let labels = again.alert.labels.clone();
        let now = Timestamp::from_secs(310);
        incident.refresh("g/Failing/error", &labels, Some(&again.alert), now);
        let alert = &incident.body.alerts[0].alert;
        assert_eq!(alert.fired_at, Some(Timestamp::from_secs(100)));
        assert_eq!(alert.active_at, Timestamp::from_secs(100));
        assert_eq!(alert.state, AlertState::Firing);
    }

    #[test]
    fn a_rule_that_is_gone_resolves_its_alerts() {
        let mut incident = incident("a", "content", "error", 100);
        let labels = fired("content", "error", 100).alert.labels;
        let now = Timestamp::from_secs(200);
        let (changed, told) = incident.refresh("g/Failing/error", &labels, None, now);
        assert!(changed && incident.body.alerts[0].alert.state == AlertState::Inactive);
        assert_eq!(
            told.map(|e| (e.at, e.kind)),
            Some((now, TimelineKind::AlertResolved))
        );
        assert_eq!(
            incident.refresh("g/Failing/error", &labels, None, now),
            (false, None)
        );
    }

    #[test]
    fn firing_after_recovery_reopens() {
        let mut incident = incident("a", "content", "error", 100);
        incident.status = IncidentStatus::Recovered;
        incident.recovered_at = Some(Timestamp::from_secs(150));
        let told = incident.take(&fired("content", "error", 190), Timestamp::from_secs(200));
        assert_eq!(incident.status, IncidentStatus::Triggered);
        assert_eq!(incident.recovered_at, None);
        assert_eq!(told.last().map(|e| e.kind), Some(TimelineKind::Reopened));
        assert_eq!(incident.body.alerts.len(), 1);
    }
}
