//! Words that are names: what of them stays, and what is masked.

use super::bytes::{AT, DIGIT, class, is_alphanumeric};
use crate::patterns::masks::Mask;

/// What becomes of a run of letters and digits within a word.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// It has no digits.
    Kept,
    Masked(Mask),
    /// A name with a number: its digits are masked.
    Numbered,
}

/// `after_at`: it follows an `@`, where the hash of an object stands.
pub(super) fn run(part: &[u8], after_at: bool) -> Run {
    let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == part.len() {
        return Run::Masked(Mask::Number);
    }
    let turns = part
        .windows(2)
        .filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit())
        .count();
    let is_long = match part.len() {
        8.. => digits > 0,
        6.. => turns >= 2 || after_at,
        4.. => after_at,
        _ => false,
    };
    if is_long && part.iter().all(u8::is_ascii_hexdigit) {
        return Run::Masked(Mask::Hex);
    }
    match digits {
        0 => Run::Kept,
        _ if turns >= 3 && part.len() >= 8 => Run::Masked(Mask::Id),
        _ => Run::Numbered,
    }
}

/// How many full stops of a word have letters or digits on both sides, and not digits on both.
pub(super) fn inner_stops(word: &[u8]) -> usize {
    let joins = |a: u8, b: u8| {
        let both = class(a) & class(b);
        is_alphanumeric(a) && is_alphanumeric(b) && both & DIGIT == 0
    };
    word.windows(3)
        .filter(|part| part[1] == b'.' && joins(part[0], part[2]))
        .count()
}

pub(super) fn is_email(word: &[u8]) -> bool {
    let Some(at) = word.iter().position(|byte| class(*byte) == AT) else {
        return false;
    };
    let is_part =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    let (name, host) = (&word[..at], &word[at + 1..]);
    let is_named = !name.is_empty() && name.iter().all(is_part);
    is_named && host.iter().all(is_part) && inner_stops(host) > 0
}

/// Whether a quoted text is the line of an HTTP request: its parts say more than the whole.
pub(super) fn is_request(quoted: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"DELETE ",
        b"HEAD ",
        b"PATCH ",
        b"OPTIONS ",
        b"CONNECT ",
        b"TRACE ",
    ];
    METHODS.iter().any(|method| quoted.starts_with(method))
}

/// Whether a name follows the word.
pub(super) fn is_cue(word: &str) -> bool {
    matches!(
        word,
        "user" | "User" | "username" | "host" | "hostname" | "account"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_letters_and_digits() {
        let check = |text: &str, expected: Run| {
            assert_eq!(run(text.as_bytes(), false), expected, "{text}");
        };
        check("shop", Run::Kept);
        check("deadbeef", Run::Kept);
        check("42", Run::Masked(Mask::Number));
        check("v2", Run::Numbered);
        check("node12", Run::Numbered);
        check("64bit", Run::Numbered);
        check("x86", Run::Numbered);
        check("4bf92f3", Run::Masked(Mask::Hex));
        check("deadbee1", Run::Masked(Mask::Hex));
        check("aB3dE9xY", Run::Masked(Mask::Id));
        assert_eq!(run(b"cafe", true), Run::Masked(Mask::Hex));
    }

    #[test]
    fn addresses_of_mail() {
        let check = |word: &str, expected: bool| {
            assert_eq!(is_email(word.as_bytes()), expected, "{word}");
        };
        check("ann@example.com", true);
        check("a.b+c@mail.example.com", true);
        check("@example.com", false);
        check("ann@host", false);
        check("ann@.", false);
        check("a@b@c.d", false);
    }
}
