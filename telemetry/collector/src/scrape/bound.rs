/// A bound of a bucket, or a quantile, as OpenMetrics and Prometheus 3 write it: always with a dot or
/// an exponent. `None` if the text is no number.
pub(crate) fn bound_text(text: &str) -> Option<String> {
    let value: f64 = text.parse().ok()?;
    if value.is_nan() {
        return Some("NaN".to_owned());
    }
    if value.is_infinite() {
        return Some(if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned());
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    if (-4..6).contains(&exponent) {
        let plain = value.to_string();
        let is_whole = !plain.contains('.');
        return Some(if is_whole {
            format!("{plain}.0")
        } else {
            plain
        });
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    Some(format!("{digits}e{sign}{:02}", exponent.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_a_dot_or_an_exponent() {
        let check = |text: &str, expected: &str| {
            assert_eq!(bound_text(text).as_deref(), Some(expected), "{text}");
        };
        check("1", "1.0");
        check("1.0", "1.0");
        check("0", "0.0");
        check("-1", "-1.0");
        check(".25", "0.25");
        check("1e3", "1000.0");
        check("100000", "100000.0");
        check("1000000", "1e+06");
        check("1234567", "1.234567e+06");
        check("0.00001", "1e-05");
        check("+Inf", "+Inf");
        check("Inf", "+Inf");
        assert_eq!(bound_text("many"), None);
        assert_eq!(bound_text(""), None);
    }
}
