//! Numbers as Prometheus reads and writes them.

use std::fmt::Write;

/// Outside of these magnitudes JSON values are written with an exponent.
const PLAIN: std::ops::Range<f64> = 1e-6..1e21;

/// The shortest text without exponent that reads back as the same number: labels are made of it.
pub(crate) fn shortest(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

/// The shortest text as Go's `%g` writes it: with an exponent below 0.0001 and from 1,000,000 on.
pub(crate) fn general(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return shortest(value);
    }
    let exponential = format!("{value:e}");
    let exponent = exponential
        .split_once('e')
        .map_or("0", |(_, exponent)| exponent);
    if (-4..6).contains(&exponent.parse::<i32>().unwrap_or(0)) {
        return shortest(value);
    }
    with_exponent(value)
}

/// A sample's value as the HTTP API writes it, within quotes.
pub(crate) fn push_value(text: &mut String, value: f64) {
    text.push('"');
    if !value.is_finite() || value == 0.0 || PLAIN.contains(&value.abs()) {
        text.push_str(&shortest(value));
    } else {
        text.push_str(&with_exponent(value));
    }
    text.push('"');
}

fn with_exponent(value: f64) -> String {
    let exponential = format!("{value:e}");
    let (digits, exponent) = exponential.split_once('e').unwrap_or((&exponential, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// A time in milliseconds as seconds, with three places if they are needed.
pub(crate) fn push_time(text: &mut String, millis: i64) {
    if millis < 0 {
        text.push('-');
    }
    let millis = millis.unsigned_abs();
    let _infallible = match millis % 1000 {
        0 => write!(text, "{}", millis / 1000),
        rest => write!(text, "{}.{rest:03}", millis / 1000),
    };
}

/// A number as Go's `ParseFloat` reads it, as far as labels `le` need: `+Inf` as well as `1e3`.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(value: f64) -> String {
        let mut text = String::new();
        push_value(&mut text, value);
        text
    }

    #[test]
    fn values_are_written_as_prometheus_writes_them() {
        for (number, expected) in [
            (1.0, "\"1\""),
            (0.1, "\"0.1\""),
            (-0.0, "\"-0\""),
            (1e21, "\"1e+21\""),
            (1.5e-7, "\"1.5e-07\""),
            (123_456_789.0, "\"123456789\""),
            (f64::INFINITY, "\"+Inf\""),
            (f64::NEG_INFINITY, "\"-Inf\""),
            (f64::NAN, "\"NaN\""),
            (1e-100, "\"1e-100\""),
        ] {
            assert_eq!(value(number), expected);
        }
    }

    #[test]
    fn general_numbers_have_an_exponent_from_a_million_on() {
        for (number, expected) in [
            (1.5, "1.5"),
            (123_456.0, "123456"),
            (1_048_576.0, "1.048576e+06"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (-0.1, "-0.1"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(general(number), expected);
        }
    }

    #[test]
    fn times_have_three_places_or_none() {
        for (millis, expected) in [(1000, "1"), (1001, "1.001"), (-1500, "-1.500"), (0, "0")] {
            let mut text = String::new();
            push_time(&mut text, millis);
            assert_eq!(text, expected);
        }
        assert_eq!(parse_number("+Inf"), Some(f64::INFINITY));
    }
}
