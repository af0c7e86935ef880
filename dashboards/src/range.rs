//! The time range of a page, as its URL says it.

use std::time::Duration;

use watchfire_schemas::{TimeRange, Timestamp};

use crate::{figures, params::BadParam, params::Params, url};

/// The ranges offered by one click.
const QUICK: [&str; 7] = ["5m", "15m", "1h", "6h", "24h", "7d", "30d"];

/// The longest range that a page asks for.
const LONGEST: Duration = Duration::from_hours(400 * 24);

/// A range and how it was said, so that links keep saying it the same way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) range: TimeRange,
    /// `1h`, where the range is relative to now.
    pub(crate) last: Option<String>,
}

impl Asked {
    /// From `last`, or `start` and `end`; `default` is what `last` is if nothing is said.
    pub(crate) fn from_params(
        params: &Params,
        now: Timestamp,
        default: &str,
    ) -> Result<Self, BadParam> {
        let start = params.time("start")?;
        let end = params.time("end")?;
        let relative = |last: &str| -> Result<Self, BadParam> {
            let length = span(last).ok_or_else(|| {
                BadParam::new("last", "expected a duration such as 15m, 6h or 7d")
            })?;
            let end = end.unwrap_or(now);
            Ok(Self {
                range: TimeRange {
                    start: end - length,
                    end,
                },
                last: Some(last.to_owned()),
            })
        };
        let Some(start) = start else {
            return relative(params.get("last").unwrap_or(default));
        };
        let end = end.unwrap_or(now);
        if start >= end {
            return Err(BadParam::new("start", "is not before the end"));
        }
        Ok(Self {
            range: TimeRange {
                start: start.max(end - LONGEST),
                end,
            },
            last: None,
        })
    }

    /// What the parameters say, if they say one.
    pub(crate) fn told(params: &Params, now: Timestamp) -> Result<Option<Self>, BadParam> {
        let names = ["last", "start", "end"];
        if names.iter().all(|name| params.get(name).is_none()) {
            return Ok(None);
        }
        Self::from_params(params, now, "1h").map(Some)
    }

    /// From `start` to `end`.
    pub(crate) const fn absolute(range: TimeRange) -> Self {
        Self { range, last: None }
    }

    /// The parameters that say this range.
    pub(crate) fn parameters(&self) -> [(&'static str, String); 3] {
        match &self.last {
            Some(last) => [
                ("last", last.clone()),
                ("start", String::new()),
                ("end", String::new()),
            ],
            None => [
                ("last", String::new()),
                ("start", self.range.start.to_string()),
                ("end", self.range.end.to_string()),
            ],
        }
    }

    /// A link to `path` that keeps this range.
    pub(crate) fn link(&self, path: &str, more: &[(&str, &str)]) -> String {
        let own = self.parameters();
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let all: Vec<(&str, &str)> = more.iter().copied().chain(own).collect();
        url::link(path, &all)
    }

    pub(crate) fn length(&self) -> Duration {
        self.range.end.since(self.range.start)
    }

    /// A step that makes about `bins` steps of the range and is a round number.
    pub(crate) fn step(&self, bins: u64) -> Duration {
        round_step(self.length(), bins)
    }
}

/// The smallest round duration that covers `length` in at most `bins` steps.
pub(crate) fn round_step(length: Duration, bins: u64) -> Duration {
    const ROUND: [u64; 20] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
        86_400, 172_800, 604_800,
    ];
    let wanted = length.as_secs_f64() / bins.max(1) as f64;
    let seconds = ROUND
        .into_iter()
        .find(|round| *round as f64 >= wanted)
        .unwrap_or(2_592_000);
    Duration::from_secs(seconds)
}

/// The shortest range offered by one click that covers `length`, or the longest.
pub(crate) fn quick_over(length: Duration) -> &'static str {
    let covers = |label: &&str| span(label).is_some_and(|quick| quick >= length);
    QUICK.into_iter().find(covers).unwrap_or("30d")
}

/// `90s`, `15m`, `6h`, `7d`, `2w`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let length = Duration::from_secs(number.checked_mul(seconds)?);
    (!length.is_zero() && length <= LONGEST).then_some(length)
}

