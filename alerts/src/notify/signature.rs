//! Signatures in the manner of Standard Webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hmac::hmac_sha256;
use super::secret::Secret;

const ENCODED: &str = "whsec_";

/// The value of `webhook-signature`: HMAC-SHA256 over `id.timestamp.body` by each of the secrets.
/// `timestamp` is in seconds and is that of the attempt; `id` is the same over all attempts.
pub(crate) fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let head = format!("{id}.{timestamp}.");
    let signatures = secrets.iter().map(|secret| {
        let key = key_of(secret).unwrap_or_default();
        let code = hmac_sha256(&key, &[head.as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(code))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// The bytes that a secret stands for.
pub(crate) fn key_of(secret: &Secret) -> Result<Vec<u8>, &'static str> {
    let text = secret.expose();
    let key = match text.strip_prefix(ENCODED) {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| "what follows whsec_ in the signing secret is not base64")?,
        None => text.as_bytes().to_vec(),
    };
    if key.is_empty() {
        return Err("the signing secret is empty");
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed apart, with another implementation of HMAC.
    #[test]
    fn an_encoded_secret_is_decoded() {
        let encoded = sign(&["whsec_aHVzaA==".into()], "msg_1", 1_700_000_000, b"{}");
        let plain = sign(&["hush".into()], "msg_1", 1_700_000_000, b"{}");
        assert_eq!(encoded, plain);
        assert_eq!(plain, "v1,ROZfbkoADbVWbBp86tDCTih613ikpu3B4zhLZHIzm+s=");
    }

    /// The example of the specification: Svix's, which Standard Webhooks took over.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let body = br#"{"test": 2432232314}"#;
        let signed = sign(
            &[secret],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            body,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_secrets_change_both_sign() {
        let (old, new): (Secret, Secret) = ("old".into(), "new".into());
        let both = sign(&[new.clone(), old.clone()], "msg_1", 1_700_000_000, b"{}");
        let alone = |secret| sign(&[secret], "msg_1", 1_700_000_000, b"{}");
        assert_eq!(both, format!("{} {}", alone(new), alone(old)));
    }

    #[test]
    fn secrets_that_cannot_sign_are_refused() {
        assert!(key_of(&"whsec_%%%".into()).is_err());
        assert!(key_of(&"whsec_".into()).is_err());
        assert!(key_of(&"".into()).is_err());
    }
}
