//! Sizes and durations as people write them.

use std::time::Duration;

/// `512MiB`, `2GB`, `65536`.
pub(super) fn parse_size(text: &str) -> Result<usize, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "kb" => 1_000,
        "m" | "mib" => 1 << 20,
        "mb" => 1_000_000,
        "g" | "gib" => 1 << 30,
        "gb" => 1_000_000_000,
        _ => return Err(format!("{text:?} is no size; write for example 512MiB")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| format!("{text:?} is no size; write for example 512MiB"))?;
    let bytes = number
        .checked_mul(factor)
        .and_then(|bytes| usize::try_from(bytes).ok());
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| format!("{text:?} is not a size that can be kept"))
}

/// `80%` or `80`, from 1 to 100.
pub(super) fn parse_percent(text: &str) -> Result<u64, String> {
    let number = text.trim().trim_end_matches('%').trim_end().parse().ok();
    number
        .filter(|percent| (1..=100).contains(percent))
        .ok_or_else(|| format!("{text:?} is no part of a whole; write for example 80%"))
}

/// `15s`, `5m`, `12h`, `14d`, `500ms`, and sums such as `1h30m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write for example 15s, 5m or 14d");
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, tail) = split(rest);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let part = number.checked_mul(millis).ok_or_else(wrong)?;
        total = total
            .checked_add(Duration::from_millis(part))
            .ok_or_else(wrong)?;
        rest = next;
    }
    Ok(total)
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        let check = |text, seconds| assert_eq!(parse_duration(text).ok(), seconds, "{text}");
        check("15s", Some(Duration::from_secs(15)));
        check("1h30m", Some(Duration::from_mins(90)));
        check("14d", Some(Duration::from_hours(14 * 24)));
        check("500ms", Some(Duration::from_millis(500)));
        check("", None);
        check("15", None);
        check("-1s", None);
        check("99999999999999999999d", None);
    }

    #[test]
    fn parts_are_read_as_written() {
        let check = |text, percent| assert_eq!(parse_percent(text).ok(), percent, "{text}");
        check("80%", Some(80));
        check("100", Some(100));
        check("0%", None);
        check("101%", None);
        check("most", None);
    }

    #[test]
    fn sizes_are_read_as_written() {
        let check = |text, bytes| assert_eq!(parse_size(text).ok(), bytes, "{text}");
        check("65536", Some(65_536));
        check("512MiB", Some(512 << 20));
        check("2 GB", None);
        check("2GB", Some(2_000_000_000));
        check("0", None);
        check("99999999999GiB", None);
    }
}
