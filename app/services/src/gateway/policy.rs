use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde_json::{Map, Value};

use super::consumer::{Class, Consumer, Rate};
use super::keys::{KEY_PREFIX, KeyDigest, Keys, digest};
use crate::secret::Secret;

/// What the gateway's operator says: who may ask, how often, and how much at once. It is the JSON
/// document that the secret `gateway.keys` holds, mostly by `WATCHFIRE_GATEWAY_KEYS_FILE`:
///
/// ```json
/// { "keys": [ { "key": "wf_…", "consumer": "acme", "class": "partner",
///               "requests_per_second": 100, "burst": 200 } ],
///   "classes": { "anonymous": { "requests_per_second": 500, "in_flight": 256, "waiting": 20000 } },
///   "in_flight": 24576 }
/// ```
///
/// In place of `key` its SHA-256 digest may be given, `sha256`, in base 64.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) keys: Keys,
    /// In the order of [`Class::ALL`].
    pub(crate) bulkheads: [Room; Class::ALL.len()],
    /// How many requests may be under way at all, waiting ones included.
    pub(crate) in_flight: usize,
}

/// How many requests of one class may be with the services at once, and how many may wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) in_flight: usize,
    pub(crate) waiting: usize,
}

/// What does not hold in the document. It never repeats a value, which may be a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is no JSON.
    #[error("the secret gateway.keys is not JSON: line {line}, column {column}")]
    Syntax {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// A member is not what it should be.
    #[error("the secret gateway.keys: {pointer} {what}")]
    Member {
        /// The member's JSON pointer.
        pointer: String,
        /// What it should be.
        what: &'static str,
    },
}

/// The peak of an hour is 20,000 requests at once: they wait rather than fail.
const ROOM: Room = Room {
    in_flight: 256,
    waiting: 22_000,
};
const IN_FLIGHT: usize = 24_576;

impl Policy {
    /// Without a secret nobody has a key, and who shows one is refused.
    pub(crate) fn of(secret: Option<&Secret>) -> Result<Self, PolicyError> {
        match secret {
            Some(secret) => Self::parse(secret.reveal()),
            None => Self::parse("{}"),
        }
    }

    fn parse(text: &str) -> Result<Self, PolicyError> {
        let document: Value = serde_json::from_str(text).map_err(|error| PolicyError::Syntax {
            line: error.line(),
            column: error.column(),
        })?;
        let known = ["keys", "classes", "in_flight"];
        let document = Member::new(String::new(), &document).object(&known)?;
        let mut rates = [None; Class::ALL.len()];
        let mut bulkheads = [ROOM; Class::ALL.len()];
        if let Some(classes) = document.get("classes") {
            let names = Class::ALL.map(Class::as_str);
            let classes = classes.object(&names)?;
            for class in Class::ALL {
                let Some(said) = classes.get(class.as_str()) else {
                    continue;
                };
                let said =
                    said.object(&["requests_per_second", "burst", "in_flight", "waiting"])?;
                rates[class as usize] = said.rate()?;
                let room = &mut bulkheads[class as usize];
                room.in_flight = said.count("in_flight")?.unwrap_or(room.in_flight);
                room.waiting = said.count("waiting")?.unwrap_or(room.waiting);
            }
        }
        let mut by_digest = HashMap::new();
        for key in document.get("keys").map_or(Ok(Vec::new()), Member::list)? {
            let (digest, consumer) = consumer(&key, &rates)?;
            if by_digest.insert(digest, Arc::new(consumer)).is_some() {
                return Err(key.wrong("has the key of another"));
            }
        }
        let name = HeaderValue::from_static("anonymous");
        let rate = rates[Class::Anonymous as usize];
        let anonymous = Consumer::new(name, Class::Anonymous, rate);
        Ok(Self {
            keys: Keys::new(by_digest, Arc::new(anonymous)),
            bulkheads,
            in_flight: document.count("in_flight")?.unwrap_or(IN_FLIGHT),
        })
    }
}

fn consumer(
    key: &Member<'_>,
    rates: &[Option<Rate>],
) -> Result<(KeyDigest, Consumer), PolicyError> {
    let said = key.object(&[
        "key",
        "sha256",
        "consumer",
        "class",
        "requests_per_second",
        "burst",
    ])?;
    let digest = match (said.get("key"), said.get("sha256")) {
        (Some(key), None) => {
            let text = key.text()?;
            if !text.starts_with(KEY_PREFIX) || text.len() < KEY_PREFIX.len() + 16 {
                return Err(key.wrong("must begin with wf_ and have 16 characters after it"));
            }
            digest(text.as_bytes())
        }
        (None, Some(sha256)) => STANDARD
            .decode(sha256.text()?)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| sha256.wrong("must be 32 bytes in base 64"))?,
        _ => return Err(key.wrong("must have one of key and sha256")),
    };
    let name = said.needed("consumer")?;
    let id = Some(name.text()?).filter(|id| is_name(id));
    let id = id.ok_or_else(|| name.wrong("must be 1 to 64 letters, digits, - _ and ."))?;
    let named = said.needed("class")?;
    let class = Class::parse(named.text()?).filter(|class| *class != Class::Anonymous);
    let class = class.ok_or_else(|| named.wrong("must be partner or internal"))?;
    let rate = said.rate()?.or(rates[class as usize]);
    let id = HeaderValue::from_str(id).expect("a name is ASCII");
    Ok((digest, Consumer::new(id, class, rate)))
}

fn is_name(id: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=64).contains(&id.len()) && id.bytes().all(is_allowed)
}

