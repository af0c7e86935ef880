use watchfire_schemas::Timestamp;

/// What Go writes for a time that is not set.
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

/// A time as Go's JSON has it: RFC 3339 with as many digits of the fraction as are needed.
pub(super) fn go_time(at: Timestamp) -> String {
    let text = at.to_string();
    match text.strip_suffix('Z') {
        Some(bare) if bare.contains('.') => {
            let bare = bare.trim_end_matches('0').trim_end_matches('.');
            format!("{bare}Z")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: &str) {
        assert_eq!(go_time(written.parse().expect("a time")), expected);
    }

    #[test]
    fn zeros_at_the_end_are_not_written() {
        check("2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z");
        check("2026-11-22T08:00:00.500Z", "2026-11-22T08:00:00.5Z");
        check(
            "2026-11-22T08:00:00.000000120Z",
            "2026-11-22T08:00:00.00000012Z",
        );
    }
}
