//! Alertmanager's webhook, version 4.

use std::collections::BTreeMap;

use serde::Serialize;
use watchfire_schemas::{LabelSet, Timestamp};

use crate::AlertInstance;
use crate::notification::{EventAction, NewNotification, NotificationContent};

use super::{Occasion, page, to_json};

const MAX_ALERTS: usize = 100;
/// What Go writes for a time that is not set.
const NEVER: &str = "0001-01-01T00:00:00Z";

type Pairs = BTreeMap<String, String>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    version: &'static str,
    group_key: &'a str,
    truncated_alerts: usize,
    status: &'static str,
    receiver: &'a str,
    group_labels: Pairs,
    common_labels: Pairs,
    common_annotations: Pairs,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    #[serde(rename = "notification_reason")]
    reason: &'static str,
    alerts: Vec<Alert>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: &'static str,
    labels: Pairs,
    annotations: Pairs,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

pub(super) fn render(row: &NewNotification, occasion: Occasion) -> String {
    let content = &row.content;
    let mut alerts = alerts(content, row.action);
    let common_labels = common(alerts.iter().map(|alert| &alert.labels));
    let common_annotations = common(alerts.iter().map(|alert| &alert.annotations));
    let truncated_alerts = alerts.len().saturating_sub(MAX_ALERTS);
    // Those that fire come first, so that cutting keeps the status true.
    alerts.sort_by_key(|alert| alert.status != "firing");
    alerts.truncate(MAX_ALERTS);
    let firing = alerts.iter().any(|alert| alert.status == "firing");
    let group_labels = common_labels
        .iter()
        .filter(|(name, _)| name.as_str() == "service")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    to_json(&Message {
        version: "4",
        group_key: &content.group_key,
        truncated_alerts,
        status: status(firing),
        receiver: &row.destination,
        group_labels,
        common_labels,
        common_annotations,
        external_url: &content.external_url,
        reason: match occasion {
            Occasion::Opened => "first notification",
            Occasion::Changed => "new alerts added",
            Occasion::Resolved => "all alerts resolved",
            Occasion::Acknowledged | Occasion::Recovered | Occasion::Updated => "none",
        },
        alerts,
    })
}

fn status(firing: bool) -> &'static str {
    if firing { "firing" } else { "resolved" }
}

fn alerts(content: &NotificationContent, action: EventAction) -> Vec<Alert> {
    if content.alerts.is_empty() {
        let end = (action == EventAction::Resolve).then(|| end_of(content));
        let labels = stand_in_labels(content);
        return vec![alert(
            content,
            &labels,
            &content.annotations,
            content.onset_at,
            end,
        )];
    }
    let some_fire = content
        .alerts
        .iter()
        .any(|alert| alert.resolved_at.is_none());
    content
        .alerts
        .iter()
        .map(|instance| {
            let end = match action {
                EventAction::Resolve => Some(instance.resolved_at.unwrap_or(end_of(content))),
                // An open incident fires, also in the moment in which each of its alerts pauses.
                _ => instance.resolved_at.filter(|_| some_fire),
            };
            let start = instance.fired_at.unwrap_or(instance.active_at);
            alert(
                content,
                &labels_of(instance),
                &instance.annotations,
                start,
                end,
            )
        })
        .collect()
}

fn end_of(content: &NotificationContent) -> Timestamp {
    content
        .recovered_at
        .or(content.resolved_at)
        .unwrap_or(content.detected_at)
}

fn labels_of(instance: &AlertInstance) -> LabelSet {
    match instance.labels.get("alertname") {
        Some(_) => instance.labels.clone(),
        None => instance.labels.with("alertname", &instance.rule),
    }
}

/// For an incident without an alert, such as one that began with a new exception.
fn stand_in_labels(content: &NotificationContent) -> LabelSet {
    let service = content.services.first().map_or("", String::as_str);
    content
        .labels
        .with("alertname", &content.title)
        .with("severity", content.severity.as_str())
        .with("service", service)
}

