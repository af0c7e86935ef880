use serde::{Deserialize, Serialize};

/// A name that machines and people share: of a stage, a department, an account. It is no place for
/// an e-mail address, as it goes into paths, logs and the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Slug(String);

/// One line: trimmed, 1 to `MAX` characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Line<const MAX: usize>(String);

/// Some lines: up to `MAX` characters, no control character but those that break lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Prose<const MAX: usize>(String);

impl Slug {
    const MAX: usize = 64;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Slug {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let inner = |c: &u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        let starts = text
            .bytes()
            .next()
            .is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if starts && text.len() <= Self::MAX && text.as_bytes().iter().all(inner) {
            Ok(Self(text))
        } else {
            Err(format!(
                "expected 1 to {} of a-z, 0-9, '-', '_' and '.', the first a letter or a digit",
                Self::MAX
            ))
        }
    }
}

impl<const MAX: usize> TryFrom<String> for Line<MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let fits = (1..=MAX).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("expected one line of 1 to {MAX} characters"))
        }
    }
}

impl<const MAX: usize> TryFrom<String> for Prose<MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_foul = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.chars().count() <= MAX && !text.chars().any(is_foul) {
            Ok(Self(text))
        } else {
            Err(format!(
                "expected up to {MAX} characters without control characters"
            ))
        }
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl<const MAX: usize> From<Line<MAX>> for String {
    fn from(line: Line<MAX>) -> Self {
        line.0
    }
}

impl<const MAX: usize> From<Prose<MAX>> for String {
    fn from(prose: Prose<MAX>) -> Self {
        prose.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: TryFrom<String>>(text: &str, expected: bool) {
        assert_eq!(T::try_from(text.to_owned()).is_ok(), expected, "{text:?}");
    }

    #[test]
    fn a_slug_is_no_mail_address_and_no_path() {
        check::<Slug>("phone-screen", true);
        check::<Slug>("2nd.interview_b", true);
        check::<Slug>("", false);
        check::<Slug>("-a", false);
        check::<Slug>("Ann", false);
        check::<Slug>("ann@example.org", false);
        check::<Slug>("a/b", false);
        check::<Slug>(&"a".repeat(65), false);
    }

    #[test]
    fn lines_and_prose_are_bounded_and_without_controls() {
        check::<Line<5>>(" abcde ", true);
        check::<Line<5>>("abcdef", false);
        check::<Line<5>>("  ", false);
        check::<Line<5>>("a\nb", false);
        check::<Line<5>>("a\0b", false);
        check::<Prose<5>>("", true);
        check::<Prose<5>>("a\nb", true);
        check::<Prose<5>>("a\u{7}b", false);
        check::<Prose<5>>("abcdef", false);
    }
}
