use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// A text that must never be seen: a routing key, a webhook's address, a signing secret.
///
/// It has no `Display` and is not serialisable; `Debug` shows only that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// The text itself, for the one place that puts it on the wire.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// A name for the secret from which it cannot be found: 16 hex digits of a SHA-256.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"watchfire secret\0");
        hash.update(self.0.as_bytes());
        let digest = hash.finalize();
        digest[..8].iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes every write");
            hex
        })
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_fingerprint_do_not_tell_the_secret() {
        let secret = Secret::from("R0123456789abcdef0123456789abcde");
        assert_eq!(format!("{secret:?}"), "Secret([redacted])");
        assert_eq!(secret.fingerprint().len(), 16);
        assert!(!secret.expose().contains(&secret.fingerprint()));
        assert_ne!(secret.fingerprint(), Secret::from("other").fingerprint());
        assert_eq!(secret.fingerprint(), secret.clone().fingerprint());
    }
}
