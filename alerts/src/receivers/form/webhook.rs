//! Alertmanager's webhook, version 4, of a group of alerts.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use watchfire_schemas::LabelSet;

use super::Payload;
use crate::receivers::go_time::{NEVER, go_time};
use crate::receivers::teller::{Teller, common};
use crate::receivers::{GroupAlert, GroupNotice};
use crate::rules::template::{Library, Template};

#[derive(Debug, Clone)]
pub(crate) struct WebhookForm {
    /// How many alerts a message holds at most; 0 for all.
    pub max_alerts: usize,
    /// In place of Alertmanager's message.
    pub payload: Option<Payload>,
    /// Where it goes, if that depends on the notice.
    pub url: Option<SecretTemplate>,
}

/// A template that may hold a secret: like a [`crate::Secret`], it is not told.
#[derive(Clone)]
pub(crate) struct SecretTemplate(pub Template);

impl fmt::Debug for SecretTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretTemplate([redacted])")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    receiver: &'a str,
    status: &'static str,
    alerts: Vec<Alert<'a>>,
    #[serde(rename = "notification_reason")]
    reason: &'static str,
    group_labels: BTreeMap<&'a str, &'a str>,
    common_labels: BTreeMap<&'a str, &'a str>,
    common_annotations: BTreeMap<&'a str, &'a str>,
    route_labels: BTreeMap<&'a str, &'a str>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: &'a str,
    truncated_alerts: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    status: &'static str,
    labels: BTreeMap<&'a str, &'a str>,
    annotations: BTreeMap<&'a str, &'a str>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: &'a str,
}

impl WebhookForm {
    /// What is cut off counts in nothing but `truncatedAlerts`: status and common labels are those
    /// of the alerts that are sent.
    pub(super) fn render(&self, library: &Library, notice: &GroupNotice) -> String {
        if let Some(payload) = &self.payload {
            return payload.filled(&Teller::new(library, notice)).to_string();
        }
        let all = notice.alerts.len();
        let kept = match self.max_alerts {
            0 => all,
            most => all.min(most),
        };
        let alerts = &notice.alerts[..kept];
        let message = Message {
            receiver: &notice.receiver,
            status: status(alerts.iter().any(|alert| alert.firing)),
            alerts: alerts.iter().map(shown).collect(),
            reason: notice.reason.as_str(),
            group_labels: pairs(&notice.group_labels),
            common_labels: common(alerts.iter().map(|alert| &alert.labels)),
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            route_labels: BTreeMap::new(),
            external_url: &notice.external_url,
            version: "4",
            group_key: &notice.group_key,
            truncated_alerts: all - kept,
        };
        serde_json::to_string(&message).expect("its keys are texts")
    }
}

fn shown(alert: &GroupAlert) -> Alert<'_> {
    Alert {
        status: status(alert.firing),
        labels: pairs(&alert.labels),
        annotations: pairs(&alert.annotations),
        starts_at: go_time(alert.starts_at),
        ends_at: if alert.firing {
            NEVER.to_owned()
        } else {
            go_time(alert.ends_at)
        },
        generator_url: &alert.generator_url,
        fingerprint: &alert.fingerprint,
    }
}

const fn status(fires: bool) -> &'static str {
    if fires { "firing" } else { "resolved" }
}

fn pairs(labels: &LabelSet) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::receivers::notice::samples::notice;

    fn form(max_alerts: usize) -> WebhookForm {
        WebhookForm {
            max_alerts,
            payload: None,
            url: None,
        }
    }

    fn rendered(form: &WebhookForm, notice: &GroupNotice) -> Value {
        serde_json::from_str(&form.render(&Library::default(), notice)).expect("it is JSON")
    }

    #[test]
    fn it_is_alertmanagers_message() {
        let form = form(0);
        let message = rendered(&form, &notice());
        let expected = json!({
            "receiver": "team",
            "status": "firing",
            "notification_reason": "first notification",
            "groupLabels": {"alertname": "Down"},
            "commonLabels": {"alertname": "Down", "job": "api"},
            "commonAnnotations": {"summary": "a target is down"},
            "routeLabels": {},
            "externalURL": "http://am.example",
            "version": "4",
            "groupKey": "{}:{alertname=\"Down\"}",
            "truncatedAlerts": 0,
            "alerts": [
                {
                    "status": "firing",
                    "labels": {"alertname": "Down", "job": "api", "instance": "a:1"},
                    "annotations": {"summary": "a target is down"},
                    "startsAt": "2026-11-22T08:00:00Z",
                    "endsAt": "0001-01-01T00:00:00Z",
                    "generatorURL": "http://prom.example/graph",
                    "fingerprint": "0000000000000001",
                },
                {
                    "status": "resolved",
                    "labels": {"alertname": "Down", "job": "api", "instance": "b:1"},
                    "annotations": {"summary": "a target is down"},
                    "startsAt": "2026-11-22T08:00:00Z",
                    "endsAt": "2026-11-22T08:01:00.5Z",
                    "generatorURL": "http://prom.example/graph",
                    "fingerprint": "0000000000000002",
                },
            ],
        });
        assert_eq!(message, expected);
    }

    #[test]
    fn what_is_cut_off_is_counted() {
        let form = form(1);
        let message = rendered(&form, &notice());
        assert_eq!(message["truncatedAlerts"], 1);
        assert_eq!(message["alerts"].as_array().map(Vec::len), Some(1));
        assert_eq!(message["commonLabels"]["instance"], "a:1");
    }
}
