use watchfire_schemas::{AlertSeverity, Timestamp};

use super::case::Case;
use crate::response_times::{Measure, Reading, spans};
use crate::{IncidentStatus, OnsetMethod, OnsetSource};

/// One incident with its moments and response times: what every figure can be computed from anew.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredIncident {
    pub id: String,
    pub title: String,
    pub severity: AlertSeverity,
    pub status: IncidentStatus,
    pub services: Vec<String>,
    pub teams: Vec<String>,
    pub cause: Option<String>,
    pub onset_at: Timestamp,
    pub onset_earliest: Timestamp,
    pub onset_latest: Timestamp,
    pub onset_source: OnsetSource,
    pub onset_method: OnsetMethod,
    pub detected_at: Timestamp,
    pub notified_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    pub recovered_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    /// In the order of [`Measure::ALL`].
    pub readings: [Reading; 5],
    pub phases: Vec<MeasuredPhase>,
}

/// A part of the time from onset to recovery.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredPhase {
    pub name: &'static str,
    pub seconds: f64,
}

impl MeasuredIncident {
    pub(crate) fn of(case: &Case, now: Timestamp) -> Self {
        let moments = &case.moments;
        let phases = spans(moments).map(|span| MeasuredPhase {
            name: span.name,
            seconds: span.seconds(),
        });
        Self {
            id: case.id.clone(),
            title: case.title.clone(),
            severity: case.severity,
            status: case.status,
            services: case.services.clone(),
            teams: case.teams.clone(),
            cause: case.cause.clone(),
            onset_at: moments.onset,
            onset_earliest: case.earliest,
            onset_latest: case.latest,
            onset_source: case.source,
            onset_method: case.method,
            detected_at: moments.detected,
            notified_at: moments.notified,
            acknowledged_at: moments.acknowledged,
            recovered_at: moments.recovered,
            resolved_at: moments.resolved,
            readings: Measure::ALL.map(|measure| case.read(measure, now)),
            phases: phases.collect(),
        }
    }

    pub const fn reading(&self, measure: Measure) -> Reading {
        self.readings[measure as usize]
    }
}
