use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

use crate::reminders::keyring::{BadSignature, Keyring, Purpose};
use crate::reminders::name::Name;

/// Who asks, from which device. It is read out of the session token itself; no other service is
/// asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    #[serde(rename = "p")]
    pub(crate) person: Name,
    #[serde(rename = "d")]
    pub(crate) device: Name,
    /// The partner programme that the person takes part in.
    #[serde(rename = "g", skip_serializing_if = "Option::is_none", default)]
    pub(crate) programme: Option<Name>,
    /// Seconds since the epoch, as is the next one.
    #[serde(rename = "i")]
    pub(crate) issued_at: i64,
    #[serde(rename = "e")]
    pub(crate) expires_at: i64,
}

/// Why a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("a session token is needed: authorization: Bearer …")]
    Missing,
    #[error("this is not a session token")]
    Malformed,
    #[error("the session was signed with a key that is not in use")]
    UnknownKey,
    #[error("the session's signature is wrong")]
    BadSignature,
    #[error("the session has expired")]
    Expired,
    #[error("the session is of the future")]
    NotYet,
}

/// What comes before the parts of a token.
const FORM: &str = "wfs1";
/// How far the clock of who issues sessions may be ahead of ours.
const LEEWAY: Duration = Duration::from_mins(1);
/// No token that is longer is looked at.
const MAX_TOKEN: usize = 1024;

impl Session {
    /// `wfs1.<key id>.<claims>.<signature>`.
    pub(crate) fn token(&self, keyring: &Keyring) -> String {
        let claims = serde_json::to_vec(self).expect("claims are plain");
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let (key, signature) = keyring.sign(Purpose::Session, &[claims.as_bytes()]);
        format!("{FORM}.{key}.{claims}.{signature}")
    }

    /// The signature is verified before anything of the claims is read.
    pub(crate) fn verify(
        token: &str,
        keyring: &Keyring,
        now: Timestamp,
    ) -> Result<Self, SessionError> {
        let parts: Vec<&str> = token.splitn(5, '.').collect();
        let &[FORM, key, claims, signature] = &parts[..] else {
            return Err(SessionError::Malformed);
        };
        if token.len() > MAX_TOKEN {
            return Err(SessionError::Malformed);
        }
        keyring
            .verify(key, Purpose::Session, &[claims.as_bytes()], signature)
            .map_err(|bad| match bad {
                BadSignature::UnknownKey => SessionError::UnknownKey,
                BadSignature::Wrong => SessionError::BadSignature,
            })?;
        let claims = URL_SAFE_NO_PAD.decode(claims);
        let claims = claims.map_err(|_| SessionError::Malformed)?;
        let session: Self = serde_json::from_slice(&claims).map_err(|_| SessionError::Malformed)?;
        if Timestamp::from_secs(session.expires_at) <= now {
            return Err(SessionError::Expired);
        }
        if Timestamp::from_secs(session.issued_at) > now + LEEWAY {
            return Err(SessionError::NotYet);
        }
        Ok(session)
    }
}

impl SessionError {
    /// As a label.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn keyring(text: &str) -> Keyring {
        Keyring::parse(&Secret::from(text.to_owned())).unwrap()
    }

    fn session(issued: i64, expires: i64) -> Session {
        Session {
            person: "anna".to_owned().try_into().unwrap(),
            device: "phone".to_owned().try_into().unwrap(),
            programme: Some("heart-care".to_owned().try_into().unwrap()),
            issued_at: 1_800_000_000 + issued,
            expires_at: 1_800_000_000 + expires,
        }
    }

    #[test]
    fn a_session_is_verified_by_itself() {
        let keyring = keyring("k:a-secret");
        let session = session(-10, 10);
        let token = session.token(&keyring);
        assert_eq!(Session::verify(&token, &keyring, NOW), Ok(session));
    }

    #[test]
    fn any_letter_changed_is_seen() {
        let keyring = keyring("k:a-secret");
        let token = session(-10, 10).token(&keyring);
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            // The last letter of a signature holds bits that mean nothing; they must be zero.
            assert!(Session::verify(&forged, &keyring, NOW).is_err(), "{forged}");
        }
    }

    #[test]
    fn what_is_refused_has_its_reason() {
        let ours = keyring("k:a-secret");
        let check = |token: &str, expected| {
            assert_eq!(Session::verify(token, &ours, NOW), Err(expected), "{token}");
        };
        check("", SessionError::Malformed);
        check("wfs1.k.e30", SessionError::Malformed);
        check("wfs1.k.e30.x.y", SessionError::Malformed);
        check("wfs1.k.e30.AAAA", SessionError::BadSignature);
        check(&session(-10, 0).token(&ours), SessionError::Expired);
        check(&session(61, 90).token(&ours), SessionError::NotYet);
        let theirs = session(-10, 10).token(&keyring("k:another"));
        check(&theirs, SessionError::BadSignature);
        let old = session(-10, 10).token(&keyring("old:another"));
        check(&old, SessionError::UnknownKey);
        check(&"x".repeat(5_000), SessionError::Malformed);
    }
}
