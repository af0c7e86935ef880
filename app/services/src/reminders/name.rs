use std::fmt;

use serde::{Deserialize, Serialize};

/// What a person, a device, a programme, a reminder or a change is known by: 1 to 64 letters,
/// digits, dots, underscores or hyphens.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Name(Box<str>);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {} letters, digits, '.', '_' or '-'", Name::MAX)]
pub(crate) struct NotAName;

impl Name {
    pub(crate) const MAX: usize = 64;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        let fits = (1..=Self::MAX).contains(&text.len());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if fits && text.bytes().all(is_plain) {
            Ok(Self(text.into()))
        } else {
            Err(NotAName)
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.into()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_short() {
        let check = |text: &str, good: bool| {
            assert_eq!(Name::try_from(text.to_owned()).is_ok(), good, "{text:?}");
        };
        check("anna-1.phone_2", true);
        check("", false);
        check("a b", false);
        check("ä", false);
        check("a/b", false);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
    }
}
