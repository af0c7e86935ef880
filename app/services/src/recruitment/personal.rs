use std::fmt;

use serde::Deserialize;

/// What tells of a person. It shows itself in answers to who may see it, and nowhere else.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Personal<T>(T);

/// An e-mail address, as far as its form can tell.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Email(String);

/// A telephone number: digits, with what people put between them.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Phone(String);

impl<T> Personal<T> {
    pub(crate) fn reveal(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

impl Email {
    /// The longest that a mail server takes.
    const MAX: usize = 254;

    /// The same for all spellings of one mailbox: in lower case, without a `+tag`.
    pub(crate) fn key(&self) -> String {
        let lower = self.0.to_lowercase();
        let (local, domain) = lower.rsplit_once('@').unwrap_or((&lower, ""));
        let mailbox = local
            .split('+')
            .next()
            .filter(|mailbox| !mailbox.is_empty());
        format!("{}@{domain}", mailbox.unwrap_or(local))
    }
}

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_fine = text.len() <= Self::MAX
            && !text.chars().any(|c| c.is_control() || c.is_whitespace())
            && text.rsplit_once('@').is_some_and(|(local, domain)| {
                let labels = domain.split('.');
                !local.is_empty()
                    && !local.contains('@')
                    && domain.contains('.')
                    && labels.clone().all(|label| !label.is_empty())
            });
        if is_fine {
            Ok(Self(text))
        } else {
            Err("expected an e-mail address")
        }
    }
}

impl TryFrom<String> for Phone {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let fine =
            |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '/' | '.');
        if (4..=15).contains(&digits) && text.len() <= 32 && text.chars().all(fine) {
            Ok(Self(text))
        } else {
            Err("expected a telephone number of 4 to 15 digits")
        }
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Result<Email, &'static str> {
        text.to_owned().try_into()
    }

    #[test]
    fn spellings_of_one_mailbox_have_one_key() {
        let key = |text| email(text).ok().unwrap().key();
        assert_eq!(key("Ann.Lee+jobs@Example.ORG"), "ann.lee@example.org");
        assert_eq!(key("+@example.org"), "+@example.org");
        assert_ne!(key("annlee@example.org"), key("ann.lee@example.org"));
    }

    #[test]
    fn what_is_no_address_or_number_is_refused() {
        for text in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "ann@org",
            "ann@x..org",
            "a b@x.org",
            "a@b@x.org",
        ] {
            assert!(email(text).is_err(), "{text}");
        }
        assert!(Phone::try_from("+44 (0)20 7946-0958".to_owned()).is_ok());
        assert!(Phone::try_from("call me".to_owned()).is_err());
        assert!(Phone::try_from("1".repeat(16)).is_err());
    }

    #[test]
    fn what_is_personal_does_not_show_itself() {
        assert_eq!(format!("{:?}", Personal("Ann Lee")), "[personal]");
    }
}
