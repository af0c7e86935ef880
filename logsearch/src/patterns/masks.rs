//! What varies by its look: numbers, ids, addresses, times, sizes. Each recogniser looks at the
//! start of what is left of a line and says how many bytes belong to it.

mod address;
mod quantity;
mod time;

pub(super) use time::calendar;

/// What stands in a template where lines differ by a value of a known look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mask {
    Number,
    Hex,
    Id,
    Uuid,
    Ip,
    /// Three words or more with full stops between them, or a host with its port.
    Name,
    Path,
    Url,
    Email,
    Duration,
    Size,
    Time,
    Quoted,
}

impl Mask {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Number => "<num>",
            Self::Hex => "<hex>",
            Self::Id => "<id>",
            Self::Uuid => "<uuid>",
            Self::Ip => "<ip>",
            Self::Name => "<name>",
            Self::Path => "<path>",
            Self::Url => "<url>",
            Self::Email => "<email>",
            Self::Duration => "<duration>",
            Self::Size => "<size>",
            Self::Time => "<time>",
            Self::Quoted => "<str>",
        }
    }
}

/// What is found at the start of a text, and how long it is.
pub(super) type Found = (Mask, usize);

/// The value that a text begins with, if it has a look of its own. The text begins with a letter or
/// a digit, and none stands before it.
pub(super) fn value(text: &[u8]) -> Option<Found> {
    if !text.first().is_some_and(u8::is_ascii_digit) {
        return address::uuid(text).or_else(|| address::groups_of_hex(text));
    }
    address::uuid(text)
        .or_else(|| address::prefixed_hex(text))
        .or_else(|| time::date(text))
        .or_else(|| time::clock_time(text))
        .or_else(|| address::ip4(text))
        .or_else(|| address::groups_of_hex(text))
        .or_else(|| quantity::quantity(text))
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn hex_digits(text: &[u8]) -> usize {
    let is_hex = |byte: &&u8| byte.is_ascii_hexdigit();
    text.iter().take_while(is_hex).count()
}

/// Whether a word ends here.
fn ends(text: &[u8], at: usize) -> bool {
    text.get(at)
        .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_' && *byte < 0x80)
}

/// Whether a full stop with a digit after it stands here: a number of more parts.
fn goes_on_with_part(text: &[u8], at: usize) -> bool {
    text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(Mask, &str)>) {
        let found = value(text.as_bytes()).map(|(mask, len)| (mask, &text[..len]));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_only_begins_like_a_value_is_none() {
        check("1.2.3", None);
        check("10.0.0.7.8", None);
        check("64bit", None);
        check("0x7g", None);
        check("add", None);
        check("beef", None);
        check("4bf92f35-77b3", None);
        check("", None);
    }

    #[test]
    fn what_follows_a_value_is_left() {
        check("17,", Some((Mask::Number, "17")));
        check("10.0.0.7:5432: refused", Some((Mask::Ip, "10.0.0.7:5432")));
        check("12:345", Some((Mask::Number, "12")));
        check("5 m", Some((Mask::Number, "5")));
    }
}
