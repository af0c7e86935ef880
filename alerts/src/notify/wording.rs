//! How times and texts are put into words, within the limits of the destinations.

/// At most `limit` characters; where something is cut off, the last one is `…`.
pub(crate) fn truncate(text: &str, limit: usize) -> String {
    if text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    let kept = text.chars().take(limit.saturating_sub(1));
    kept.chain(['…']).take(limit).collect()
}

/// `42 s`, `3 min 20 s`, `2 h 5 min`, `1 d 2 h`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (big, small) = match whole {
        0..60 => return format!("{whole} s"),
        60..3_600 => ((whole / 60, "min"), (whole % 60, "s")),
        3_600..86_400 => ((whole / 3_600, "h"), (whole % 3_600 / 60, "min")),
        _ => ((whole / 86_400, "d"), (whole % 86_400 / 3_600, "h")),
    };
    if small.0 == 0 {
        format!("{} {}", big.0, big.1)
    } else {
        format!("{} {} {} {}", big.0, big.1, small.0, small.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_truncated(text: &str, limit: usize, expected: &str) {
        assert_eq!(truncate(text, limit), expected);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        check_truncated("", 3, "");
        check_truncated("abc", 3, "abc");
        check_truncated("abcd", 3, "ab…");
        check_truncated("äöüß", 3, "äö…");
        check_truncated("abcd", 1, "…");
        check_truncated("abcd", 0, "");
    }

    fn check_duration(seconds: f64, expected: &str) {
        assert_eq!(duration(seconds), expected);
    }

    #[test]
    fn durations_have_two_units_at_most() {
        check_duration(-3.0, "0 s");
        check_duration(f64::NAN, "0 s");
        check_duration(41.6, "42 s");
        check_duration(60.0, "1 min");
        check_duration(200.0, "3 min 20 s");
        check_duration(7_500.0, "2 h 5 min");
        check_duration(93_600.0, "1 d 2 h");
    }
}