/// One entry of the range picker.
#[derive(Debug, Clone)]
pub(crate) struct QuickRange {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) is_current: bool,
}

/// The range picker at the head of a page.
#[derive(Debug, Clone)]
pub(crate) struct Picker {
    pub(crate) path: String,
    pub(crate) quick: Vec<QuickRange>,
    pub(crate) text: String,
    pub(crate) start: String,
    pub(crate) end: String,
    /// The other parameters of the page, kept when the range changes.
    pub(crate) kept: Vec<(String, String)>,
}

impl Picker {
    pub(crate) fn new(path: &str, asked: &Asked, kept: &[(&str, &str)]) -> Self {
        Self::offering(&QUICK, path, asked, kept)
    }

    /// With other ranges by one click.
    pub(crate) fn offering(
        quick: &[&'static str],
        path: &str,
        asked: &Asked,
        kept: &[(&str, &str)],
    ) -> Self {
        let quick = quick.iter().map(|label| {
            let all: Vec<(&str, &str)> = kept.iter().copied().chain([("last", *label)]).collect();
            QuickRange {
                label,
                href: url::link(path, &all),
                is_current: asked.last.as_deref() == Some(*label),
            }
        });
        let input = |at: Timestamp| at.to_string()[..19].to_owned();
        Self {
            path: path.to_owned(),
            quick: quick.collect(),
            text: format!(
                "{} to {}",
                figures::date_time(asked.range.start),
                figures::date_time(asked.range.end)
            ),
            start: input(asked.range.start),
            end: input(asked.range.end),
            kept: kept
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T06:00:00Z".parse().unwrap()
    }

    fn asked(query: &str) -> Result<Asked, BadParam> {
        Asked::from_params(&Params::parse(query), now(), "1h")
    }

    #[test]
    fn a_range_is_relative_or_absolute() {
        let hour = asked("").unwrap();
        assert_eq!(hour.length(), Duration::from_hours(1));
        assert_eq!(hour.link("/logs", &[("q", "x")]), "/logs?q=x&last=1h");
        let fixed = asked("start=2026-11-22T05:00:00Z&end=2026-11-22T05:10:00Z").unwrap();
        assert_eq!(
            fixed.link("/logs", &[]),
            "/logs?start=2026-11-22T05:00:00Z&end=2026-11-22T05:10:00Z"
        );
        let local = asked("start=2026-11-22T05:00&end=2026-11-22T05:10:30").unwrap();
        assert_eq!(local.length(), Duration::from_secs(630));
    }

    #[test]
    fn a_range_may_be_left_to_the_page() {
        let told = |query: &str| Asked::told(&Params::parse(query), now());
        assert_eq!(told("q=x"), Ok(None));
        assert_eq!(told("last=6h"), asked("last=6h").map(Some));
        assert_eq!(told("last=soon").unwrap_err().name, "last");
    }

    #[test]
    fn a_bad_range_is_named() {
        assert_eq!(asked("last=soon").unwrap_err().name, "last");
        assert_eq!(asked("last=0m").unwrap_err().name, "last");
        assert_eq!(asked("last=9é").unwrap_err().name, "last");
        assert_eq!(asked("start=yesterday").unwrap_err().name, "start");
        assert_eq!(
            asked("start=2026-11-22T05:00:00Z&end=2026-11-22T04:00:00Z")
                .unwrap_err()
                .name,
            "start"
        );
    }

    #[test]
    fn a_length_is_covered() {
        assert_eq!(quick_over(Duration::from_secs(1)), "5m");
        assert_eq!(quick_over(Duration::from_hours(1)), "1h");
        assert_eq!(quick_over(Duration::from_secs(3601)), "6h");
        assert_eq!(quick_over(Duration::from_hours(9999)), "30d");
    }

    #[test]
    fn steps_are_round() {
        let step = |seconds, bins| round_step(Duration::from_secs(seconds), bins).as_secs();
        assert_eq!(step(3600, 60), 60);
        assert_eq!(step(3600, 100), 60);
        assert_eq!(step(300, 60), 5);
        assert_eq!(step(604_800, 60), 10_800);
    }
}
