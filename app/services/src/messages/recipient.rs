use lettre::Address;

use crate::messages::channel::Channel;

/// Whom a message is for: an address that its channel can reach, in the one form in which it is kept.
/// It is personal data: it does not belong in a log or a span.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Recipient(String);

impl Recipient {
    /// Says what is expected if `text` is no address of this channel.
    pub(crate) fn parse(channel: Channel, text: &str) -> Result<Self, &'static str> {
        match channel {
            Channel::Email => Self::email(text).ok_or("expected an e-mail address"),
            Channel::Sms => Self::telephone(text)
                .ok_or("expected a telephone number of E.164: + and 8 to 15 digits"),
            Channel::Push => Self::device(text)
                .ok_or("expected a device token: 16 to 256 letters, digits, '-', '_' or ':'"),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the at sign is the same in any case of letters.
    fn email(text: &str) -> Option<Self> {
        const LONGEST: usize = 254;
        let (user, domain) = text.rsplit_once('@')?;
        let whole = format!("{user}@{}", domain.to_lowercase());
        let reachable = whole.len() <= LONGEST && whole.is_ascii() && !whole.contains('"');
        (reachable && whole.parse::<Address>().is_ok()).then_some(Self(whole))
    }

    fn telephone(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let dialled = (8..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        dialled.then(|| Self(text.to_owned()))
    }

    fn device(text: &str) -> Option<Self> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:".contains(&byte);
        let token = (16..=256).contains(&text.len()) && text.bytes().all(known);
        token.then(|| Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[recipient]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(channel: Channel, text: &str, expected: Option<&str>) {
        let parsed = Recipient::parse(channel, text).ok();
        assert_eq!(parsed.as_ref().map(Recipient::as_str), expected, "{text}");
    }

    #[test]
    fn an_address_is_of_its_channel() {
        check(Channel::Email, "ada@Example.COM", Some("ada@example.com"));
        check(
            Channel::Email,
            "Ada.L+x@example.com",
            Some("Ada.L+x@example.com"),
        );
        for wrong in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@example.com\r\nBcc: x@y.z",
            "a b@example.com",
        ] {
            check(Channel::Email, wrong, None);
        }
        check(Channel::Sms, "+41791234567", Some("+41791234567"));
        for wrong in [
            "41791234567",
            "+0791234567",
            "+4179",
            "+4179123456a",
            "+1234567890123456",
        ] {
            check(Channel::Sms, wrong, None);
        }
        check(
            Channel::Push,
            "device:0123456789-abc_D",
            Some("device:0123456789-abc_D"),
        );
        check(Channel::Push, "short", None);
        check(Channel::Push, "0123456789abcdef\n", None);
    }

    #[test]
    fn an_address_is_not_shown_by_chance() {
        let recipient = Recipient::parse(Channel::Sms, "+41791234567").unwrap();
        assert_eq!(format!("{recipient:?}"), "[recipient]");
    }
}