/// A value of the document, and where it is.
struct Member<'a> {
    pointer: String,
    value: &'a Value,
}

/// An object whose members are all known.
struct Object<'a> {
    pointer: String,
    members: &'a Map<String, Value>,
}

impl<'a> Member<'a> {
    fn new(pointer: String, value: &'a Value) -> Self {
        Self { pointer, value }
    }

    fn wrong(&self, what: &'static str) -> PolicyError {
        let whole = self.pointer.is_empty();
        PolicyError::Member {
            pointer: if whole { "/" } else { &self.pointer }.to_owned(),
            what,
        }
    }

    fn text(&self) -> Result<&'a str, PolicyError> {
        self.value
            .as_str()
            .ok_or_else(|| self.wrong("must be a text"))
    }

    fn list(self) -> Result<Vec<Self>, PolicyError> {
        let values = self.value.as_array();
        let values = values.ok_or_else(|| self.wrong("must be a list"))?;
        let at = |(n, value)| Self::new(format!("{}/{n}", self.pointer), value);
        Ok(values.iter().enumerate().map(at).collect())
    }

    fn object(&self, known: &[&str]) -> Result<Object<'a>, PolicyError> {
        let members = self.value.as_object();
        let members = members.ok_or_else(|| self.wrong("must be an object"))?;
        if members.keys().any(|name| !known.contains(&name.as_str())) {
            return Err(self.wrong("has a member that is not known"));
        }
        Ok(Object {
            pointer: self.pointer.clone(),
            members,
        })
    }
}

impl<'a> Object<'a> {
    fn get(&self, name: &str) -> Option<Member<'a>> {
        let value = self.members.get(name)?;
        Some(Member::new(format!("{}/{name}", self.pointer), value))
    }

    fn needed(&self, name: &str) -> Result<Member<'a>, PolicyError> {
        self.get(name).ok_or_else(|| PolicyError::Member {
            pointer: format!("{}/{name}", self.pointer),
            what: "is missing",
        })
    }

    fn count(&self, name: &str) -> Result<Option<usize>, PolicyError> {
        let Some(member) = self.get(name) else {
            return Ok(None);
        };
        let count = member.value.as_u64().filter(|count| *count <= 1_000_000);
        let count = count.ok_or_else(|| member.wrong("must be a whole number up to 1,000,000"))?;
        Ok(Some(count as usize))
    }

    /// A burst that is not said is what may be asked for in a second.
    fn rate(&self) -> Result<Option<Rate>, PolicyError> {
        let positive = |name| {
            let count = self.count(name)?.map(|count| NonZeroU32::new(count as u32));
            match count {
                Some(None) => Err(PolicyError::Member {
                    pointer: format!("{}/{name}", self.pointer),
                    what: "must be at least 1",
                }),
                known => Ok(known.flatten()),
            }
        };
        let burst = positive("burst")?;
        let rate = positive("requests_per_second")?;
        Ok(rate.map(|per_second| Rate {
            per_second,
            burst: burst.unwrap_or(per_second),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_keys_limits_and_rooms() {
        let text = r#"{
            "keys": [
                {"key": "wf_0123456789abcdef", "consumer": "acme", "class": "partner"},
                {"sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "consumer": "ops",
                 "class": "internal", "requests_per_second": 5, "burst": 9}
            ],
            "classes": {"anonymous": {"requests_per_second": 50, "in_flight": 4, "waiting": 0}},
            "in_flight": 100
        }"#;
        let policy = Policy::parse(text).unwrap();
        assert_eq!(policy.in_flight, 100);
        let room = Room {
            in_flight: 4,
            waiting: 0,
        };
        assert_eq!(policy.bulkheads, [room, ROOM, ROOM]);
        let mut headers = http::HeaderMap::new();
        headers.insert("x-api-key", "wf_0123456789abcdef".parse().unwrap());
        let acme = policy.keys.identify(&headers).unwrap();
        assert_eq!(
            (acme.id.to_str().unwrap(), acme.class),
            ("acme", Class::Partner)
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_no_key_is_told() {
        let check = |text: &str, expected: &str| {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert_eq!(error, format!("the secret gateway.keys{expected}"));
            assert!(!error.contains("s3cret"));
        };
        check("{\n!", " is not JSON: line 2, column 1");
        check("[]", ": / must be an object");
        check(r#"{"s3cret": 1}"#, ": / has a member that is not known");
        check(r#"{"keys": {}}"#, ": /keys must be a list");
        let one = |key: &str| format!(r#"{{"keys": [{key}]}}"#);
        check(&one("{}"), ": /keys/0 must have one of key and sha256");
        let (key, who) = (r#""key":"wf_s3crets3crets3cret""#, r#""consumer":"a""#);
        let short = r#""key":"wf_s3cret""#;
        check(
            &one(&format!("{{{short},{who}}}")),
            ": /keys/0/key must begin with wf_ and have 16 characters after it",
        );
        check(&one(&format!("{{{key}}}")), ": /keys/0/consumer is missing");
        check(
            &one(&format!(r#"{{{key},{who},"class":"s3cret"}}"#)),
            ": /keys/0/class must be partner or internal",
        );
        let whole = format!(r#"{{{key},{who},"class":"partner"}}"#);
        check(
            &one(&format!("{whole},{whole}")),
            ": /keys/1 has the key of another",
        );
        check(
            r#"{"classes":{"partner":{"requests_per_second":0}}}"#,
            ": /classes/partner/requests_per_second must be at least 1",
        );
        check(
            r#"{"in_flight": -1}"#,
            ": /in_flight must be a whole number up to 1,000,000",
        );
    }
}
