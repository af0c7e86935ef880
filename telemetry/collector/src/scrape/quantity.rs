//! Durations and sizes as Prometheus writes them.

use std::time::Duration;

/// `15s`, `1m30s`, `1d`; units fall from left to right, each once. Zero is `0`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 7] = [
        ("y", 31_536_000_000),
        ("w", 604_800_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let wrong = || format!("{text:?} is no duration such as 15s or 1m30s");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut units) = (text, &UNITS[..]);
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let at = units.iter().position(|(unit, _)| *unit == &rest[..letters]);
        let at = at.ok_or_else(wrong)?;
        let part = number.checked_mul(units[at].1);
        millis = part
            .and_then(|part| millis.checked_add(part))
            .ok_or_else(wrong)?;
        units = &units[at + 1..];
        rest = &rest[letters..];
    }
    if text.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_millis(millis))
}

/// As [`parse_duration`] reads it.
pub(crate) fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0s".to_owned(),
        _ if !millis.is_multiple_of(1000) => format!("{millis}ms"),
        _ if !millis.is_multiple_of(60_000) => format!("{}s", millis / 1000),
        _ if !millis.is_multiple_of(3_600_000) => format!("{}m", millis / 60_000),
        _ => format!("{}h", millis / 3_600_000),
    }
}

/// `10MB`, `512KiB`, `0`: every unit is a power of 1024, as Prometheus has it.
pub(crate) fn parse_size(text: &str) -> Result<usize, String> {
    let wrong = || format!("{text:?} is no size such as 10MB");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: usize = text[..digits].parse().map_err(|_| wrong())?;
    let shift = match &text[digits..] {
        "" if number == 0 => 0,
        "B" => 0,
        "KB" | "KiB" => 10,
        "MB" | "MiB" => 20,
        "GB" | "GiB" => 30,
        "TB" | "TiB" => 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        let check = |text: &str, millis: Option<u64>| {
            let read = parse_duration(text).ok();
            assert_eq!(read, millis.map(Duration::from_millis), "{text}");
        };
        check("15s", Some(15_000));
        check("1m30s", Some(90_000));
        check("1h500ms", Some(3_600_500));
        check("0", Some(0));
        check("", None);
        check("15", None);
        check("1s1m", None);
        check("1s1s", None);
        check("1.5s", None);
        check("-1s", None);
        check("99999999999999999y", None);
    }

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for text in ["15s", "1m", "2h", "90s", "1500ms", "0s"] {
            assert_eq!(duration_text(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size("10MB"), Ok(10 << 20));
        assert_eq!(parse_size("1KiB"), Ok(1024));
        assert_eq!(parse_size("0"), Ok(0));
        assert!(parse_size("10").is_err());
        assert!(parse_size("lots").is_err());
    }
}
