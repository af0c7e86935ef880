//! Ids and addresses.

use super::{Found, Mask, digits, ends, goes_on_with_part, hex_digits};

/// 8, 4, 4, 4 and 12 hexadecimal digits.
pub(super) fn uuid(text: &[u8]) -> Option<Found> {
    const LEN: usize = 36;
    if text.len() < LEN || text[8] != b'-' {
        return None;
    }
    let is_one = text[..LEN].iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    (is_one && ends(text, LEN)).then_some((Mask::Uuid, LEN))
}

/// `0x7f3a`.
pub(super) fn prefixed_hex(text: &[u8]) -> Option<Found> {
    let [b'0', b'x' | b'X', rest @ ..] = text else {
        return None;
    };
    let len = hex_digits(rest);
    (len > 0 && ends(rest, len)).then_some((Mask::Hex, len + 2))
}

/// `10.0.0.7`, with a port or the length of a prefix if there is one.
pub(super) fn ip4(text: &[u8]) -> Option<Found> {
    let mut at = 0;
    for part in 0..4 {
        if part > 0 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let len = digits(&text[at..]);
        if !(1..=3).contains(&len) {
            return None;
        }
        at += len;
    }
    if matches!(text.get(at), Some(b':' | b'/')) {
        let port = digits(&text[at + 1..]);
        if (1..=5).contains(&port) && ends(text, at + 1 + port) {
            at += 1 + port;
        }
    }
    (ends(text, at) && !goes_on_with_part(text, at)).then_some((Mask::Ip, at))
}

/// Groups of up to four hexadecimal digits between colons: an address of version 6 or of a network
/// card, or where a device sits.
pub(super) fn groups_of_hex(text: &[u8]) -> Option<Found> {
    let (mut at, mut groups, mut doubled) = (0, 0, false);
    loop {
        let len = hex_digits(&text[at..]);
        if len > 4 {
            return None;
        }
        groups += usize::from(len > 0);
        at += len;
        if text.get(at) != Some(&b':') {
            break;
        }
        if text.get(at + 1) == Some(&b':') {
            if doubled {
                return None;
            }
            doubled = true;
            at += 1;
        } else if !text.get(at + 1).is_some_and(u8::is_ascii_hexdigit) {
            break;
        }
        at += 1;
    }
    let is_address = groups >= 6 || doubled && groups >= 2;
    let has_digit = text[..at].iter().any(u8::is_ascii_digit);
    if !(is_address || groups >= 3) || !has_digit || !ends(text, at) {
        return None;
    }
    Some((if is_address { Mask::Ip } else { Mask::Id }, at))
}

#[cfg(test)]
mod tests {
    use super::super::value;
    use super::*;

    fn check(text: &str, mask: Mask, expected: &str) {
        let found = value(text.as_bytes()).map(|(mask, len)| (mask, &text[..len]));
        assert_eq!(found, Some((mask, expected)), "{text}");
    }

    #[test]
    fn addresses_are_known() {
        check("10.0.0.7", Mask::Ip, "10.0.0.7");
        check("10.0.0.7.", Mask::Ip, "10.0.0.7");
        check("10.0.0.7:5432", Mask::Ip, "10.0.0.7:5432");
        check("10.0.0.0/8", Mask::Ip, "10.0.0.0/8");
        check("fe80::1%en0", Mask::Ip, "fe80::1");
        check(
            "2001:db8:6000:8:c6b3:1ff:fecd:467f",
            Mask::Ip,
            "2001:db8:6000:8:c6b3:1ff:fecd:467f",
        );
        check("00:1b:44:11:3a:b7", Mask::Ip, "00:1b:44:11:3a:b7");
        check("0000:00:1f.2", Mask::Id, "0000:00:1f");
    }

    #[test]
    fn ids_are_known() {
        check("0x7f3a", Mask::Hex, "0x7f3a");
        let uuid = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
        check(uuid, Mask::Uuid, uuid);
        let uuid = "abcdefab-cdef-abcd-efab-cdefabcdefab";
        check(uuid, Mask::Uuid, uuid);
    }
}
