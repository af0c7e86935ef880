use std::time::Duration;

/// `1.5s`, `1h30m`, `100us`, as Go writes durations; days, which Jaeger's page sends, too.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3_600e9,
            "d" => 86_400e9,
            _ => return None,
        };
        nanos += number.parse::<f64>().ok()? * scale;
        rest = after;
    }
    // A hundred years; Go's durations end before three hundred.
    let is_sensible = nanos.is_finite() && nanos <= 3.2e18;
    is_sensible.then(|| Duration::from_nanos(nanos.round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, nanos) in [
            ("0", Some(0)),
            ("2000ns", Some(2_000)),
            ("4.5us", Some(4_500)),
            ("100µs", Some(100_000)),
            ("1.5s", Some(1_500_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("2d", Some(172_800_000_000_000)),
            ("", None),
            ("soon", None),
            ("5", None),
            ("-1s", None),
            ("1..5s", None),
            ("99999999999h", None),
        ] {
            assert_eq!(parse(text), nanos.map(Duration::from_nanos), "{text}");
        }
    }
}