fn alert(
    content: &NotificationContent,
    labels: &LabelSet,
    annotations: &LabelSet,
    start: Timestamp,
    end: Option<Timestamp>,
) -> Alert {
    Alert {
        status: status(end.is_none()),
        fingerprint: format!("{:016x}", labels.fingerprint()),
        labels: pairs(labels),
        annotations: pairs(annotations)
            .into_iter()
            .chain(incident_annotations(content))
            .collect(),
        starts_at: start.to_string(),
        ends_at: end.map_or_else(|| NEVER.to_owned(), |end| end.to_string()),
        generator_url: page(content).to_owned(),
    }
}

/// What Alertmanager has no field for.
fn incident_annotations(content: &NotificationContent) -> impl Iterator<Item = (String, String)> {
    let ttd = content.ttd_seconds.map(|seconds| format!("{seconds:.3}"));
    [
        ("watchfire_incident", Some(content.incident.clone())),
        ("watchfire_incident_url", Some(page(content).to_owned())),
        ("watchfire_onset", Some(content.onset_at.to_string())),
        (
            "watchfire_onset_earliest",
            Some(content.onset_earliest.to_string()),
        ),
        (
            "watchfire_onset_latest",
            Some(content.onset_latest.to_string()),
        ),
        ("watchfire_detected", Some(content.detected_at.to_string())),
        ("watchfire_time_to_detect_seconds", ttd),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
}

fn pairs(labels: &LabelSet) -> Pairs {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What is the same in all of them.
fn common<'a>(mut sets: impl Iterator<Item = &'a Pairs>) -> Pairs {
    let mut shared = sets.next().cloned().unwrap_or_default();
    for set in sets {
        shared.retain(|name, value| set.get(name) == Some(value));
    }
    shared
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::samples;
    use super::*;

    fn rendered(row: &NewNotification) -> Value {
        let told_before = row.action == EventAction::Resolve;
        let occasion = Occasion::of(row, told_before);
        serde_json::from_str(&render(row, occasion)).expect("it is JSON")
    }

    #[test]
    fn the_fingerprint_is_that_of_the_labels_sent() {
        let message = rendered(&samples::notification(EventAction::Trigger));
        for alert in message["alerts"].as_array().expect("alerts") {
            let labels = alert["labels"].as_object().expect("labels");
            let pairs = labels.iter().map(|(name, value)| {
                let value = value.as_str().expect("labels are texts");
                (name.as_str(), value)
            });
            let expected = format!("{:016x}", LabelSet::new(pairs).fingerprint());
            assert_eq!(alert["fingerprint"], expected);
        }
    }

    #[test]
    fn a_trigger_fires_even_if_all_alerts_pause() {
        let mut row = samples::notification(EventAction::Trigger);
        for alert in &mut row.content.alerts {
            alert.resolved_at = Some(alert.active_at);
        }
        let message = rendered(&row);
        assert_eq!(message["status"], "firing");
        assert_eq!(message["alerts"][0]["endsAt"], NEVER);
    }

    #[test]
    fn a_resolve_ends_every_alert() {
        let message = rendered(&samples::notification(EventAction::Resolve));
        assert_eq!(message["status"], "resolved");
        for alert in message["alerts"].as_array().expect("alerts") {
            assert_eq!(alert["status"], "resolved");
            assert_ne!(alert["endsAt"], NEVER);
        }
    }

    #[test]
    fn an_incident_without_alerts_has_one_made_of_itself() {
        let mut row = samples::notification(EventAction::Trigger);
        row.content.alerts.clear();
        let message = rendered(&row);
        assert_eq!(
            message["alerts"][0]["labels"]["alertname"],
            row.content.title
        );
        assert_eq!(message["alerts"][0]["status"], "firing");
    }

    #[test]
    fn many_alerts_are_cut_and_counted() {
        let mut row = samples::notification(EventAction::Trigger);
        let mut resolved = row.content.alerts[0].clone();
        resolved.resolved_at = Some(resolved.active_at);
        let mut all = vec![resolved; 120];
        all.push(row.content.alerts[0].clone());
        row.content.alerts = all;
        let message = rendered(&row);
        assert_eq!(message["truncatedAlerts"], 21);
        assert_eq!(message["alerts"].as_array().map(Vec::len), Some(100));
        assert_eq!(message["status"], "firing");
    }
}
