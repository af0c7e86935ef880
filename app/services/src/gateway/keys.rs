use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::consumer::Consumer;

/// What our keys begin with, so that a bearer token of a service is told from one.
pub(crate) const KEY_PREFIX: &str = "wf_";
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The SHA-256 digest of a key: all that is kept of it.
pub(crate) type KeyDigest = [u8; 32];

/// Whom a key stands for.
pub(crate) struct Keys {
    by_digest: HashMap<KeyDigest, Arc<Consumer>>,
    anonymous: Arc<Consumer>,
}

/// A key that nobody has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownKey;

impl Keys {
    pub(crate) fn new(
        by_digest: HashMap<KeyDigest, Arc<Consumer>>,
        anonymous: Arc<Consumer>,
    ) -> Self {
        Self {
            by_digest,
            anonymous,
        }
    }

    /// Who asks, by `x-api-key` or a bearer token that begins as our keys do.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Result<&Arc<Consumer>, UnknownKey> {
        if let Some(key) = headers.get(X_API_KEY) {
            return self.known(key.as_bytes());
        }
        match headers.get(AUTHORIZATION).and_then(key_in) {
            Some(key) => self.known(key),
            None => Ok(&self.anonymous),
        }
    }

    /// The time that a look-up takes tells of a digest at most, and nothing of a key.
    fn known(&self, key: &[u8]) -> Result<&Arc<Consumer>, UnknownKey> {
        self.by_digest.get(&digest(key)).ok_or(UnknownKey)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.by_digest.len())
    }
}

pub(crate) fn digest(key: &[u8]) -> KeyDigest {
    Sha256::digest(key).into()
}

/// The key that an `Authorization` header holds, if its token begins as our keys do.
pub(crate) fn key_in(value: &HeaderValue) -> Option<&[u8]> {
    bearer(value.as_bytes()).filter(|token| token.starts_with(KEY_PREFIX.as_bytes()))
}

/// The token of `Bearer <token>`; the scheme's name is of any case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::consumer::Class;

    fn keys() -> Keys {
        let consumer = |id: &'static str, class| {
            Arc::new(Consumer::new(HeaderValue::from_static(id), class, None))
        };
        let acme = consumer("acme", Class::Partner);
        Keys::new(
            HashMap::from([(digest(b"wf_acme"), acme)]),
            consumer("anonymous", Class::Anonymous),
        )
    }

    fn check(header: Option<(HeaderName, &str)>, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        let told = format!("{header:?}");
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        let keys = keys();
        let found = keys.identify(&headers);
        let found = found.map(|found| found.id.to_str().unwrap());
        assert_eq!(found.ok(), expected, "{told}");
    }

    #[test]
    fn a_key_names_its_consumer_and_an_unknown_one_nobody() {
        check(None, Some("anonymous"));
        check(Some((X_API_KEY, "wf_acme")), Some("acme"));
        check(Some((AUTHORIZATION, "Bearer wf_acme")), Some("acme"));
        check(Some((AUTHORIZATION, "bearer  wf_acme")), Some("acme"));
        check(Some((X_API_KEY, "wf_other")), None);
        check(Some((X_API_KEY, "")), None);
        check(Some((AUTHORIZATION, "Bearer wf_other")), None);
    }

    #[test]
    fn a_token_of_a_service_is_not_ours_to_judge() {
        check(Some((AUTHORIZATION, "Bearer rt_abc")), Some("anonymous"));
        check(Some((AUTHORIZATION, "Basic eA==")), Some("anonymous"));
    }

    #[test]
    fn keys_are_not_shown() {
        assert_eq!(format!("{:?}", keys()), "1 keys");
    }
}
