//! `PagerDuty`'s webhooks, version 3.

use std::time::Duration;

use axum::http::HeaderMap;
use serde::Deserialize;
use watchfire_schemas::Timestamp;

use super::asked::{Asked, Meaning, What, incident_of};
use crate::Secret;
use crate::notify::{hex, hmac_sha256, same};

const SIGNATURE: &str = "x-pagerduty-signature";
/// `PagerDuty` delivers again for two days; what is older is somebody who repeats an old call.
const OLDEST: Duration = Duration::from_hours(7 * 24);

#[derive(Debug, Deserialize)]
struct Call {
    event: Event,
}

#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "event_type")]
    kind: String,
    occurred_at: Timestamp,
    agent: Option<Reference>,
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
struct Reference {
    summary: Option<String>,
}

/// An incident, or what refers to one: a note, an update of the status.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data {
    incident_key: Option<String>,
    incident: Option<Box<Data>>,
    assignees: Vec<Reference>,
    priority: Option<Reference>,
    content: Option<String>,
    message: Option<String>,
}

/// Whether one of the signatures is by one of the secrets, over the body as it came.
pub(super) fn is_signed(secrets: &[Secret], headers: &HeaderMap, body: &[u8]) -> bool {
    let given = headers.get_all(SIGNATURE).iter();
    let given = given.filter_map(|value| value.to_str().ok());
    let given: Vec<&str> = given
        .flat_map(|value| value.split(','))
        .filter_map(|one| one.trim().strip_prefix("v1="))
        .collect();
    secrets
        .iter()
        .filter(|secret| !secret.expose().is_empty())
        .any(|secret| {
            let own = hex(&hmac_sha256(secret.expose().as_bytes(), &[body]));
            given.iter().any(|one| same(one.as_bytes(), own.as_bytes()))
        })
}

/// By what the call is known when it comes again. It is of the body, which is signed.
pub(super) fn id(body: &[u8]) -> Option<String> {
    let call: Call = serde_json::from_slice(body).ok()?;
    (!call.event.id.is_empty()).then_some(call.event.id)
}

pub(super) fn meaning(body: &str, now: Timestamp) -> Meaning {
    let Ok(Call { event }) = serde_json::from_str::<Call>(body) else {
        return Meaning::nothing("it cannot be read");
    };
    if now.since(event.occurred_at) > OLDEST {
        return Meaning::nothing("it is too old");
    }
    let data = &event.data;
    let key = data.incident_key.as_deref();
    let key = key.or_else(|| data.incident.as_ref()?.incident_key.as_deref());
    let Some(incident) = key.and_then(incident_of) else {
        return Meaning::nothing("it is about no incident of ours");
    };
    let Some(what) = event.what() else {
        return Meaning::Nothing(format!("nothing follows from {}", event.kind));
    };
    let who = event.agent.and_then(|agent| agent.summary);
    Meaning::Asks(Asked {
        incident: incident.to_owned(),
        who: who.unwrap_or_else(|| "PagerDuty".to_owned()),
        what,
        // It cannot have been done later than we heard of it.
        at: event.occurred_at.min(now),
    })
}

impl Event {
    fn what(&self) -> Option<What> {
        let data = &self.data;
        let named = |reference: Option<&Reference>| reference.and_then(|it| it.summary.clone());
        Some(match self.kind.as_str() {
            "incident.acknowledged" => What::Acknowledge,
            "incident.unacknowledged" => What::Unacknowledge,
            "incident.resolved" => What::Resolve,
            "incident.reopened" => What::Reopen,
            "incident.reassigned" | "incident.delegated" | "incident.escalated" => {
                What::Assign(named(data.assignees.first())?)
            }
            "incident.annotated" => What::Note(data.content.clone()?),
            "incident.status_update_published" => What::Note(data.message.clone()?),
            "incident.priority_updated" => {
                let priority = named(data.priority.as_ref());
                let priority = priority.as_deref().unwrap_or("none");
                What::Note(format!("PagerDuty's priority: {priority}"))
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T08:10:00Z";

    fn call(event_type: &str, data: &str) -> String {
        format!(
            r#"{{"event":{{"id":"01E","event_type":"{event_type}","resource_type":"incident",
                "occurred_at":"2026-11-22T08:03:20.123Z","client":null,
                "agent":{{"id":"P1","type":"user_reference","summary":"Ada Lovelace"}},
                "data":{data}}}}}"#
        )
    }

    fn check(event_type: &str, data: &str, expected: Option<&What>) {
        let now = NOW.parse().expect("a time");
        let asked = match meaning(&call(event_type, data), now) {
            Meaning::Asks(asked) => {
                assert_eq!(asked.incident, "i-1");
                assert_eq!(asked.who, "Ada Lovelace");
                assert_eq!(
                    asked.at,
                    "2026-11-22T08:03:20.123Z".parse().expect("a time")
                );
                Some(asked.what)
            }
            Meaning::Nothing(_) => None,
        };
        assert_eq!(asked.as_ref(), expected, "{event_type}");
    }

    #[test]
    fn events_are_acts() {
        let ours = r#"{"id":"Q1","type":"incident","incident_key":"watchfire-i-1",
            "assignees":[{"summary":"Grace Hopper"}],"priority":{"summary":"P1"}}"#;
        check("incident.acknowledged", ours, Some(&What::Acknowledge));
        check("incident.unacknowledged", ours, Some(&What::Unacknowledge));
        check("incident.resolved", ours, Some(&What::Resolve));
        check("incident.reopened", ours, Some(&What::Reopen));
        let assigned = What::Assign("Grace Hopper".to_owned());
        check("incident.reassigned", ours, Some(&assigned));
        let priority = What::Note("PagerDuty's priority: P1".to_owned());
        check("incident.priority_updated", ours, Some(&priority));
        let note = r#"{"content":"looking","incident":{"incident_key":"watchfire-i-1"}}"#;
        check(
            "incident.annotated",
            note,
            Some(&What::Note("looking".to_owned())),
        );
        check("incident.triggered", ours, None);
        check("incident.acknowledged", r#"{"incident_key":"other"}"#, None);
        check("incident.acknowledged", r#"{"incident_key":null}"#, None);
        check("pagey.ping", r#"{"message":"Hello"}"#, None);
    }

    #[test]
    fn what_is_old_is_not_done_again() {
        let body = call("incident.resolved", r#"{"incident_key":"watchfire-i-1"}"#);
        let later = "2026-12-22T08:10:00Z".parse().expect("a time");
        assert_eq!(meaning(&body, later), Meaning::nothing("it is too old"));
    }

    fn signed(header: &str, secrets: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, header.parse().expect("a header"));
        let secrets: Vec<Secret> = secrets.iter().map(|it| (*it).into()).collect();
        is_signed(&secrets, &headers, b"{\"event\":{}}")
    }

    /// Computed apart, by Python's `hmac`.
    #[test]
    fn any_signature_by_any_secret_will_do() {
        let by_hush = "v1=4f4b2e4b4fcff6d7c5c3e0c8e0a8b0a8";
        let own = hex(&hmac_sha256(b"hush", &[b"{\"event\":{}}"]));
        let good = format!("v1={own}");
        assert!(signed(&good, &["hush"]));
        assert!(signed(&format!("{by_hush}, {good}"), &["other", "hush"]));
        assert!(!signed(&good, &["other"]));
        assert!(!signed(&good, &[]));
        assert!(!signed(&own, &["hush"]), "it names no version");
        assert!(!signed("v1=", &["hush"]));
        assert!(!signed(&good.to_uppercase(), &["hush"]));
    }
}
