//! Numbers and times as people read them. Everything is UTC.

use std::fmt;

use askama::filters::HtmlSafe;
use watchfire_schemas::Timestamp;

/// `850 ms`, `42 s`, `3 m 20 s`, `2 h 05 m`, `3 d 4 h`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "–".to_owned();
    }
    if seconds < 0.0 {
        return format!("−{}", duration(-seconds));
    }
    let whole = seconds.round() as u64;
    match seconds {
        0.0 => "0 s".to_owned(),
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 0.0995 => format!("{} ms", significant(s * 1e3)),
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.95 && s.fract() > 0.04 => format!("{s:.1} s"),
        _ if whole < 60 => format!("{whole} s"),
        _ if whole < 3600 => format!("{} m {:02} s", whole / 60, whole % 60),
        _ if whole < 86_400 => format!("{} h {:02} m", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {} h", whole / 86_400, whole / 3600 % 24),
    }
}

/// Two significant digits below ten, whole numbers above.
fn significant(value: f64) -> String {
    if value < 9.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// `12,345`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of any size in at most five characters: `0.25`, `7.1`, `340`, `1.2k`, `3.4M`.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    let scaled = |by: f64, unit: &str| {
        let text = format!("{:.1}", value / by);
        format!("{}{unit}", text.trim_end_matches(".0"))
    };
    match size {
        _ if !value.is_finite() => "–".to_owned(),
        s if s >= 1e9 => scaled(1e9, "G"),
        s if s >= 1e6 => scaled(1e6, "M"),
        s if s >= 10_000.0 => scaled(1e3, "k"),
        s if s >= 100.0 || s.fract() == 0.0 => format!("{value:.0}"),
        s if s >= 1.0 => scaled(1.0, ""),
        s if s >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.1e}"),
    }
}

/// A number for a machine, to four significant digits.
pub(crate) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let factor = 10_f64.powf(3.0 - value.abs().log10().floor());
    (value * factor).round() / factor
}

/// `1.4 GiB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// A share of one: `0 %`, `0.42 %`, `7.1 %`, `34 %`.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        v if !v.is_finite() => "–".to_owned(),
        0.0 => "0 %".to_owned(),
        v if v < 0.01 => "<0.01 %".to_owned(),
        v if v < 1.0 => format!("{v:.2} %"),
        v if v < 9.95 => format!("{v:.1} %"),
        v => format!("{v:.0} %"),
    }
}

/// `05:57:27`.
pub(crate) fn clock(at: Timestamp) -> String {
    at.to_string()[11..19].to_owned()
}

/// `05:57:27.504`.
pub(crate) fn clock_millis(at: Timestamp) -> String {
    format!("{}.{:03}", clock(at), at.millis().rem_euclid(1000))
}

/// `2026-11-22 05:57:27`.
pub(crate) fn date_time(at: Timestamp) -> String {
    at.to_string()[..19].replace('T', " ")
}

/// The first `most` characters of a text, and whether that was all of it.
pub(crate) fn cut(text: &str, most: usize) -> (&str, bool) {
    match text.char_indices().nth(most) {
        None => (text, true),
        Some((end, _)) => (&text[..end], false),
    }
}

/// A time in a page: the machine's form in `datetime`, and a text for people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct When {
    at: Timestamp,
    text: String,
    is_relative: bool,
}

impl When {
    /// `4 m 10 s ago`; the script keeps it fresh.
    pub(crate) fn ago(at: Timestamp, now: Timestamp) -> Self {
        let seconds = now.seconds_since(at);
        let text = if seconds.abs() < 1.0 {
            "now".to_owned()
        } else if seconds > 0.0 {
            format!("{} ago", duration(seconds.floor()))
        } else {
            format!("in {}", duration(-seconds))
        };
        Self {
            at,
            text,
            is_relative: true,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// `05:57:27`, with the day where it is not the day of `now`.
    pub(crate) fn clock(at: Timestamp, now: Timestamp) -> Self {
        let same_day = at.to_string()[..10] == now.to_string()[..10];
        let text = if same_day { clock(at) } else { date_time(at) };
        Self {
            at,
            text,
            is_relative: false,
        }
    }

    /// `05:57:27.504`.
    pub(crate) fn millis(at: Timestamp) -> Self {
        Self {
            at,
            text: clock_millis(at),
            is_relative: false,
        }
    }

    /// `11-22 05:57:27.504`.
    pub(crate) fn dated_millis(at: Timestamp) -> Self {
        Self {
            at,
            text: format!("{} {}", &at.to_string()[5..10], clock_millis(at)),
            is_relative: false,
        }
    }
}

impl When {
    /// With its date.
    pub(crate) fn dated(at: Timestamp) -> Self {
        Self {
            at,
            text: date_time(at),
            is_relative: false,
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relative = if self.is_relative { " data-ago" } else { "" };
        write!(
            f,
            "<time datetime=\"{0}\" title=\"{0}\"{relative}>{1}</time>",
            self.at, self.text
        )
    }
}

/// Made of digits and our own words only.
impl HtmlSafe for When {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let cases = [
            (0.0, "0 s"),
            (0.000_25, "250 µs"),
            (0.0042, "4.2 ms"),
            (0.85, "850 ms"),
            (4.25, "4.2 s"),
            (42.4, "42 s"),
            (59.7, "1 m 00 s"),
            (200.0, "3 m 20 s"),
            (7500.0, "2 h 05 m"),
            (273_600.0, "3 d 4 h"),
            (-3.0, "−3 s"),
            (f64::NAN, "–"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(short(12_345.0), "12.3k");
        assert_eq!(short(7.0), "7");
        assert_eq!(short(7.13), "7.1");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(percent(0.0042), "0.42 %");
        assert_eq!(percent(0.34), "34 %");
    }

    #[test]
    fn times_carry_the_machine_form() {
        let at: Timestamp = "2026-11-22T05:57:27.504Z".parse().unwrap();
        let now: Timestamp = "2026-11-22T06:01:37.504Z".parse().unwrap();
        assert_eq!(
            When::ago(at, now).to_string(),
            "<time datetime=\"2026-11-22T05:57:27.504Z\" title=\"2026-11-22T05:57:27.504Z\" data-ago>4 m 10 s ago</time>"
        );
        assert_eq!(clock_millis(at), "05:57:27.504");
    }
}
