//! Durations as Prometheus' files write them: `90s`, `1h30m`, `2w`, `0`.

use std::time::Duration;

/// Each unit with its length in milliseconds, in the order in which they may stand.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// None if it is not a duration.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut units) = (text, UNITS.as_slice());
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let at = units.iter().position(|(unit, _)| *unit == &rest[..end])?;
        millis = millis.checked_add(number.checked_mul(units[at].1)?)?;
        (rest, units) = (&rest[end..], &units[at + 1..]);
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

/// A duration in the same words: `1h30m`. Years and weeks only if they are whole.
pub(crate) fn written_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, length) in UNITS {
        let is_whole = left.is_multiple_of(length);
        if left < length || matches!(unit, "y" | "w") && !is_whole {
            continue;
        }
        text.push_str(&(left / length).to_string());
        text.push_str(unit);
        left %= length;
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, millis: u64, written: &str) {
        let duration = parse_duration(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(duration, Duration::from_millis(millis), "{text}");
        assert_eq!(written_duration(duration), written, "{text}");
    }

    #[test]
    fn durations_are_read_and_written() {
        check("0", 0, "0s");
        check("0m", 0, "0s");
        check("90s", 90_000, "1m30s");
        check("1h30m", 5_400_000, "1h30m");
        check("2w", 1_209_600_000, "2w");
        check("8d", 691_200_000, "8d");
        check("1y2w3d4h5m6s7ms", 33_019_506_007, "382d4h5m6s7ms");
        for wrong in [
            "",
            "5",
            "m",
            "5 m",
            "1m1h",
            "1m2m",
            "-1m",
            "1.5m",
            "99999999999y",
        ] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
