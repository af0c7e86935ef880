//! A group of alerts in the words of an incident, for a destination that knows only those.

use watchfire_schemas::{AlertSeverity, LabelSet, Timestamp};

use super::GroupNotice;
use crate::notification::{NewNotification, NotificationContent};
use crate::rules::severity;
use crate::{AlertInstance, AlertState, IncidentStatus};

/// The destination is still to be said.
pub(crate) fn as_incident(notice: &GroupNotice) -> NewNotification {
    let alerts: Vec<AlertInstance> = notice.alerts.iter().map(instance).collect();
    let began = notice.alerts.iter().map(|alert| alert.starts_at).min();
    let began = began.unwrap_or(notice.at);
    let over = (!notice.fires()).then_some(notice.at);
    let graves = notice.alerts.iter().map(|alert| severity(&alert.labels));
    let first = notice.alerts.first();
    let annotation = |name: &str| {
        let text = first.and_then(|alert| alert.annotations.get(name));
        text.unwrap_or_default().to_owned()
    };
    let service = first.and_then(|alert| alert.labels.get("service"));
    NewNotification {
        incident_id: String::new(),
        destination: String::new(),
        dedup_key: notice.dedup_key(),
        action: notice.action(),
        not_before: notice.at,
        content: NotificationContent {
            incident: String::new(),
            title: title(notice),
            summary: annotation("summary"),
            description: annotation("description"),
            severity: graves.max().unwrap_or(AlertSeverity::Error),
            status: match over {
                Some(_) => IncidentStatus::Resolved,
                None => IncidentStatus::Triggered,
            },
            services: service.map(str::to_owned).into_iter().collect(),
            onset_at: began,
            onset_earliest: began,
            onset_latest: began,
            detected_at: began,
            acknowledged_at: None,
            acknowledged_by: None,
            recovered_at: None,
            resolved_at: over,
            ttd_seconds: None,
            ttr_seconds: None,
            exceptions: Vec::new(),
            changes: Vec::new(),
            links: Vec::new(),
            runbook: first.and_then(|it| it.annotations.get("runbook_url").map(str::to_owned)),
            labels: notice.group_labels.clone(),
            annotations: LabelSet::default(),
            alerts,
            group_key: notice.group_key.clone(),
            external_url: notice.external_url.clone(),
        },
    }
}

fn title(notice: &GroupNotice) -> String {
    let firing = notice.alerts.iter().filter(|alert| alert.firing).count();
    let labels: Vec<&str> = notice.group_labels.iter().map(|(_, value)| value).collect();
    let name = if labels.is_empty() {
        "alerts".to_owned()
    } else {
        labels.join(" ")
    };
    match firing {
        0 => format!("{name} for {}: over", notice.receiver),
        count => format!("{name} for {}: {count} firing", notice.receiver),
    }
}

fn instance(alert: &super::GroupAlert) -> AlertInstance {
    let ended: Option<Timestamp> = (!alert.firing).then_some(alert.ends_at);
    AlertInstance {
        rule: alert.labels.get("alertname").unwrap_or_default().to_owned(),
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        state: match ended {
            Some(_) => AlertState::Inactive,
            None => AlertState::Firing,
        },
        value: f64::NAN,
        active_at: alert.starts_at,
        fired_at: Some(alert.starts_at),
        kept_since: None,
        resolved_at: ended,
    }
}
