//! Numbers, with their units.

use super::{Found, Mask, digits, ends, goes_on_with_part};

/// A number with its fraction and its unit: `17`, `1,024`, `2.5e-3`, `31ms`, `1.5 KB`, `85%`.
pub(super) fn quantity(text: &[u8]) -> Option<Found> {
    let at = number(text)?;
    if text.get(at) == Some(&b'%') {
        return Some((Mask::Number, at + 1));
    }
    if let Some((mask, len)) = unit(&text[at..], false) {
        return Some((mask, at + len));
    }
    if !ends(text, at) || goes_on_with_part(text, at) {
        return None;
    }
    if text.get(at) == Some(&b' ')
        && let Some((mask, len)) = unit(&text[at + 1..], true)
    {
        return Some((mask, at + 1 + len));
    }
    Some((Mask::Number, at))
}

fn number(text: &[u8]) -> Option<usize> {
    let mut at = digits(text);
    if at == 0 {
        return None;
    }
    if at <= 3 {
        while text.get(at) == Some(&b',') && digits(&text[at + 1..]) == 3 {
            at += 4;
        }
    }
    if goes_on_with_part(text, at) {
        at += 1 + digits(&text[at + 1..]);
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(&text[at + 1 + sign..]);
        let end = at + 1 + sign + exponent;
        if exponent > 0 && ends(text, end) {
            at = end;
        }
    }
    Some(at)
}

/// A unit of time or of size as a word of its own. `apart`: a space stands before it, so that most
/// letters alone may be anything.
fn unit(text: &[u8], apart: bool) -> Option<Found> {
    const LONGEST: usize = 12;
    let is_part = |byte: &&u8| byte.is_ascii_alphabetic() || **byte >= 0x80;
    let len = text.iter().take(LONGEST).take_while(is_part).count();
    if len == 0 || !ends(text, len) {
        return None;
    }
    let mask = match &text[..len] {
        b"m" | b"h" | b"d" if !apart => Mask::Duration,
        b"s" | b"ns" | b"us" | b"\xc2\xb5s" | b"\xce\xbcs" | b"ms" | b"msec" | b"msecs"
        | b"usec" | b"millis" | b"nanoseconds" | b"microseconds" | b"milliseconds" | b"sec"
        | b"secs" | b"second" | b"seconds" | b"min" | b"mins" | b"minute" | b"minutes" | b"hrs"
        | b"hour" | b"hours" | b"day" | b"days" => Mask::Duration,
        b"K" | b"M" | b"G" | b"T" | b"k" if !apart => Mask::Size,
        b"B" | b"byte" | b"bytes" | b"kb" | b"kB" | b"Kb" | b"KB" | b"mb" | b"Mb" | b"MB"
        | b"gb" | b"Gb" | b"GB" | b"TB" | b"KiB" | b"MiB" | b"GiB" | b"TiB" => Mask::Size,
        _ => return None,
    };
    Some((mask, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, mask: Mask, expected: &str) {
        let found = quantity(text.as_bytes()).map(|(mask, len)| (mask, &text[..len]));
        assert_eq!(found, Some((mask, expected)), "{text}");
    }

    #[test]
    fn quantities_are_known() {
        check("17", Mask::Number, "17");
        check("1,024 rows", Mask::Number, "1,024");
        check("1,024,555", Mask::Number, "1,024,555");
        check("2.5e-3", Mask::Number, "2.5e-3");
        check("85% done", Mask::Number, "85%");
        check("31ms", Mask::Duration, "31ms");
        check("31 ms later", Mask::Duration, "31 ms");
        check("2 seconds", Mask::Duration, "2 seconds");
        check("4µs", Mask::Duration, "4µs");
        check("5s", Mask::Duration, "5s");
        check("5 s", Mask::Duration, "5 s");
        check("1.26 KB)", Mask::Size, "1.26 KB");
        check("10MiB", Mask::Size, "10MiB");
        check("512 bytes", Mask::Size, "512 bytes");
    }

    #[test]
    fn a_letter_apart_is_no_unit() {
        check("5 m", Mask::Number, "5");
        check("5 days", Mask::Duration, "5 days");
    }
}
