//! How long a destination asks to be left alone.

use std::time::Duration;

use serde_json::Value;
use watchfire_schemas::Timestamp;

/// The header `Retry-After`: seconds, or one of HTTP's three forms of a date. A date that is past
/// is no wait; anything else is none at all.
pub(super) fn of_header(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return of_seconds(seconds);
    }
    Some(http_date(value)?.since(now))
}

/// `retry_after` in the JSON of Slack or Discord, or among the `parameters` of Telegram's, in seconds.
pub(super) fn of_body(body: &str) -> Option<Duration> {
    if !body.contains("retry_after") {
        return None;
    }
    let answer: Value = serde_json::from_str(body).ok()?;
    let own = answer.get("retry_after");
    let seconds = own.or_else(|| answer.get("parameters")?.get("retry_after"));
    of_seconds(seconds?.as_f64()?)
}

fn of_seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
fn http_date(text: &str) -> Option<Timestamp> {
    let words: Vec<&str> = text
        .split([' ', ',', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    let ([_, day, month, year, time, "GMT"] | [_, month, day, time, year]) = *words else {
        return None;
    };
    let month = month_number(month)?;
    let day: u8 = day.parse().ok()?;
    let year: u16 = match year.len() {
        2 => 2000 + year.parse::<u16>().ok()?,
        4 => year.parse().ok()?,
        _ => return None,
    };
    format!("{year:04}-{month:02}-{day:02}T{time}Z")
        .parse()
        .ok()
}

fn month_number(name: &str) -> Option<usize> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    Some(MONTHS.iter().position(|month| *month == name)? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<u64>) {
        let now: Timestamp = "2026-11-22T08:00:00Z".parse().expect("a time");
        assert_eq!(
            of_header(value, now),
            expected.map(Duration::from_secs),
            "{value}"
        );
    }

    #[test]
    fn seconds_and_dates_are_read() {
        check("0", Some(0));
        check(" 120 ", Some(120));
        check("Sun, 22 Nov 2026 08:01:30 GMT", Some(90));
        check("Sunday, 22-Nov-26 08:01:30 GMT", Some(90));
        check("Sun Nov 22 08:01:30 2026", Some(90));
        check("Sun, 22 Nov 2026 07:00:00 GMT", Some(0));
        check("-5", None);
        check("NaN", None);
        check("inf", None);
        check("soon", None);
        check("Sun, 31 Feb 2026 08:01:30 GMT", None);
        check("", None);
    }

    #[test]
    fn slack_says_it_in_the_body() {
        let body = r#"{"retry_after":1.5,"ok":false,"error":"rate_limited"}"#;
        assert_eq!(of_body(body), Some(Duration::from_millis(1_500)));
        assert_eq!(of_body(r#"{"retry_after":-1}"#), None);
        assert_eq!(of_body("retry_after"), None);
    }
}
