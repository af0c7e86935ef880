use watchfire_schemas::{AlertSeverity, ChangeKind, Timestamp};

use super::statistics::Observed;
use crate::incident::store::word;
use crate::incident::{IncidentRecord, pages};
use crate::response_times::{Measure, Moments, Reading};
use crate::{CauseKind, IncidentStatus, OnsetMethod, OnsetSource};

/// Of an incident what its response times and their comparison are made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub id: String,
    pub title: String,
    pub severity: AlertSeverity,
    pub status: IncidentStatus,
    pub services: Vec<String>,
    /// What its alerts say in the label `team`.
    pub teams: Vec<String>,
    /// What a human found to be its cause, in one word of a closed set.
    pub cause: Option<String>,
    /// Another incident took it over: it counts there.
    pub is_merged: bool,
    pub earliest: Timestamp,
    pub latest: Timestamp,
    pub source: OnsetSource,
    pub method: OnsetMethod,
    pub moments: Moments,
    /// No rule saw it: a human opened it.
    pub is_found_by_human: bool,
    /// The deploy that most likely made it, by id.
    pub blamed_deploy: Option<String>,
}

impl Case {
    pub(crate) fn of(incident: &IncidentRecord) -> Self {
        let body = &incident.body;
        let mut teams: Vec<String> = Vec::new();
        for team in body
            .alerts
            .iter()
            .filter_map(|own| own.alert.labels.get("team"))
        {
            if !teams.iter().any(|known| known == team) {
                teams.push(team.to_owned());
            }
        }
        Self {
            id: incident.id.clone(),
            title: body.title.clone(),
            severity: incident.severity,
            status: incident.status,
            services: body.services.clone(),
            teams,
            cause: body.cause.as_ref().and_then(|cause| word(&cause.kind).ok()),
            is_merged: incident.merged_into.is_some(),
            earliest: body.onset.earliest,
            latest: body.onset.latest,
            source: body.onset.source,
            method: body.onset.method,
            moments: incident.moments(),
            is_found_by_human: body.alerts.is_empty(),
            blamed_deploy: blamed(incident),
        }
    }

    /// Whether somebody was to be woken for it.
    pub(crate) fn pages(&self) -> bool {
        pages(self.severity)
    }

    /// Whether it is a failure that should have been found: no mere warning, and no false alarm.
    pub(crate) fn counts(&self) -> bool {
        self.pages() && !self.is_false_alarm()
    }

    pub(crate) fn is_false_alarm(&self) -> bool {
        self.cause.as_deref() == Some(CauseKind::FalseAlarm.as_str())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.status != IncidentStatus::Resolved
    }

    pub(crate) fn read(&self, measure: Measure, now: Timestamp) -> Reading {
        measure.read(&self.moments, now)
    }

    /// How long a measure took if it is over, and between what it lies for all that is known of the
    /// onset.
    pub(crate) fn observed(&self, measure: Measure, now: Timestamp) -> Option<Observed> {
        let Reading::Over(seconds) = self.read(measure, now) else {
            return None;
        };
        let (later, earlier) = if measure.begins_at_onset() {
            let onset = self.moments.onset;
            (
                self.latest.seconds_since(onset).max(0.0),
                onset.seconds_since(self.earliest).max(0.0),
            )
        } else {
            (0.0, 0.0)
        };
        Some(Observed {
            seconds,
            least: (seconds - later).max(0.0),
            most: seconds + earlier,
        })
    }
}

/// Of the deploys beside an incident that came before its onset, to one of its own services, the
/// first: they stand in the order of how much they are suspected.
fn blamed(incident: &IncidentRecord) -> Option<String> {
    let body = &incident.body;
    let suspect = body.changes.iter().find(|change| {
        change.kind == ChangeKind::Deploy
            && change.at <= body.onset.latest
            && body.services.contains(&change.service)
    });
    suspect.map(|deploy| deploy.id.clone())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An incident `day` days after the epoch's start, seen after `ttd` seconds, over after `ttr`.
    pub(in crate::reliability) fn case(day: i64, ttd: f64, ttr: Option<f64>) -> Case {
        let onset = Timestamp::from_secs(day * 86_400);
        let after = |seconds: f64| onset + std::time::Duration::from_secs_f64(seconds);
        Case {
            id: format!("i{day}"),
            title: "content fails".to_owned(),
            severity: AlertSeverity::Error,
            status: if ttr.is_some() {
                IncidentStatus::Resolved
            } else {
                IncidentStatus::Triggered
            },
            services: vec!["content".to_owned()],
            teams: Vec::new(),
            cause: None,
            is_merged: false,
            earliest: onset,
            latest: onset,
            source: OnsetSource::Estimated,
            method: OnsetMethod::StepV1,
            moments: Moments {
                onset,
                first_true: Some(after(ttd)),
                interval_seconds: 15.0,
                detected: after(ttd),
                page_due: Some(after(ttd + 5.0)),
                notified: Some(after(ttd + 6.0)),
                acknowledged: ttr.map(|ttr| after(f64::midpoint(ttd + 6.0, ttr.max(ttd + 6.0)))),
                recovered: ttr.map(after),
                resolved: ttr.map(|ttr| after(ttr + 300.0)),
            },
            is_found_by_human: false,
            blamed_deploy: None,
        }
    }

    #[test]
    fn an_unsure_onset_widens_what_begins_there() {
        let now = Timestamp::from_secs(1_000_000);
        let sure = case(1, 60.0, Some(600.0));
        let unsure = Case {
            earliest: sure.moments.onset - std::time::Duration::from_secs(30),
            latest: sure.moments.onset + std::time::Duration::from_secs(90),
            ..sure
        };
        let ttd = unsure.observed(Measure::Detect, now).unwrap();
        assert_eq!((ttd.least, ttd.seconds, ttd.most), (0.0, 60.0, 90.0));
        let ttn = unsure.observed(Measure::Notify, now).unwrap();
        assert_eq!((ttn.least, ttn.most), (6.0, 6.0));
        assert_eq!(case(1, 60.0, None).observed(Measure::Recover, now), None);
    }
}
