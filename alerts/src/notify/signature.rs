//! Signatures in the manner of Standard Webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::secret::Secret;

const BLOCK: usize = 64;
const ENCODED: &str = "whsec_";

/// The value of `webhook-signature`: HMAC-SHA256 over `id.timestamp.body`. `timestamp` is in
/// seconds and is that of the attempt; `id` is the same over all attempts.
pub(crate) fn sign(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let key = key_of(secret).unwrap_or_default();
    let head = format!("{id}.{timestamp}.");
    let code = hmac_sha256(&key, &[head.as_bytes(), body]);
    format!("v1,{}", STANDARD.encode(code))
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

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn check_hmac(key: &[u8], parts: &[&[u8]], expected: &str) {
        let code = hmac_sha256(key, parts);
        let hex = code.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes every write");
            hex
        });
        assert_eq!(hex, expected);
    }

    /// Cases 1, 2 and 6 of RFC 4231.
    #[test]
    fn the_code_is_that_of_the_rfc() {
        check_hmac(
            &[0x0b; 20],
            &[b"Hi There"],
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        );
        check_hmac(
            b"Jefe",
            &[b"what do ya want ", b"for nothing?"],
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check_hmac(
            &[0xaa; 131],
            &[b"Test Using Larger Than Block-Size Key - Hash Key First"],
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        );
    }

    /// Computed apart, with another implementation of HMAC.
    #[test]
    fn an_encoded_secret_is_decoded() {
        let encoded = sign(&"whsec_aHVzaA==".into(), "msg_1", 1_700_000_000, b"{}");
        let plain = sign(&"hush".into(), "msg_1", 1_700_000_000, b"{}");
        assert_eq!(encoded, plain);
        assert_eq!(plain, "v1,ROZfbkoADbVWbBp86tDCTih613ikpu3B4zhLZHIzm+s=");
    }

    #[test]
    fn secrets_that_cannot_sign_are_refused() {
        assert!(key_of(&"whsec_%%%".into()).is_err());
        assert!(key_of(&"whsec_".into()).is_err());
        assert!(key_of(&"".into()).is_err());
    }
}
