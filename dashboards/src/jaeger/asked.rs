use std::time::Duration;

use watchfire_schemas::{TimeRange, Timestamp};

use super::answer::{Failure, number};
use super::go_duration;
use super::tag::{self, Tag};
use crate::params::Params;
use crate::query_text;

/// What a search of Jaeger's asks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SearchAsked {
    /// All but the tags, in our language.
    pub(super) query: String,
    pub(super) tags: Vec<Tag>,
    /// When the spans began.
    pub(super) range: TimeRange,
    /// How many traces.
    pub(super) limit: usize,
}

const LIMIT: usize = 100;
const MOST: usize = 1_500;

pub(super) fn required(params: &Params, name: &str) -> Result<String, Failure> {
    let found = params.get(name).map(str::to_owned);
    found.ok_or_else(|| Failure::bad(format!("parameter '{name}' is required")))
}

impl SearchAsked {
    pub(super) fn read(params: &Params, now: Timestamp) -> Result<Self, Failure> {
        let mut clauses = vec![query_text::term("service", &required(params, "service")?)];
        clauses.extend(operation(params.get("operation")));
        clauses.extend(durations(params, ["minDuration", "maxDuration"])?);
        let limit = number(params, "limit", "a number of traces")?;
        Ok(Self {
            query: clauses.join(" "),
            tags: tag::read(params)?,
            range: range(params, now)?,
            limit: bounded(limit, LIMIT),
        })
    }
}

/// As many traces as may be asked for. Jaeger's page takes at most so many.
pub(super) fn bounded(limit: Option<i64>, default: usize) -> usize {
    let asked = limit.map(|limit| usize::try_from(limit).unwrap_or(1));
    asked.unwrap_or(default).clamp(1, MOST)
}

pub(super) fn operation(name: Option<&str>) -> Option<String> {
    let name = name.filter(|name| *name != "all")?;
    Some(query_text::term("name", name))
}

/// The least and the longest duration of a span.
pub(super) fn durations(params: &Params, names: [&str; 2]) -> Result<Vec<String>, Failure> {
    let read = |name: &str| {
        let Some(text) = params.get(name) else {
            return Ok::<_, Failure>(None);
        };
        let duration = go_duration::parse(text).ok_or_else(|| {
            Failure::bad(format!(
                "unable to parse param '{name}': expected a duration such as 1.5s, found {text:?}"
            ))
        })?;
        Ok(Some(duration.as_nanos()))
    };
    let (least, most) = (read(names[0])?, read(names[1])?);
    if least.zip(most).is_some_and(|(least, most)| most < least) {
        let message = format!("'{}' should be greater than '{}'", names[1], names[0]);
        return Err(Failure::bad(message));
    }
    let least = least.map(|nanos| format!("duration:>={nanos}ns"));
    let most = most.map(|nanos| format!("duration:<={nanos}ns"));
    Ok(least.into_iter().chain(most).collect())
}

/// `start` and `end` in microseconds, else the last hour or `lookback`.
fn range(params: &Params, now: Timestamp) -> Result<TimeRange, Failure> {
    let micros = |name: &str| {
        let found = number(params, name, "microseconds")?;
        Ok::<_, Failure>(found.map(|n| Timestamp::from_nanos(n.saturating_mul(1_000))))
    };
    let end = micros("end")?.unwrap_or(now);
    // The page sends `custom` and both ends.
    let lookback = params.get("lookback").and_then(go_duration::parse);
    let lookback = lookback.unwrap_or(Duration::from_hours(1));
    let start = micros("start")?.unwrap_or(end - lookback);
    // Both ends are meant; ours is open.
    let end = Timestamp::from_nanos(end.nanos().saturating_add(1_000));
    Ok(TimeRange { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Result<&str, &str>) {
        let found = SearchAsked::read(&Params::parse(query), Timestamp::from_secs(10_000));
        let found = found
            .map(|asked| asked.query)
            .map_err(|failure| failure.message);
        match expected {
            Ok(query) => assert_eq!(found.as_deref(), Ok(query)),
            Err(part) => assert!(found.as_ref().unwrap_err().contains(part), "{found:?}"),
        }
    }

    #[test]
    fn a_search_becomes_a_query() {
        check(
            "service=shop&operation=GET+/x&minDuration=1.5s&maxDuration=2m",
            Ok("service:shop name:\"GET /x\" duration:>=1500000000ns duration:<=120000000000ns"),
        );
        check("service=a%2Fb%20c&operation=all", Ok("service:\"a/b c\""));
        check("", Err("'service' is required"));
        check("service=a&minDuration=soon", Err("minDuration"));
        check("service=a&minDuration=2s&maxDuration=1s", Err("greater"));
        check("service=a&tags=%7B", Err("tags"));
        check("service=a&start=now", Err("start"));
        check("service=a&limit=many", Err("limit"));
    }

    #[test]
    fn times_are_microseconds() {
        let read =
            |query: &str| SearchAsked::read(&Params::parse(query), Timestamp::from_secs(10_000));
        let found = read("service=a&start=5000000&end=6000000&limit=9999").unwrap();
        assert_eq!(found.range.start, Timestamp::from_secs(5));
        assert_eq!(found.range.end, Timestamp::from_nanos(6_000_001_000));
        assert_eq!(found.limit, 1_500);
        let found = read("service=a&lookback=2h&limit=-4").unwrap();
        assert_eq!(found.range.start, Timestamp::from_secs(2_800));
        assert_eq!(found.limit, 1);
    }
}
