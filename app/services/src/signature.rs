//! Signed calls, those of providers to us and ours to subscribers, by the rules of Standard Webhooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use watchfire_schemas::Timestamp;

use crate::secret::Secret;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// How far a call's time may be from ours.
const TOLERANCE_SECONDS: f64 = 300.0;
/// A secret that begins so is the key in Base64; any other is the key itself.
pub(crate) const ENCODED: &str = "whsec_";
const SCHEME: &str = "v1,";

/// Why a call is not taken for its provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("the headers webhook-id, webhook-timestamp and webhook-signature are needed")]
    Missing,
    #[error("webhook-timestamp must be within 5 minutes of now, in seconds since the epoch")]
    Stale,
    #[error("no signature in webhook-signature is one of this body")]
    Wrong,
}

/// The headers of a call that is signed at `now`: by them its receiver knows the sender, and a
/// repetition by its id.
pub(crate) fn signed(key: &Secret, id: &str, now: Timestamp, body: &str) -> HeaderMap {
    let timestamp = now.nanos().div_euclid(1_000_000_000).to_string();
    let signature = sign(key, id, &timestamp, body.as_bytes());
    let headers = [
        (WEBHOOK_ID, id),
        (WEBHOOK_TIMESTAMP, &timestamp),
        (WEBHOOK_SIGNATURE, &signature),
    ];
    let headers = headers.into_iter();
    headers
        .filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)))
        .collect()
}

/// The header `webhook-signature` of a call.
fn sign(key: &Secret, id: &str, timestamp: &str, body: &[u8]) -> String {
    let signed = mac(key, id, timestamp, body).finalize().into_bytes();
    format!("{SCHEME}{}", STANDARD.encode(signed))
}

/// The call's id, if one of its signatures is right and its time is near.
pub(crate) fn verify<'h>(
    key: &Secret,
    headers: &'h HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<&'h str, SignatureError> {
    let text = |name: HeaderName| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or(SignatureError::Missing)
    };
    let (id, timestamp) = (text(WEBHOOK_ID)?, text(WEBHOOK_TIMESTAMP)?);
    let signatures = text(WEBHOOK_SIGNATURE)?;
    let seconds: i64 = timestamp.parse().map_err(|_| SignatureError::Stale)?;
    let off = now.seconds_since(Timestamp::from_secs(seconds)).abs();
    if off > TOLERANCE_SECONDS {
        return Err(SignatureError::Stale);
    }
    let is_right = |signature: &str| {
        let signed = signature.strip_prefix(SCHEME);
        let signed = signed.and_then(|signed| STANDARD.decode(signed).ok());
        // In constant time.
        signed.is_some_and(|signed| mac(key, id, timestamp, body).verify_slice(&signed).is_ok())
    };
    let right = signatures.split(' ').any(is_right);
    right.then_some(id).ok_or(SignatureError::Wrong)
}

fn mac(key: &Secret, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let written = key.reveal();
    let decoded = written
        .strip_prefix(ENCODED)
        .and_then(|text| STANDARD.decode(text).ok());
    let key = decoded.unwrap_or_else(|| written.as_bytes().to_vec());
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key).expect("a key may have any length");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Standard Webhooks' own documentation.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: &str = "1614265330";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn verify(id: &str, at: &str, signature: &str, late: i64) -> Result<(), SignatureError> {
        let pairs = [
            (WEBHOOK_ID, id),
            (WEBHOOK_TIMESTAMP, at),
            (WEBHOOK_SIGNATURE, signature),
        ];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let headers: HeaderMap = pairs
            .map(|(name, value)| (name, value.parse().unwrap()))
            .collect();
        let now = Timestamp::from_secs(1_614_265_330 + late);
        super::verify(&Secret::from(KEY.to_owned()), &headers, BODY, now).map(|_| ())
    }

    #[test]
    fn a_signature_is_as_published() {
        assert_eq!(sign(&Secret::from(KEY.to_owned()), ID, AT, BODY), SIGNATURE);
        assert_eq!(verify(ID, AT, SIGNATURE, 299), Ok(()));
        assert_eq!(
            verify(ID, AT, &format!("v1,AAAA v2,x {SIGNATURE}"), -299),
            Ok(())
        );
    }

    #[test]
    fn what_we_sign_is_taken_for_a_while() {
        let (key, now) = (Secret::from("hush".to_owned()), Timestamp::from_secs(9_000));
        let headers = signed(&key, "evt_1", now, "{}");
        let check = |key: &str, body: &[u8], late: u64, expected| {
            let key = Secret::from(key.to_owned());
            let later = now + std::time::Duration::from_secs(late);
            assert_eq!(super::verify(&key, &headers, body, later), expected);
        };
        check("hush", b"{}", 300, Ok("evt_1"));
        check("hush", b"{}", 301, Err(SignatureError::Stale));
        check("hush", b"{ }", 0, Err(SignatureError::Wrong));
        check("other", b"{}", 0, Err(SignatureError::Wrong));
    }

    #[test]
    fn what_is_not_signed_is_not_taken() {
        assert_eq!(verify("", AT, SIGNATURE, 0), Err(SignatureError::Missing));
        assert_eq!(verify(ID, AT, "", 0), Err(SignatureError::Missing));
        assert_eq!(verify(ID, AT, SIGNATURE, 301), Err(SignatureError::Stale));
        assert_eq!(verify(ID, "now", SIGNATURE, 0), Err(SignatureError::Stale));
        assert_eq!(
            verify("other", AT, SIGNATURE, 0),
            Err(SignatureError::Wrong)
        );
        assert_eq!(
            verify(ID, "1614265331", SIGNATURE, 0),
            Err(SignatureError::Wrong)
        );
        assert_eq!(verify(ID, AT, "v1,%%%", 0), Err(SignatureError::Wrong));
    }
}
