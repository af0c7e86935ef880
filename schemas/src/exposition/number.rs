/// The NaN that Prometheus stores for every NaN that is exposed: none of them is a marker.
const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// A value as Prometheus reads it: decimal, with or without exponent, `NaN`, `Inf`, `Infinity`;
/// neither hexadecimal nor with underscores, and not one that no float can hold.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text:?} is no number");
    let value: f64 = text.parse().map_err(|_| wrong())?;
    if value.is_nan() {
        // A NaN has no sign.
        return (text.len() == 3).then_some(NORMAL_NAN).ok_or_else(wrong);
    }
    if value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:?} is too large"));
    }
    Ok(value)
}

/// A time of the text format: whole milliseconds.
pub(super) fn millis(text: &str) -> Result<i64, String> {
    let parsed = text.parse();
    parsed.map_err(|_| format!("{text:?} is no time in milliseconds"))
}

/// A time of OpenMetrics: seconds, as milliseconds.
pub(super) fn seconds(text: &str) -> Result<i64, String> {
    const LIMIT: f64 = 9e18;
    let millis = number(text)? * 1000.0;
    if millis.abs() < LIMIT {
        Ok(millis.round() as i64)
    } else {
        Err(format!("{text:?} is no time in seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_go_reads_them() {
        let check = |text: &str, value: f64| {
            let read = number(text).map(f64::to_bits);
            assert_eq!(read, Ok(value.to_bits()), "{text}");
        };
        check("1", 1.0);
        check("-0", -0.0);
        check("+1.5e-3", 0.0015);
        check(".5", 0.5);
        check("5.", 5.0);
        check("1E3", 1000.0);
        check("4.9406564584124654417656879286822137236505980e-324", 5e-324);
        check("+Inf", f64::INFINITY);
        check("-inf", f64::NEG_INFINITY);
        check("infinity", f64::INFINITY);
        check("NaN", NORMAL_NAN);
        check("nan", NORMAL_NAN);
        for text in [
            "", "one", "0x10", "0x1p4", "1_000", "1e400", "+NaN", "-nan", ".", "e5", "1e", "--1",
        ] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_of_the_format() {
        assert_eq!(millis("-5"), Ok(-5));
        assert!(millis("1.5").is_err());
        assert_eq!(seconds("1520879607.789"), Ok(1_520_879_607_789));
        assert!(seconds("NaN").is_err());
        assert!(seconds("1e300").is_err());
    }
}
