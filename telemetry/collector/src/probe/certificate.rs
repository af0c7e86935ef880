//! When a certificate ends: the one thing of X.509 that a probe tells.

use watchfire_schemas::Timestamp;

const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Until when a certificate in DER is valid. `None` if it is none.
pub(crate) fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = value(der, SEQUENCE)?;
    let (mut signed, _) = value(certificate, SEQUENCE)?;
    if signed.first() == Some(&EXPLICIT_VERSION) {
        signed = element(signed)?.2;
    }
    // Serial number, algorithm, issuer; then the validity.
    for _ in 0..3 {
        signed = element(signed)?.2;
    }
    let (validity, _) = value(signed, SEQUENCE)?;
    let (_, _, end) = element(validity)?;
    let (tag, text, _) = element(end)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

/// The content of the first element, which must have this tag, and what follows it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(der)?;
    (found == tag).then_some((content, rest))
}

/// Tag and content of the first element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 || rest.len() < count {
            return None;
        }
        let (bytes, after) = rest.split_at(count);
        length = bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        rest = after;
    }
    (rest.len() >= length).then(|| {
        let (content, after) = rest.split_at(length);
        (tag, content, after)
    })
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.to_owned(), rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2);
    let text = format!(
        "{year}-{}-{}T{}:{}:{}Z",
        part(0)?,
        part(2)?,
        part(4)?,
        part(6)?,
        part(8)?
    );
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        if content.len() < 0x80 {
            out.push(content.len() as u8);
        } else {
            out.extend([0x82, (content.len() >> 8) as u8, content.len() as u8]);
        }
        out.extend(content);
        out
    }

    fn certificate(tag: u8, end: &str, with_version: bool) -> Vec<u8> {
        let validity = [
            wrapped(UTC_TIME, b"200101000000Z"),
            wrapped(tag, end.as_bytes()),
        ]
        .concat();
        let version = if with_version {
            wrapped(EXPLICIT_VERSION, &[2, 1, 2])
        } else {
            Vec::new()
        };
        let signed = [
            version,
            wrapped(2, &[5; 16]),
            wrapped(SEQUENCE, &[]),
            wrapped(SEQUENCE, &[0; 200]),
            wrapped(SEQUENCE, &validity),
            wrapped(SEQUENCE, &[1; 300]),
        ];
        wrapped(SEQUENCE, &wrapped(SEQUENCE, &signed.concat()))
    }

    #[test]
    fn the_end_is_found_in_both_forms() {
        let end = |tag, text, version| {
            not_after(&certificate(tag, text, version)).map(|at| at.to_string())
        };
        let expected: Timestamp = "2030-02-03T04:05:06Z".parse().unwrap();
        let expected = Some(expected.to_string());
        assert_eq!(end(UTC_TIME, "300203040506Z", true), expected);
        assert_eq!(end(UTC_TIME, "300203040506Z", false), expected);
        assert_eq!(end(GENERALIZED_TIME, "20300203040506Z", true), expected);
        assert_eq!(end(UTC_TIME, "30", true), None);
        assert_eq!(end(5, "300203040506Z", true), None);
    }

    #[test]
    fn what_is_cut_off_is_none() {
        let whole = certificate(UTC_TIME, "300203040506Z", true);
        for length in 0..whole.len() {
            assert_eq!(not_after(&whole[..length]), None);
        }
    }
}
