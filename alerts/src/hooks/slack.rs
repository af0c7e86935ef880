//! Buttons in Slack.

use std::time::Duration;

use axum::http::HeaderMap;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use watchfire_schemas::Timestamp;

use super::asked::{Asked, Meaning, What};
use crate::Secret;
use crate::notify::{ACKNOWLEDGE, RESOLVE, hex, hmac_sha256, same};

const TIMESTAMP: &str = "x-slack-request-timestamp";
const SIGNATURE: &str = "x-slack-signature";
/// How far Slack's clock may be from ours: an older call is somebody who repeats it.
const WINDOW: Duration = Duration::from_mins(5);

#[derive(Debug, Deserialize)]
struct Interaction {
    #[serde(rename = "type")]
    kind: String,
    user: Option<User>,
    #[serde(default)]
    actions: Vec<Action>,
}

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    name: Option<String>,
    username: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Action {
    #[serde(rename = "action_id")]
    id: String,
    value: Option<String>,
    #[serde(rename = "action_ts")]
    at: Option<String>,
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Whether Slack signed the body as it came, now.
pub(super) fn is_signed(
    secret: Option<&Secret>,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> bool {
    let Some(secret) = secret.filter(|secret| !secret.expose().is_empty()) else {
        return false;
    };
    let stamp = header(headers, TIMESTAMP);
    let Ok(seconds) = stamp.parse::<u32>() else {
        return false;
    };
    let at = Timestamp::from_secs(i64::from(seconds));
    if now.since(at).max(at.since(now)) > WINDOW {
        return false;
    }
    let signed = [b"v0:", stamp.as_bytes(), b":", body];
    let own = format!(
        "v0={}",
        hex(&hmac_sha256(secret.expose().as_bytes(), &signed))
    );
    same(header(headers, SIGNATURE).as_bytes(), own.as_bytes())
}

/// The JSON within the form.
pub(super) fn payload(body: &[u8]) -> Option<String> {
    let form = std::str::from_utf8(body).ok()?;
    let pairs = reqwest::Url::parse(&format!("http://form/?{form}")).ok()?;
    let mut pairs = pairs.query_pairs();
    let found = pairs.find(|(name, _)| name == "payload")?;
    Some(found.1.into_owned())
}

/// By what the call is known when it comes again: Slack gives it no id, but the time is signed.
pub(super) fn id(headers: &HeaderMap, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(header(headers, TIMESTAMP));
    hash.update(b":");
    hash.update(body);
    hex(&hash.finalize())
}

pub(super) fn meaning(body: &str, now: Timestamp) -> Meaning {
    let Ok(interaction) = serde_json::from_str::<Interaction>(body) else {
        return Meaning::nothing("it cannot be read");
    };
    if interaction.kind != "block_actions" {
        return Meaning::Nothing(format!("nothing follows from {}", interaction.kind));
    }
    let known = interaction.actions.iter().find_map(|action| {
        let what = match action.id.as_str() {
            ACKNOWLEDGE => What::Acknowledge,
            RESOLVE => What::Resolve,
            _ => return None,
        };
        Some((what, action))
    });
    let Some((what, action)) = known else {
        return Meaning::nothing("it is no button of ours");
    };
    let Some(incident) = action.value.clone().filter(|value| !value.is_empty()) else {
        return Meaning::nothing("it names no incident");
    };
    let user = interaction.user;
    let who = user.map_or_else(
        || "Slack".to_owned(),
        |user| user.name.or(user.username).unwrap_or(user.id),
    );
    let pressed = action.at.as_deref().and_then(|stamp| {
        let seconds: f64 = stamp.parse().ok()?;
        let millis = (seconds * 1e3).round();
        (0.0..1e14)
            .contains(&millis)
            .then(|| Timestamp::from_millis(millis as i64))
    });
    Meaning::Asks(Asked {
        incident,
        who,
        what,
        at: pressed.unwrap_or(now).min(now),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's documentation.
    #[test]
    fn the_signature_is_slacks() {
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&\
            channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&\
            command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
            %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.\
            47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let secret = "8f742231b10e8888abcd99yyyzzz85a5".into();
        let mut headers = HeaderMap::new();
        headers.insert(TIMESTAMP, "1531420618".parse().expect("a header"));
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        headers.insert(SIGNATURE, signature.parse().expect("a header"));
        let now = Timestamp::from_secs(1_531_420_700);
        assert!(is_signed(Some(&secret), &headers, body, now));
        assert!(!is_signed(Some(&secret), &headers, b"token=other", now));
        assert!(!is_signed(Some(&"other".into()), &headers, body, now));
        assert!(!is_signed(None, &headers, body, now));
        for late in [
            Timestamp::from_secs(1_531_420_919),
            Timestamp::from_secs(1_531_420_317),
        ] {
            assert!(!is_signed(Some(&secret), &headers, body, late));
        }
    }

    fn check(action: &str, value: &str, expected: Option<&What>) {
        let body = format!(
            r#"{{"type":"block_actions","user":{{"id":"U1","name":"ada"}},
                "actions":[{{"action_id":"{action}","value":"{value}","action_ts":"1548426417.84"}}]}}"#
        );
        let asked = match meaning(&body, Timestamp::from_secs(1_548_426_418)) {
            Meaning::Asks(asked) => {
                assert_eq!(
                    (asked.incident.as_str(), asked.who.as_str()),
                    ("i-1", "ada")
                );
                assert_eq!(asked.at, Timestamp::from_millis(1_548_426_417_840));
                Some(asked.what)
            }
            Meaning::Nothing(_) => None,
        };
        assert_eq!(asked.as_ref(), expected, "{action}");
    }

    #[test]
    fn only_our_own_buttons_act() {
        check(ACKNOWLEDGE, "i-1", Some(&What::Acknowledge));
        check(RESOLVE, "i-1", Some(&What::Resolve));
        check("open_0", "i-1", None);
        check(RESOLVE, "", None);
    }

    #[test]
    fn the_payload_is_in_a_form() {
        let body = b"payload=%7B%22type%22%3A%22a+b%22%7D&other=1";
        assert_eq!(payload(body).as_deref(), Some(r#"{"type":"a b"}"#));
        assert_eq!(payload(b"other=1"), None);
    }
}
