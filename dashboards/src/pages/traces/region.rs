//! A part of the spans that is held against the rest: a rectangle of the scatter, or any clause.

use std::time::Duration;

use watchfire_schemas::{TimeRange, Timestamp};

use crate::charts::Frame;
use crate::params::{BadParam, Params, read_time};
use crate::{figures, query_text};

/// What is inside, as clauses of a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Region(String);

impl Region {
    /// As the URL says it: `region`, or the fields of the form `slower`, `faster`, `since` and
    /// `until`, of which each may be left out.
    pub(crate) fn from_params(params: &Params) -> Result<Option<Self>, BadParam> {
        if let Some(clause) = params.get("region") {
            return Ok(Some(Self(clause.to_owned())));
        }
        let length = |name: &'static str| {
            let read = |text: &str| {
                seconds(text).ok_or_else(|| {
                    BadParam::new(name, "expected a duration such as 200ms, 1.5s or 2m")
                })
            };
            params.get(name).map(read).transpose()
        };
        let values = (length("slower")?, length("faster")?);
        let times = (params.time("since")?, params.time("until")?);
        let clauses = [
            bounded("duration", values.0.map(duration), values.1.map(duration)),
            bounded(
                "timestamp",
                times.0.map(|at| at.to_string()),
                times.1.map(|at| at.to_string()),
            ),
        ];
        let all: Vec<String> = clauses.into_iter().flatten().collect();
        Ok((!all.is_empty()).then(|| Self(all.join(" "))))
    }

    /// Of one clause.
    pub(crate) fn of(clause: impl Into<String>) -> Self {
        Self(clause.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The times that bound it, if any do.
    pub(crate) fn times(&self) -> Option<(Timestamp, Timestamp)> {
        let (from, to) = self.bounds("timestamp")?;
        let at = |text: &str| read_time(text.trim_matches('"'));
        Some((at(from)?, at(to)?))
    }

    /// The least and the greatest duration in seconds, if any is bounded.
    pub(crate) fn durations(&self) -> Option<(f64, f64)> {
        let (from, to) = self.bounds("duration")?;
        let bound = |text: &str, open| match text {
            "*" | "" => Some(open),
            text => seconds(text),
        };
        Some((bound(from, 0.0)?, bound(to, f64::INFINITY)?))
    }

    /// What of the plot it covers; nothing if it is something else than a rectangle.
    pub(crate) fn frame(&self) -> Option<Frame> {
        let times = self.times().map(|(start, end)| TimeRange { start, end });
        let values = self.durations();
        (times.is_some() || values.is_some()).then_some(Frame { times, values })
    }

    /// As people say it: `200 ms to 5 s, 05:10:00 to 05:12:30`.
    pub(crate) fn text(&self) -> String {
        let clauses = query_text::clauses(&self.0).unwrap_or_default();
        let is_rectangle = !clauses.is_empty()
            && clauses
                .iter()
                .all(|clause| clause.starts_with("duration:") || clause.starts_with("timestamp:"));
        let values = self.durations().map(|bounds| match bounds {
            (low, high) if high.is_infinite() => format!("{} and more", figures::duration(low)),
            (low, high) => format!("{} to {}", figures::duration(low), figures::duration(high)),
        });
        let times = self
            .times()
            .map(|(from, to)| format!("{} to {}", figures::clock(from), figures::clock(to)));
        let said: Vec<String> = values.into_iter().chain(times).collect();
        if is_rectangle && said.len() == clauses.len() {
            said.join(", ")
        } else {
            self.0.clone()
        }
    }

    /// Whether it says something about a field, so that the field tells nothing of it.
    pub(crate) fn names(&self, field: &str) -> bool {
        let clauses = query_text::clauses(&self.0).unwrap_or_default();
        clauses.iter().any(|clause| {
            let clause = clause.trim_start_matches('-').trim_start_matches('@');
            clause
                .strip_prefix(field)
                .is_some_and(|rest| rest.starts_with(':'))
        })
    }

    /// Its clauses but those of time.
    pub(crate) fn clauses_beside_time(&self) -> Vec<String> {
        match query_text::clauses(&self.0) {
            Some(mut clauses) if self.times().is_some() => {
                clauses.retain(|clause| !clause.starts_with("timestamp:"));
                clauses
            }
            Some(clauses) => clauses,
            None => vec![format!("({})", self.0)],
        }
    }

    /// The bounds of a field: of `field:[a TO b]`, or of `field:>=a` and its like.
    fn bounds(&self, field: &str) -> Option<(&str, &str)> {
        let places = self.0.match_indices(field).map(|(at, _)| at);
        let at = { places }.find(|at| {
            let is_start = *at == 0 || self.0[..*at].ends_with(char::is_whitespace);
            is_start && self.0[at + field.len()..].starts_with(':')
        })?;
        let value = &self.0[at + field.len() + 1..];
        if let Some(inner) = value.strip_prefix(['[', '{']) {
            let (inner, _) = inner.split_once([']', '}'])?;
            let (from, to) = inner.split_once(" TO ")?;
            return Some((from.trim(), to.trim()));
        }
        let word = value.split_whitespace().next()?;
        let (low, high) = (
            word.trim_start_matches(['>', '=']),
            word.trim_start_matches(['<', '=']),
        );
        match word.as_bytes().first()? {
            b'>' => Some((low, "*")),
            b'<' => Some(("*", high)),
            _ => None,
        }
    }
}

/// `field:[from TO to}`, or with one bound; nothing without any.
fn bounded(field: &str, from: Option<String>, to: Option<String>) -> Option<String> {
    match (from, to) {
        (Some(from), Some(to)) => Some(format!("{field}:[{from} TO {to}}}")),
        (Some(from), None) => Some(format!("{field}:>={from}")),
        (None, Some(to)) => Some(format!("{field}:<{to}")),
        (None, None) => None,
    }
}

/// The clause for durations of `low` and more, up to but not `high`, to the nanosecond.
pub(super) fn lasting(low: Duration, high: Option<Duration>) -> String {
    let exact = |duration: Duration| {
        let nanos = duration.as_nanos();
        let text = format!("{}.{:06}", nanos / 1_000_000, nanos % 1_000_000);
        format!("{}ms", text.trim_end_matches('0').trim_end_matches('.'))
    };
    bounded("duration", Some(exact(low)), high.map(exact)).unwrap_or_default()
}

/// A duration as a query writes it, to five digits: `234ms`.
pub(super) fn duration(seconds: f64) -> String {
    let (factor, unit) = match seconds {
        s if s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e3, "ms"),
        s if s >= 1e-6 => (1e6, "us"),
        _ => (1e9, "ns"),
    };
    let value = seconds * factor;
    let places = (4.0 - value.max(1e-9).log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.places$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

/// `100ms`, `1.5s`, `2m`; a number without a unit is in milliseconds.
fn seconds(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = match text[digits.len()..].trim() {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" | "" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = digits.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(query: &str) -> Result<Option<Region>, BadParam> {
        Region::from_params(&Params::parse(query))
    }

    #[test]
    fn a_rectangle_is_read_from_its_clause_or_its_form() {
        let form = "slower=200ms&faster=5s&since=2026-11-22T05:10:00&until=2026-11-22T05:12:30";
        let found = region(form).unwrap().unwrap();
        let clause =
            "duration:[200ms TO 5s} timestamp:[2026-11-22T05:10:00Z TO 2026-11-22T05:12:30Z}";
        assert_eq!(found.as_str(), clause);
        assert_eq!(found.text(), "200 ms to 5 s, 05:10:00 to 05:12:30");
        assert_eq!(found.durations(), Some((0.2, 5.0)));
        assert_eq!(found.clauses_beside_time(), ["duration:[200ms TO 5s}"]);
        assert!(found.frame().unwrap().times.is_some());
        let open = region("slower=1s").unwrap().unwrap();
        assert_eq!(
            (open.as_str(), open.text().as_str()),
            ("duration:>=1s", "1 s and more")
        );
        assert_eq!(open.durations(), Some((1.0, f64::INFINITY)));
        assert_eq!(region("").unwrap(), None);
        assert_eq!(region("faster=soon").unwrap_err().name, "faster");
        assert_eq!(region("since=soon").unwrap_err().name, "since");
    }

    #[test]
    fn any_clause_can_be_a_region() {
        let failed = Region::of("status:error");
        assert_eq!(
            (failed.text().as_str(), failed.frame()),
            ("status:error", None)
        );
        assert!(failed.names("status") && !failed.names("status.message"));
        let either = Region::of("a:b or c:d");
        assert_eq!(either.clauses_beside_time(), ["(a:b or c:d)"]);
        let broken = Region::of("duration:[1s TO");
        assert_eq!(
            (broken.durations(), broken.text().as_str()),
            (None, "duration:[1s TO")
        );
    }

    #[test]
    fn durations_are_written_as_queries_read_them() {
        for (value, text) in [
            (0.234_567_8, "234.57ms"),
            (5.0, "5s"),
            (0.000_25, "250us"),
            (2e-9, "2ns"),
            (0.0, "0ns"),
            (0.1, "100ms"),
            (123.456_789, "123.46s"),
        ] {
            assert_eq!(duration(value), text);
        }
        let nanos = Duration::from_nanos;
        assert_eq!(lasting(nanos(31_622_777), None), "duration:>=31.622777ms");
        let bounded = lasting(nanos(0), Some(nanos(2_000_000_000)));
        assert_eq!(bounded, "duration:[0ms TO 2000ms}");
        assert!((seconds("100").unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(seconds("-1s"), None);
    }
}
