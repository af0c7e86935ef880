//! What goes over HTTP for one attempt: the body that was kept, and the keys that were not.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::access::sensitive;
use super::failure::{Failure, FailureReason};
use super::{Destination, DestinationKind, Envelope, Secret, signature};
use crate::notification::EventAction;
use crate::rules::template::url_query;

/// Ready to go. It holds secrets.
pub(super) struct Request {
    pub url: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The secrets of an attempt, as they are now.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub url: Option<Secret>,
    pub key: Option<Secret>,
    pub second_key: Option<Secret>,
}

impl Keys {
    pub(super) fn all(&self) -> impl Iterator<Item = &Secret> {
        [&self.key, &self.second_key].into_iter().flatten()
    }

    fn url(&self) -> &str {
        self.url.as_ref().map_or("", Secret::expose)
    }

    fn key(&self) -> &str {
        self.key.as_ref().map_or("", Secret::expose)
    }

    fn second_key(&self) -> &str {
        self.second_key.as_ref().map_or("", Secret::expose)
    }
}

/// Puts a request together. The same body and keys give the same bytes.
pub(super) fn compose(
    destination: &Destination,
    keys: &Keys,
    envelope: &Envelope<'_>,
) -> Result<Request, Failure> {
    let json = HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
    let mut url = keys.url().to_owned();
    let mut body = envelope.body.as_bytes().to_vec();
    match destination.kind {
        DestinationKind::PagerDuty => {
            body = keyed(envelope.body, "routing_key", keys.key.as_ref());
            if envelope.action == EventAction::Change {
                url = change_url(&url);
            }
        }
        DestinationKind::PagerDutyV1 => {
            body = keyed(envelope.body, "service_key", keys.key.as_ref());
        }
        DestinationKind::Slack | DestinationKind::IncidentIo if keys.key.is_some() => {
            headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", keys.key()))?);
        }
        DestinationKind::Telegram => {
            url = format!(
                "{}/bot{}/sendMessage",
                url.trim_end_matches('/'),
                keys.key()
            );
        }
        DestinationKind::Pushover => {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
            body = form_of(envelope.body, keys)?.into_bytes();
        }
        DestinationKind::OpsGenie => {
            headers.insert(
                AUTHORIZATION,
                sensitive(&format!("GenieKey {}", keys.key()))?,
            );
            let (path, inner) = addressed(envelope.body)?;
            url = format!("{}/{path}", url.trim_end_matches('/'));
            body = inner;
        }
        DestinationKind::VictorOps => {
            let (path, inner) = addressed(envelope.body)?;
            url = format!("{}/{}/{path}", url.trim_end_matches('/'), keys.key());
            body = inner;
        }
        _ => {}
    }
    sign(&mut headers, destination, envelope, &body);
    Ok(Request { url, headers, body })
}

/// As in Standard Webhooks, where there is a secret to sign with.
fn sign(headers: &mut HeaderMap, to: &Destination, envelope: &Envelope<'_>, body: &[u8]) {
    if to.signing_secrets.is_empty() {
        return;
    }
    let seconds = envelope.at.millis().div_euclid(1_000);
    let signature = signature::sign(&to.signing_secrets, &envelope.id, seconds, body);
    let signed = [
        ("webhook-id", envelope.id.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ];
    for (name, value) in signed {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// JSON with a key as its first member.
pub(super) fn keyed(body: &str, member: &str, key: Option<&Secret>) -> Vec<u8> {
    match (key, body.strip_prefix('{')) {
        (Some(key), Some(rest)) => {
            let key = Value::from(key.expose());
            format!("{{\"{member}\":{key},{rest}").into_bytes()
        }
        _ => body.as_bytes().to_vec(),
    }
}

/// Where change events go, beside where events go.
fn change_url(events: &str) -> String {
    let base = events.trim_end_matches('/');
    let base = base.strip_suffix("/enqueue").unwrap_or(base);
    format!("{base}/change/enqueue")
}

/// A body that says where it goes: `{"path": …, "json": …}`.
fn addressed(body: &str) -> Result<(String, Vec<u8>), Failure> {
    let kept: Map<String, Value> = serde_json::from_str(body).map_err(|_| unreadable())?;
    let path = kept.get("path").and_then(Value::as_str);
    let json = kept.get("json").ok_or_else(unreadable)?;
    Ok((
        path.ok_or_else(unreadable)?.to_owned(),
        json.to_string().into_bytes(),
    ))
}

fn form_of(body: &str, keys: &Keys) -> Result<String, Failure> {
    let kept: Map<String, Value> = serde_json::from_str(body).map_err(|_| unreadable())?;
    let own = [("token", keys.key()), ("user", keys.second_key())];
    let own = own.map(|(name, value)| format!("{name}={}", url_query(value)));
    let fields = kept.iter().map(|(name, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={}", url_query(&text))
    });
    Ok(own.into_iter().chain(fields).collect::<Vec<_>>().join("&"))
}

fn unreadable() -> Failure {
    Failure {
        reason: FailureReason::Refused,
        http_status: None,
        retry_after: None,
        text: "the message that was kept cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_added_on_the_wire() {
        let key = Secret::from("k\"1");
        let bytes = keyed(r#"{"event_action":"resolve"}"#, "routing_key", Some(&key));
        assert_eq!(
            String::from_utf8(bytes).expect("it is text"),
            r#"{"routing_key":"k\"1","event_action":"resolve"}"#
        );
        assert_eq!(keyed("{}", "routing_key", None), b"{}");
    }

    #[test]
    fn changes_go_beside_events() {
        assert_eq!(
            change_url("https://events.pagerduty.com/v2/enqueue"),
            "https://events.pagerduty.com/v2/change/enqueue"
        );
        assert_eq!(change_url("http://h/pd/"), "http://h/pd/change/enqueue");
    }

    #[test]
    fn a_form_holds_both_keys() {
        let keys = Keys {
            url: None,
            key: Some("t&k".into()),
            second_key: Some("u".into()),
        };
        let form = form_of(r#"{"message":"a b","priority":2}"#, &keys).expect("it is kept well");
        assert_eq!(form, "token=t%26k&user=u&message=a+b&priority=2");
    }
}
