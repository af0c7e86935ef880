use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// The keys that sessions and sync tokens are signed with. The first signs, every one of them
/// verifies: a key is rotated by putting the new one first and dropping the old one when what it
/// signed has expired.
#[derive(Clone)]
pub(crate) struct Keyring(Vec<Key>);

#[derive(Clone)]
struct Key {
    id: String,
    mac: Hmac<Sha256>,
}

/// What a signature is for: one that was made for one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Session,
    SyncToken,
}

/// Why a text is no keyring. It does not hold the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyringError {
    #[error("key {0} has no key after its id and ':'")]
    Empty(usize),
    #[error("the id of key {0} is not of 1 to 16 letters, digits, '_' or '-'")]
    Id(usize),
    #[error("key {0} has the id of another one")]
    Twice(usize),
}

/// Why a signature is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadSignature {
    UnknownKey,
    Wrong,
}

impl Keyring {
    /// The id of a key that is given without one.
    const ONLY: &'static str = "1";

    /// Reads `id:key` for each key, with spaces or new lines between them; a single key may go
    /// without an id.
    pub(crate) fn parse(secret: &Secret) -> Result<Self, KeyringError> {
        let mut keys: Vec<Key> = Vec::new();
        for (n, text) in (1..).zip(secret.reveal().split_whitespace()) {
            let (id, key) = text.split_once(':').unwrap_or((Self::ONLY, text));
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            if !(1..=16).contains(&id.len()) || !id.bytes().all(is_plain) {
                return Err(KeyringError::Id(n));
            }
            if key.is_empty() {
                return Err(KeyringError::Empty(n));
            }
            if keys.iter().any(|known| known.id == id) {
                return Err(KeyringError::Twice(n));
            }
            keys.push(Key {
                id: id.to_owned(),
                mac: Hmac::new_from_slice(key.as_bytes()).expect("a key may have any length"),
            });
        }
        if keys.is_empty() {
            return Err(KeyringError::Empty(1));
        }
        Ok(Self(keys))
    }

    /// The id of the key that signs, and the signature.
    pub(crate) fn sign(&self, purpose: Purpose, parts: &[&[u8]]) -> (&str, String) {
        let key = &self.0[0];
        let signature = key.over(purpose, parts).finalize().into_bytes();
        (&key.id, URL_SAFE_NO_PAD.encode(signature))
    }

    /// Compares in constant time.
    pub(crate) fn verify(
        &self,
        key: &str,
        purpose: Purpose,
        parts: &[&[u8]],
        signature: &str,
    ) -> Result<(), BadSignature> {
        let key = self.0.iter().find(|known| known.id == key);
        let key = key.ok_or(BadSignature::UnknownKey)?;
        let signature = URL_SAFE_NO_PAD.decode(signature);
        let signature = signature.map_err(|_| BadSignature::Wrong)?;
        let signed = key.over(purpose, parts).verify_slice(&signature);
        signed.map_err(|_| BadSignature::Wrong)
    }
}

impl Key {
    fn over(&self, purpose: Purpose, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(purpose.prefix());
        for part in parts {
            // The length goes first, so that no two lists of parts are the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl Purpose {
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Session => b"watchfire session v1\0",
            Self::SyncToken => b"watchfire sync token v1\0",
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|key| &key.id);
        f.debug_set().entries(ids).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(text: &str) -> Result<Keyring, KeyringError> {
        Keyring::parse(&Secret::from(text.to_owned()))
    }

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let old = keyring("a:first").unwrap();
        let (id, signature) = old.sign(Purpose::Session, &[b"anna", b"phone"]);
        assert_eq!(id, "a");
        let both = keyring("b:second\na:first").unwrap();
        let verify = |keyring: &Keyring, id: &str, purpose, parts: &[&[u8]]| {
            keyring.verify(id, purpose, parts, &signature)
        };
        let parts: [&[u8]; 2] = [b"anna", b"phone"];
        assert_eq!(verify(&both, "a", Purpose::Session, &parts), Ok(()));
        assert_eq!(both.sign(Purpose::Session, &parts).0, "b");
        let wrong = Err(BadSignature::Wrong);
        assert_eq!(verify(&both, "b", Purpose::Session, &parts), wrong);
        assert_eq!(verify(&both, "a", Purpose::SyncToken, &parts), wrong);
        let shifted: [&[u8]; 2] = [b"ann", b"aphone"];
        assert_eq!(verify(&both, "a", Purpose::Session, &shifted), wrong);
        let dropped = keyring("b:second").unwrap();
        let unknown = Err(BadSignature::UnknownKey);
        assert_eq!(verify(&dropped, "a", Purpose::Session, &parts), unknown);
    }

    #[test]
    fn what_is_no_keyring_is_said_without_the_keys() {
        assert_eq!(keyring("a:").unwrap_err(), KeyringError::Empty(1));
        assert_eq!(keyring("a:x a:y").unwrap_err(), KeyringError::Twice(2));
        assert_eq!(keyring("a:x b c:y").unwrap().0.len(), 3);
        assert_eq!(keyring("ä:hidden").unwrap_err(), KeyringError::Id(1));
        let shown = format!("{:?}", keyring("a:hidden").unwrap());
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
