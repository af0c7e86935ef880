//! An incident to render in tests, and the payloads as golden files.

use std::path::Path;

use serde_json::Value;
use watchfire_schemas::{AlertSeverity, ChangeEvent, ChangeKind, LabelSet, Timestamp};

use crate::notification::{EventAction, Link, NewNotification, NotificationContent};
use crate::{AlertInstance, AlertState, IncidentException, IncidentStatus};

use super::{Destination, DestinationKind, Occasion, render};

/// Set it to anything to write the golden files anew.
const UPDATE: &str = "UPDATE_GOLDEN";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_795_327_200 + seconds)
}

pub(crate) fn content() -> NotificationContent {
    let labels = [("severity", "critical"), ("service", "content")];
    NotificationContent {
        incident: "inc-1".to_owned(),
        title: "Server errors in content".to_owned(),
        summary: "62 % of GET /places fail".to_owned(),
        description: "More than 5 % of the requests of an operation failed for 15 s.".to_owned(),
        severity: AlertSeverity::Critical,
        status: IncidentStatus::Triggered,
        services: vec!["content".to_owned(), "gateway".to_owned()],
        onset_at: at(0),
        onset_earliest: at(-10),
        onset_latest: at(10),
        detected_at: at(24),
        acknowledged_at: None,
        acknowledged_by: None,
        recovered_at: None,
        resolved_at: None,
        ttd_seconds: Some(24.0),
        ttr_seconds: None,
        exceptions: vec![
            exception("PoolTimeout", "no connection within 5s", None, true),
            exception(
                "UpstreamError",
                "status 503 from <content> & co",
                Some(41.7),
                false,
            ),
        ],
        changes: vec![ChangeEvent {
            id: "chg-1".to_owned(),
            at: at(-90),
            kind: ChangeKind::Deploy,
            service: "content".to_owned(),
            summary: "smaller connection pool".to_owned(),
            version: Some("1.8.2".to_owned()),
            author: Some("release train".to_owned()),
            link: None,
            attributes: watchfire_schemas::Attributes::new(),
        }],
        links: vec![Link {
            text: "Incident".to_owned(),
            href: "http://127.0.0.1:7117/incidents/inc-1".to_owned(),
        }],
        runbook: Some("https://runbooks.example/server-errors".to_owned()),
        labels: LabelSet::new(labels),
        annotations: LabelSet::default(),
        alerts: vec![
            alert("HighErrorRatio", "GET /places"),
            alert("HighErrorRatio", "GET /pois"),
        ],
        group_key: "{}/{service=\"content\"}:inc-1".to_owned(),
        external_url: "http://127.0.0.1:7117".to_owned(),
    }
}

fn exception(kind: &str, message: &str, ratio: Option<f64>, is_new: bool) -> IncidentException {
    IncidentException {
        group: "00f1a2b3c4d5e6f7".to_owned(),
        kind: kind.to_owned(),
        message: message.to_owned(),
        service: "content".to_owned(),
        count: 118,
        ratio,
        is_new,
        is_regressed: false,
    }
}

fn alert(rule: &str, operation: &str) -> AlertInstance {
    AlertInstance {
        rule: rule.to_owned(),
        labels: LabelSet::new([
            ("alertname", rule),
            ("operation", operation),
            ("service", "content"),
            ("severity", "critical"),
        ]),
        annotations: LabelSet::new([("summary", "requests fail")]),
        state: AlertState::Firing,
        value: 0.62,
        active_at: at(9),
        fired_at: Some(at(24)),
        kept_since: None,
        resolved_at: None,
    }
}

pub(crate) fn notification(action: EventAction) -> NewNotification {
    let mut content = content();
    if action != EventAction::Trigger {
        content.status = IncidentStatus::Acknowledged;
        content.acknowledged_at = Some(at(120));
        content.acknowledged_by = Some("Ada".to_owned());
    }
    if action == EventAction::Resolve {
        content.status = IncidentStatus::Resolved;
        content.recovered_at = Some(at(600));
        content.resolved_at = Some(at(900));
        content.ttr_seconds = Some(600.0);
        content.alerts[0].resolved_at = Some(at(615));
    }
    NewNotification {
        incident_id: content.incident.clone(),
        destination: "on-call".to_owned(),
        dedup_key: "watchfire-inc-1".to_owned(),
        action,
        content,
        not_before: at(29),
    }
}

fn check_golden(kind: DestinationKind, action: EventAction, occasion: Occasion, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.json"));
    let to = Destination::new("on-call", kind, crate::Secret::from("http://h").into());
    let payload: Value =
        serde_json::from_str(&render(&to, &notification(action), occasion)).expect("it is JSON");
    let text = serde_json::to_string_pretty(&payload).expect("it is JSON") + "\n";
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &text).expect("the golden file is written");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden file is there");
    assert_eq!(text, golden, "{name}: set {UPDATE}=1 if this was meant");
}

#[test]
fn payloads_are_as_they_were() {
    use DestinationKind::{PagerDuty, Slack, SlackBot, Webhook};
    use EventAction::{Acknowledge, Resolve, Trigger};
    check_golden(PagerDuty, Trigger, Occasion::Opened, "pagerduty_trigger");
    check_golden(
        PagerDuty,
        Acknowledge,
        Occasion::Acknowledged,
        "pagerduty_acknowledge",
    );
    check_golden(PagerDuty, Resolve, Occasion::Resolved, "pagerduty_resolve");
    check_golden(Slack, Trigger, Occasion::Opened, "slack_opened");
    check_golden(Slack, Trigger, Occasion::Changed, "slack_changed");
    check_golden(Slack, Resolve, Occasion::Resolved, "slack_resolved");
    check_golden(SlackBot, Trigger, Occasion::Opened, "slack_bot_opened");
    check_golden(SlackBot, Resolve, Occasion::Resolved, "slack_bot_resolved");
    check_golden(Webhook, Trigger, Occasion::Opened, "webhook_firing");
    check_golden(Webhook, Resolve, Occasion::Resolved, "webhook_resolved");
}
