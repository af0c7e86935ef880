use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchfire_schemas::Timestamp;

use crate::reminders::keyring::{Keyring, Purpose};
use crate::reminders::name::Name;

/// How far a device has read the records of its person. To the device it is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SyncToken {
    /// The version of the last record that the device has.
    pub(crate) since: u64,
    /// Seconds since the epoch.
    issued_at: i64,
}

/// Whose records a token is about. A token is worth nothing for another person, nor for a database
/// that was made anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder<'a> {
    pub(crate) person: &'a Name,
    /// Drawn when the database was made.
    pub(crate) epoch: &'a str,
}

/// Why a device must begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the sync token is not one of this person's")]
    Foreign,
    #[error("the sync token is older than {} days", SyncToken::LIFETIME.as_secs() / 86_400)]
    Expired,
}

impl SyncToken {
    /// Deletions are remembered for as long, so that a token that is good misses none.
    pub(crate) const LIFETIME: Duration = Duration::from_hours(30 * 24);
    const BYTES: usize = 16;

    pub(crate) fn new(since: u64, now: Timestamp) -> Self {
        Self {
            since,
            issued_at: now.millis() / 1_000,
        }
    }

    /// The token of a page that more pages follow. It is as old as the one that the first of them
    /// was asked with: what was deleted before it is forgotten by the age of that.
    #[must_use]
    pub(crate) fn on_the_way(self, since: u64) -> Self {
        Self { since, ..self }
    }

    pub(crate) fn seal(self, keyring: &Keyring, holder: Holder<'_>) -> String {
        let mut read = [0; Self::BYTES];
        read[..8].copy_from_slice(&self.since.to_be_bytes());
        read[8..].copy_from_slice(&self.issued_at.to_be_bytes());
        let (key, signature) = keyring.sign(Purpose::SyncToken, &holder.parts(&read));
        format!("{key}.{}.{signature}", URL_SAFE_NO_PAD.encode(read))
    }

    pub(crate) fn open(
        text: &str,
        keyring: &Keyring,
        holder: Holder<'_>,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        let parts: Vec<&str> = text.splitn(4, '.').collect();
        let &[key, read, signature] = &parts[..] else {
            return Err(TokenError::Foreign);
        };
        let read = URL_SAFE_NO_PAD.decode(read);
        let read = read.map_err(|_| TokenError::Foreign)?;
        let (since, issued_at) = read.split_first_chunk::<8>().ok_or(TokenError::Foreign)?;
        let issued_at: [u8; 8] = issued_at.try_into().map_err(|_| TokenError::Foreign)?;
        keyring
            .verify(key, Purpose::SyncToken, &holder.parts(&read), signature)
            .map_err(|_| TokenError::Foreign)?;
        let token = Self {
            since: u64::from_be_bytes(*since),
            issued_at: i64::from_be_bytes(issued_at),
        };
        if now.since(Timestamp::from_secs(token.issued_at)) > Self::LIFETIME {
            return Err(TokenError::Expired);
        }
        Ok(token)
    }
}

impl<'a> Holder<'a> {
    fn parts(self, read: &'a [u8]) -> [&'a [u8]; 3] {
        let person = self.person.as_str().as_bytes();
        [person, self.epoch.as_bytes(), read]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_token_is_good_for_its_person_and_its_time() {
        let keyring = Keyring::parse(&Secret::from("k:secret".to_owned())).unwrap();
        let now = Timestamp::from_secs(1_800_000_000);
        let name = |text: &str| Name::try_from(text.to_owned()).unwrap();
        let (anna, ben) = (name("anna"), name("ben"));
        let of = |person| Holder {
            person,
            epoch: "e1",
        };
        let token = SyncToken::new(42, now);
        let text = token.seal(&keyring, of(&anna));
        let open = |text: &str, holder, now| SyncToken::open(text, &keyring, holder, now);
        let last = now + SyncToken::LIFETIME;
        assert_eq!(open(&text, of(&anna), last), Ok(token));
        let over = last + Duration::from_secs(1);
        assert_eq!(open(&text, of(&anna), over), Err(TokenError::Expired));
        assert_eq!(open(&text, of(&ben), now), Err(TokenError::Foreign));
        let anew = Holder {
            person: &anna,
            epoch: "e2",
        };
        assert_eq!(open(&text, anew, now), Err(TokenError::Foreign));
        for garbage in ["", "k", "k..", "k.AAAA.AAAA", "a.b.c.d", &text[1..]] {
            assert_eq!(open(garbage, of(&anna), now), Err(TokenError::Foreign));
        }
    }
}
