//! `PagerDuty` Events v2, without the routing key.

use serde::Serialize;
use serde_json::{Map, Value, json};
use watchfire_schemas::{AlertSeverity, ChangeEvent, Timestamp};

use crate::notification::{EventAction, Link, NewNotification, NotificationContent};
use crate::notify::wording::{duration, truncate};
use crate::{AlertInstance, IncidentException};

use super::{page, to_json};

const MAX_SUMMARY: usize = 1024;
const MAX_DEDUP_KEY: usize = 255;
/// `PagerDuty` takes 512 KB; the routing key is still to come.
const MAX_BODY_BYTES: usize = 512_000 - 100;
const MAX_TEXT: usize = 4_000;
const MAX_LISTED: usize = 10;
const MAX_LINKS: usize = 10;

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "event_action")]
    action: EventAction,
    dedup_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_url: Option<&'a str>,
}

#[derive(Serialize)]
struct Payload<'a> {
    summary: String,
    source: &'a str,
    severity: AlertSeverity,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    custom_details: Value,
}

pub(super) fn render(row: &NewNotification) -> String {
    let mut event = Event {
        action: row.action,
        dedup_key: row.dedup_key.chars().take(MAX_DEDUP_KEY).collect(),
        payload: None,
        links: Vec::new(),
        client: None,
        client_url: None,
    };
    if row.action != EventAction::Trigger {
        return to_json(&event);
    }
    let content = &row.content;
    event.payload = Some(payload(content));
    event.links = links(content);
    event.client = Some("Watchfire");
    event.client_url = Some(page(content));
    let body = to_json(&event);
    if body.len() <= MAX_BODY_BYTES {
        return body;
    }
    let reason = "left out: the event was over PagerDuty's limit of 512 KB";
    if let Some(payload) = &mut event.payload {
        payload.custom_details = json!({ "error": reason });
    }
    event.links.truncate(1);
    to_json(&event)
}

fn payload(content: &NotificationContent) -> Payload<'_> {
    let service = content.services.first().filter(|name| !name.is_empty());
    Payload {
        summary: truncate(&summary(content), MAX_SUMMARY),
        source: service.map_or("watchfire", String::as_str),
        severity: content.severity,
        timestamp: content.detected_at,
        component: service.map(String::as_str),
        group: content.labels.get("deployment_environment_name"),
        class: content.alerts.first().map(|alert| alert.rule.as_str()),
        custom_details: details(content),
    }
}

fn summary(content: &NotificationContent) -> String {
    match (content.title.trim(), content.summary.trim()) {
        ("", "") => format!("Incident {}", content.incident),
        (title, "") => title.to_owned(),
        ("", summary) => summary.to_owned(),
        (title, summary) if title == summary => title.to_owned(),
        (title, summary) => format!("{title}: {summary}"),
    }
}

fn details(content: &NotificationContent) -> Value {
    let mut details = Map::new();
    let mut put = |key: &str, value: Value| {
        let empty = matches!(&value, Value::Null)
            || value.as_str().is_some_and(str::is_empty)
            || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            details.insert(key.to_owned(), value);
        }
    };
    put("incident", json!(content.incident));
    put("services", json!(content.services));
    put("onset", json!(content.onset_at));
    put(
        "onset_interval",
        json!([content.onset_earliest, content.onset_latest]),
    );
    put("detected", json!(content.detected_at));
    put("time_to_detect_seconds", json!(content.ttd_seconds));
    put("time_to_detect", json!(content.ttd_seconds.map(duration)));
    put(
        "description",
        json!(truncate(&content.description, MAX_TEXT)),
    );
    put("alerts", first(&content.alerts, alert));
    put("exceptions", first(&content.exceptions, exception));
    put("changes", first(&content.changes, change));
    put("runbook", json!(content.runbook));
    Value::Object(details)
}

fn first<T>(items: &[T], describe: impl Fn(&T) -> Value) -> Value {
    items.iter().take(MAX_LISTED).map(describe).collect()
}

fn alert(alert: &AlertInstance) -> Value {
    let labels: Map<String, Value> = alert
        .labels
        .iter()
        .map(|(name, value)| (name.to_owned(), truncate(value, MAX_TEXT).into()))
        .collect();
    json!({ "rule": alert.rule, "labels": labels, "since": alert.active_at })
}

fn exception(exception: &IncidentException) -> Value {
    json!({
        "group": exception.group,
        "type": truncate(&exception.kind, 200),
        "message": truncate(&exception.message, 500),
        "service": exception.service,
        "count": exception.count,
        "change": exception_change(exception),
    })
}

/// How an exception group behaves against before: `new`, `regressed`, `×4.2`.
pub(super) fn exception_change(exception: &IncidentException) -> String {
    match exception.ratio {
        _ if exception.is_new => "new".to_owned(),
        _ if exception.is_regressed => "regressed".to_owned(),
        Some(ratio) if ratio >= 10.0 => format!("×{ratio:.0}"),
        Some(ratio) => format!("×{ratio:.1}"),
        None => "not seen before onset".to_owned(),
    }
}

fn change(change: &ChangeEvent) -> Value {
    json!({
        "at": change.at,
        "kind": change.kind,
        "service": change.service,
        "summary": truncate(&change.summary, 500),
        "version": change.version,
        "author": change.author,
    })
}

fn links(content: &NotificationContent) -> Vec<Value> {
    let runbook = content.runbook.iter().map(|href| Link {
        text: "Runbook".to_owned(),
        href: href.clone(),
    });
    content
        .links
        .iter()
        .cloned()
        .chain(runbook)
        .filter(|link| !link.href.is_empty())
        .take(MAX_LINKS)
        .map(|link| json!({ "href": link.href, "text": truncate(&link.text, 200) }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn rendered(row: &NewNotification) -> Value {
        serde_json::from_str(&render(row)).expect("it is JSON")
    }

    #[test]
    fn limits_are_kept() {
        let mut row = samples::notification(EventAction::Trigger);
        row.content.summary = "ß".repeat(2_000);
        row.dedup_key = "d".repeat(300);
        let event = rendered(&row);
        let summary = event["payload"]["summary"].as_str().expect("a text");
        assert_eq!(summary.chars().count(), MAX_SUMMARY);
        assert_eq!(event["dedup_key"].as_str().map(str::len), Some(255));
    }

    #[test]
    fn an_event_over_512_kb_loses_its_details_and_nothing_else() {
        let mut row = samples::notification(EventAction::Trigger);
        row.content.services = vec!["s".repeat(600_000)];
        let small = samples::notification(EventAction::Trigger);
        row.content.services.insert(0, "content".to_owned());
        let body = render(&row);
        assert!(body.len() < 5_000);
        let (event, usual) = (rendered(&row), rendered(&small));
        assert!(event["payload"]["custom_details"]["error"].is_string());
        assert_eq!(event["payload"]["summary"], usual["payload"]["summary"]);
        assert_eq!(event["links"][0], usual["links"][0]);
    }

    #[test]
    fn what_is_missing_has_a_stand_in() {
        let mut row = samples::notification(EventAction::Trigger);
        row.content.title.clear();
        row.content.summary.clear();
        row.content.services.clear();
        let event = rendered(&row);
        assert_eq!(event["payload"]["summary"], "Incident inc-1");
        assert_eq!(event["payload"]["source"], "watchfire");
    }
}
