//! Dates and times of day.

use super::{Found, Mask, digits, ends, hex_digits};

/// `2026-11-22`, `22/11/2026`, and the time after it.
pub(super) fn date(text: &[u8]) -> Option<Found> {
    let first = digits(text);
    let mark = *text.get(first)?;
    if !matches!(first, 1 | 2 | 4) || !matches!(mark, b'-' | b'/' | b'.') {
        return None;
    }
    let mut at = first + 1;
    let second = digits(&text[at..]);
    at += second;
    if !matches!(second, 1 | 2) || text.get(at) != Some(&mark) {
        return None;
    }
    at += 1;
    let third = digits(&text[at..]);
    at += third;
    let is_date = match (first, third) {
        (4, 1 | 2) | (1 | 2, 4) => true,
        (2, 2) => mark == b'/',
        _ => false,
    };
    if !is_date {
        return None;
    }
    if let Some(b'T' | b't' | b' ' | b'-' | b':' | b'_') = text.get(at)
        && let Some((_, len)) = clock_time(&text[at + 1..])
    {
        return Some((Mask::Time, at + 1 + len));
    }
    ends(text, at).then_some((Mask::Time, at))
}

/// `05:57`, `05:57:27.123`, with a zone if there is one.
pub(super) fn clock_time(text: &[u8]) -> Option<Found> {
    let mut at = digits(text);
    if !matches!(at, 1 | 2) {
        return None;
    }
    let mut parts = 1;
    while text.get(at) == Some(&b':') && digits(&text[at + 1..]) == 2 {
        at += 3;
        parts += 1;
    }
    if !(2..=4).contains(&parts) || is_group_of_hex(text, at) {
        return None;
    }
    if matches!(text.get(at), Some(b'.' | b',')) {
        let fraction = digits(&text[at + 1..]);
        if fraction > 0 {
            at += 1 + fraction;
        }
    }
    at += zone(&text[at..]);
    ends(text, at).then_some((Mask::Time, at))
}

/// Whether the digits before were groups of a longer address.
fn is_group_of_hex(text: &[u8], at: usize) -> bool {
    let Some([b':', rest @ ..]) = text.get(at..) else {
        return false;
    };
    let len = hex_digits(rest);
    matches!(len, 1..=4) && ends(rest, len)
}

/// How long `Z`, `+0100` or `+01:00` is.
fn zone(text: &[u8]) -> usize {
    match text {
        [b'Z' | b'z', ..] => 1,
        [b'+' | b'-', rest @ ..] => match digits(rest) {
            4 => 5,
            2 if rest.get(2) == Some(&b':') && digits(&rest[3..]) == 2 => 6,
            _ => 0,
        },
        _ => 0,
    }
}

/// A day as a calendar says it, with weekday, time and year if they are there: `Jun 17`,
/// `Fri Jun 17 07:07:00 2005`.
pub(in super::super) fn calendar(text: &[u8]) -> Option<Found> {
    const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let mut at = 0;
    if DAYS.contains(&text.get(..3)?) {
        at = 3 + usize::from(text.get(3) == Some(&b','));
        at += spaces(&text[at..]);
    }
    if !MONTHS.contains(&text.get(at..at + 3)?) {
        return None;
    }
    at += 3;
    let gap = spaces(&text[at..]);
    let day = digits(&text[at + gap..]);
    at += gap + day;
    if gap == 0 || !matches!(day, 1 | 2) || !ends(text, at) {
        return None;
    }
    if text.get(at) == Some(&b' ')
        && let Some((_, len)) = clock_time(&text[at + 1..])
    {
        at += 1 + len;
    }
    let year = at + usize::from(text.get(at) == Some(&b',')) + 1;
    if text.get(year - 1) == Some(&b' ') && digits(&text[year..]) == 4 && ends(text, year + 4) {
        at = year + 4;
    }
    Some((Mask::Time, at))
}

fn spaces(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b' ').count()
}

#[cfg(test)]
mod tests {
    use super::super::value;
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = value(text.as_bytes()).or_else(|| calendar(text.as_bytes()));
        let found = found.map(|(mask, len)| (mask, &text[..len]));
        assert_eq!(found, Some((Mask::Time, expected)), "{text}");
    }

    #[test]
    fn times_are_known() {
        check("2026-11-22", "2026-11-22");
        check("2026-11-22T05:57:27.5Z!", "2026-11-22T05:57:27.5Z");
        check("2026-11-22 05:57:27,123 x", "2026-11-22 05:57:27,123");
        check("22/11/26", "22/11/26");
        check("22.11.2026", "22.11.2026");
        check("05:57", "05:57");
        check("05:57:27+01:00", "05:57:27+01:00");
        check("05:57:27: late", "05:57:27");
        check("Nov 22", "Nov 22");
        check("Nov  2 05:57:27 shop", "Nov  2 05:57:27");
        check("Sun Nov 22 05:57:27 2026", "Sun Nov 22 05:57:27 2026");
        check("Sun, Nov 22, 2026", "Sun, Nov 22, 2026");
    }

    #[test]
    fn a_month_alone_is_a_word() {
        assert_eq!(calendar(b"May the"), None);
        assert_eq!(calendar(b"Dec"), None);
        assert_eq!(calendar(b"Sun"), None);
        assert_eq!(calendar(b"Mar 2nd"), None);
    }
}
