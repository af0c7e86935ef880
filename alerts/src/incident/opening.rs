use watchfire_schemas::{AlertSeverity, Timestamp};

use super::{Fired, IncidentBody, IncidentRecord};
use crate::{IncidentStatus, Onset, OnsetMethod, OnsetSource};

impl IncidentRecord {
    /// A new incident that has taken nothing in yet; the mildest severity lets its first alert set
    /// it.
    pub(crate) fn opened(first: &Fired, now: Timestamp) -> Self {
        Self::empty(first.alert.active_at, first.interval_seconds, now)
    }

    /// One without alerts, which began at that time for all that is known.
    pub(crate) fn empty(at: Timestamp, interval_seconds: f64, now: Timestamp) -> Self {
        Self {
            id: new_id(now),
            status: IncidentStatus::Triggered,
            severity: AlertSeverity::Info,
            detected_at: now,
            notified_at: None,
            acknowledged_at: None,
            acknowledged_by: None,
            recovered_at: None,
            resolved_at: None,
            merged_into: None,
            body: IncidentBody {
                title: String::new(),
                title_source: None,
                services: Vec::new(),
                onset: Onset {
                    at,
                    earliest: at,
                    latest: at,
                    source: OnsetSource::RuleFirstTrue,
                    method: OnsetMethod::RuleFirstTrue,
                    evidence: None,
                    set_by: None,
                    reason: None,
                },
                alerts: Vec::new(),
                exceptions: Vec::new(),
                changes: Vec::new(),
                runbook: None,
                signals: Vec::new(),
                paged: None,
                page_due: None,
                told: None,
                page_held: false,
                onset_looks: 0,
                interval_seconds,
                cause: None,
                assignee: None,
                links: Vec::new(),
                merged: Vec::new(),
                split_from: None,
                is_kept_open: false,
                reopened: 0,
                overruled: None,
            },
        }
    }
}

/// Sorts by time.
fn new_id(now: Timestamp) -> String {
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &rand::random())
        .into_uuid()
        .to_string()
}
