use watchfire_schemas::{AlertSeverity, Timestamp};

use super::human_act::HumanAct;
use super::refused;
use crate::incident::{IncidentRecord, entry};
use crate::rules::severity;
use crate::{
    ActError, Cause, IncidentLink, IncidentStatus, Onset, OnsetMethod, OnsetSource, TimelineEntry,
    TimelineKind,
};

const MAX_LINKS: usize = 50;

/// What acts make of an incident, before anything is written.
pub(super) struct Draft {
    pub(super) before: IncidentRecord,
    pub(super) incident: IncidentRecord,
    pub(super) told: Vec<TimelineEntry>,
    pub(super) other: Option<Other>,
}

/// The incident that changes with it.
pub(super) enum Other {
    TakesOver {
        before: Box<IncidentRecord>,
        incident: Box<IncidentRecord>,
        told: Vec<TimelineEntry>,
    },
    SplitOff {
        incident: Box<IncidentRecord>,
        told: Vec<TimelineEntry>,
    },
}

impl Other {
    /// How it was, if it was, how it is, and what its timeline says.
    pub(super) fn parts(
        &mut self,
    ) -> (
        Option<&IncidentRecord>,
        &mut IncidentRecord,
        &[TimelineEntry],
    ) {
        match self {
            Self::TakesOver {
                before,
                incident,
                told,
            } => (Some(before), incident, told),
            Self::SplitOff { incident, told } => (None, incident, told),
        }
    }
}

impl Draft {
    pub(super) fn of(known: IncidentRecord) -> Self {
        Self {
            before: known.clone(),
            incident: known,
            told: Vec::new(),
            other: None,
        }
    }

    pub(super) fn tell(&mut self, now: Timestamp, kind: TimelineKind, text: String, who: &str) {
        self.told.push(entry(now, kind, text, who));
    }

    /// An act that concerns this incident alone.
    pub(super) fn take(
        &mut self,
        act: HumanAct,
        who: &str,
        now: Timestamp,
    ) -> Result<(), ActError> {
        match act {
            HumanAct::Acknowledge => return self.acknowledge(who, now),
            HumanAct::Unacknowledge => self.unacknowledge(who, now),
            HumanAct::Resolve => self.resolve(who, now),
            HumanAct::Reopen => return self.reopen(who, now),
            HumanAct::SetOnset { at, why } => return self.set_onset(at, why, who, now),
            HumanAct::SetSeverity(severity) => self.set_severity(severity, who, now),
            HumanAct::Note(note) => self.tell(now, TimelineKind::Note, note, who),
            HumanAct::Link { url, text } => return self.link(url, text, who, now),
            HumanAct::SetCause { kind, text } => {
                let mut told = format!("cause: {}", kind.words());
                if !text.is_empty() {
                    told = format!("{told}, {text}");
                }
                self.tell(now, TimelineKind::CauseSet, told, who);
                self.incident.body.cause = Some(Cause {
                    kind,
                    text,
                    by: who.to_owned(),
                    at: now,
                });
            }
            HumanAct::Assign(to) => {
                let told = match &to {
                    Some(name) => format!("assigned to {name}"),
                    None => "assigned to nobody".to_owned(),
                };
                if self.incident.body.assignee != to {
                    self.incident.body.assignee = to;
                    self.tell(now, TimelineKind::Assigned, told, who);
                }
            }
            HumanAct::Merge { .. } | HumanAct::Split { .. } => {
                return refused("merging and splitting concern two incidents");
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self, who: &str, now: Timestamp) -> Result<(), ActError> {
        let incident = &mut self.incident;
        if !incident.is_open() {
            return refused("the incident is resolved");
        }
        if incident.acknowledged_at.is_some() {
            return Ok(());
        }
        incident.acknowledged_at = Some(now);
        incident.acknowledged_by = Some(who.to_owned());
        if incident.status == IncidentStatus::Triggered {
            incident.status = IncidentStatus::Acknowledged;
        }
        let text = format!("acknowledged by {who}");
        self.tell(now, TimelineKind::Acknowledged, text, who);
        Ok(())
    }

    fn unacknowledge(&mut self, who: &str, now: Timestamp) {
        let incident = &mut self.incident;
        if incident.acknowledged_at.take().is_none() {
            return;
        }
        incident.acknowledged_by = None;
        if incident.status == IncidentStatus::Acknowledged {
            incident.status = IncidentStatus::Triggered;
        }
        let text = format!("given back by {who}");
        self.tell(now, TimelineKind::Unacknowledged, text, who);
    }

    fn resolve(&mut self, who: &str, now: Timestamp) {
        if !self.incident.is_open() {
            return;
        }
        self.incident.status = IncidentStatus::Resolved;
        self.incident.resolved_at = Some(now);
        self.incident.body.is_kept_open = false;
        let text = format!("resolved by {who}");
        self.tell(now, TimelineKind::Resolved, text, who);
    }

    fn reopen(&mut self, who: &str, now: Timestamp) -> Result<(), ActError> {
        let incident = &mut self.incident;
        if let Some(into) = &incident.merged_into {
            return refused(&format!("it was merged into {into}"));
        }
        if incident.is_open() {
            return Ok(());
        }
        incident.status = match incident.acknowledged_at {
            Some(_) => IncidentStatus::Acknowledged,
            None => IncidentStatus::Triggered,
        };
        incident.resolved_at = None;
        incident.recovered_at = None;
        incident.body.reopened += 1;
        incident.body.is_kept_open = true;
        let text = format!("opened again by {who}; only a human closes it now");
        self.tell(now, TimelineKind::Reopened, text, who);
        Ok(())
    }

    fn set_onset(
        &mut self,
        at: Timestamp,
        why: String,
        who: &str,
        now: Timestamp,
    ) -> Result<(), ActError> {
        let incident = &mut self.incident;
        if at > now {
            return refused("the onset cannot lie in the future");
        }
        if at > incident.detected_at {
            return refused(&format!(
                "the onset cannot come after the detection at {}",
                incident.detected_at
            ));
        }
        let text = format!("onset set to {at}: {why}");
        incident.body.onset = Onset {
            at,
            earliest: at,
            latest: at,
            source: OnsetSource::Human,
            method: OnsetMethod::Human,
            evidence: None,
            set_by: Some(who.to_owned()),
            reason: Some(why),
        };
        self.tell(now, TimelineKind::OnsetSet, text, who);
        Ok(())
    }

    fn set_severity(&mut self, to: AlertSeverity, who: &str, now: Timestamp) {
        let incident = &mut self.incident;
        if incident.severity == to {
            return;
        }
        let text = format!("severity set from {} to {to}", incident.severity);
        let alerts = incident.body.alerts.iter();
        let gravest = alerts.map(|a| severity(&a.alert.labels)).max();
        incident.severity = to;
        incident.body.overruled = Some(gravest.unwrap_or(AlertSeverity::Info));
        self.tell(now, TimelineKind::SeveritySet, text, who);
    }

    fn link(
        &mut self,
        url: String,
        text: String,
        who: &str,
        now: Timestamp,
    ) -> Result<(), ActError> {
        let links = &mut self.incident.body.links;
        if links.iter().any(|known| known.url == url) {
            return Ok(());
        }
        if links.len() >= MAX_LINKS {
            return refused(&format!(
                "an incident has at most {MAX_LINKS} links, and they are used up"
            ));
        }
        let told = format!("linked {text}: {url}");
        links.push(IncidentLink {
            url,
            text,
            by: who.to_owned(),
            at: now,
        });
        self.tell(now, TimelineKind::Linked, told, who);
        Ok(())
    }
}
