use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;

/// What `Cache-Control` says, as far as a shared cache heeds it (RFC 9111, RFC 5861).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Control {
    /// It is not for us to keep: `no-store` and `private`.
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) max_age: Option<Duration>,
    pub(crate) shared_max_age: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
}

impl Control {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut control = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            let directives = value.to_str().unwrap_or("no-store").split(',');
            directives.for_each(|directive| control.add(directive.trim()));
        }
        control
    }

    fn add(&mut self, directive: &str) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let seconds = || Some(Duration::from_secs(seconds(value)?));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "private" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "must-revalidate" | "proxy-revalidate" => self.must_revalidate = true,
            // A number that cannot be read makes an answer stale at once.
            "max-age" => self.max_age = seconds().or(Some(Duration::ZERO)),
            "s-maxage" => self.shared_max_age = seconds().or(Some(Duration::ZERO)),
            "stale-while-revalidate" => self.stale_while_revalidate = seconds(),
            "stale-if-error" => self.stale_if_error = seconds(),
            _ => {}
        }
    }
}

/// Whole seconds, at most a year.
fn seconds(value: &str) -> Option<u64> {
    const YEAR: u64 = 365 * 24 * 3600;
    let value = value.trim().trim_matches('"');
    let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| value.parse().map_or(YEAR, |seconds: u64| seconds.min(YEAR)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: Control) {
        let lines = lines
            .iter()
            .map(|line| (CACHE_CONTROL, line.parse().unwrap()));
        assert_eq!(Control::of(&lines.collect()), expected);
    }

    #[test]
    fn directives_are_read_whatever_their_case_and_number_of_lines() {
        check(&[], Control::default());
        check(
            &["Public, MAX-AGE=60", "stale-while-revalidate=\"30\""],
            Control {
                max_age: Some(Duration::from_mins(1)),
                stale_while_revalidate: Some(Duration::from_secs(30)),
                ..Control::default()
            },
        );
        check(
            &["private, no-store, no-cache, must-revalidate, s-maxage=5, stale-if-error=9"],
            Control {
                no_store: true,
                no_cache: true,
                must_revalidate: true,
                shared_max_age: Some(Duration::from_secs(5)),
                stale_if_error: Some(Duration::from_secs(9)),
                ..Control::default()
            },
        );
    }

    #[test]
    fn a_number_that_is_none_is_no_freshness() {
        let stale = Control {
            max_age: Some(Duration::ZERO),
            ..Control::default()
        };
        check(&["max-age=soon"], stale);
        check(&["max-age=-1"], stale);
        check(
            &["max-age=99999999999999999999999"],
            Control {
                max_age: Some(Duration::from_hours(24 * 365)),
                ..Control::default()
            },
        );
    }
}
