use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use watchfire_schemas::Timestamp;

use crate::recruitment::id::Id;
use crate::recruitment::role::Role;
use crate::recruitment::text::Slug;
use crate::secret::Secret;

/// Signs what comes back to us, tokens and links, and knows its own signatures again.
#[derive(Debug)]
pub(crate) struct Keyring {
    secret: Secret,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    pub(crate) sub: Slug,
    pub(crate) role: Role,
    /// Whole seconds since the epoch; at this time it is over.
    pub(crate) exp: i64,
}

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the token is not one of ours")]
    Foreign,
    #[error("the token has expired")]
    Expired,
}

/// What a signature is for; one that is good for one purpose is good for no other.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Token,
    Link,
    Comparison,
}

impl Keyring {
    /// Longer ones are not looked at.
    const MAX_TOKEN: usize = 1024;

    pub(crate) fn new(secret: Secret) -> Self {
        Self { secret }
    }

    /// Whether `given` is the secret itself. It takes the same time wherever the two differ.
    pub(crate) fn is_secret(&self, given: &str) -> bool {
        let tag = self.mac(Purpose::Comparison, given).finalize().into_bytes();
        let own = self.mac(Purpose::Comparison, self.secret.reveal());
        own.verify(&tag).is_ok()
    }

    pub(crate) fn token(&self, claims: &Claims) -> String {
        let claims = serde_json::to_vec(claims).expect("claims are plain JSON");
        let claims = BASE64_URL_SAFE_NO_PAD.encode(claims);
        let tag = self.mac(Purpose::Token, &claims).finalize().into_bytes();
        format!("{claims}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    pub(crate) fn claims(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let parts = token
            .split_once('.')
            .filter(|_| token.len() <= Self::MAX_TOKEN);
        let (claims, tag) = parts.ok_or(TokenError::Foreign)?;
        let tag = BASE64_URL_SAFE_NO_PAD
            .decode(tag)
            .map_err(|_| TokenError::Foreign)?;
        let expected = self.mac(Purpose::Token, claims);
        expected
            .verify_slice(&tag)
            .map_err(|_| TokenError::Foreign)?;
        let claims = BASE64_URL_SAFE_NO_PAD
            .decode(claims)
            .map_err(|_| TokenError::Foreign)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Foreign)?;
        if now >= Timestamp::from_secs(claims.exp) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// The signature of a link to a document's content that is good until `expires`, in seconds.
    pub(crate) fn link(&self, document: Id, expires: i64) -> String {
        let tag = self.mac(Purpose::Link, &format!("{document} {expires}"));
        BASE64_URL_SAFE_NO_PAD.encode(tag.finalize().into_bytes())
    }

    pub(crate) fn is_link(&self, document: Id, expires: i64, signature: &str) -> bool {
        let tag = BASE64_URL_SAFE_NO_PAD.decode(signature);
        let expected = self.mac(Purpose::Link, &format!("{document} {expires}"));
        tag.is_ok_and(|tag| expected.verify_slice(&tag).is_ok())
    }

    fn mac(&self, purpose: Purpose, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.reveal().as_bytes())
            .expect("a key may have any length");
        mac.update(&[purpose as u8]);
        mac.update(text.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn keyring(secret: &str) -> Keyring {
        Keyring::new(Secret::from(secret.to_owned()))
    }

    fn claims(exp: i64) -> Claims {
        let sub = Slug::try_from("ann".to_owned()).unwrap();
        Claims {
            sub,
            role: Role::Recruiter,
            exp,
        }
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let keyring = keyring("hush");
        let token = keyring.token(&claims(1_800_000_060));
        assert_eq!(keyring.claims(&token, NOW), Ok(claims(1_800_000_060)));
        let over = keyring.claims(&token, Timestamp::from_secs(1_800_000_060));
        assert_eq!(over, Err(TokenError::Expired));
        assert!(!token.contains("hush"));
    }

    #[test]
    fn a_token_that_is_changed_or_anothers_does_not_count() {
        let ours = keyring("hush");
        let token = ours.token(&claims(1_800_000_060));
        let theirs = keyring("other").token(&claims(1_800_000_060));
        let forged =
            BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"ann","role":"admin","exp":1800000060}"#);
        let (_, tag) = token.split_once('.').unwrap();
        let swapped = format!("{forged}.{tag}");
        let short = token[..token.len() - 4].to_owned();
        for token in [
            theirs,
            swapped,
            short,
            String::new(),
            ".".to_owned(),
            "a.b".repeat(900),
        ] {
            assert_eq!(
                ours.claims(&token, NOW),
                Err(TokenError::Foreign),
                "{token}"
            );
        }
    }

    #[test]
    fn a_link_is_good_for_one_document_and_one_time() {
        let keyring = keyring("hush");
        let (document, other) = (Id::at(NOW), Id::at(NOW));
        let signature = keyring.link(document, 7);
        assert!(keyring.is_link(document, 7, &signature));
        assert!(!keyring.is_link(document, 8, &signature));
        assert!(!keyring.is_link(other, 7, &signature));
        assert!(!keyring.is_link(document, 7, ""));
        assert!(keyring.is_secret("hush") && !keyring.is_secret("hus"));
    }
}
