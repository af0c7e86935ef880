//! What the address of `/reliability` and its API asks for.

use std::time::Duration;

use watchfire_alerts::{Grouping, Scope};
use watchfire_schemas::{TimeRange, Timestamp};

use crate::params::{BadParam, Params};
use crate::range::Asked;

/// The ends of the two periods.
const NAMES: [&str; 4] = ["before_start", "before_end", "after_start", "after_end"];
/// How far to both sides of a time it is compared, if nothing is said.
const DAYS: usize = 30;

/// What incidents may be told apart by.
pub(crate) fn by_param(params: &Params) -> Result<Option<Grouping>, BadParam> {
    let Some(text) = params.get("by") else {
        return Ok(None);
    };
    let names = Grouping::ALL.map(Grouping::key).join(", ");
    let by = Grouping::parse(text);
    by.map(Some)
        .ok_or_else(|| BadParam::new("by", format!("expected one of {names}")))
}

/// The incidents of a range that a request narrows by service, severity, team and cause.
pub(crate) fn scope_param(params: &Params, range: TimeRange) -> Result<Scope, BadParam> {
    let severity = params.get("severity").map(str::parse).transpose();
    let text = |name: &str| params.get(name).map(str::to_owned);
    Ok(Scope {
        range,
        service: text("service"),
        severity: severity.map_err(|_| {
            BadParam::new("severity", "expected one of critical, error, warning, info")
        })?,
        team: text("team"),
        cause: text("cause"),
    })
}

/// The two periods that are compared: `before_start`, `before_end`, `after_start` and `after_end`, or
/// `at` and `days` for as many days on both sides of a time. None where nothing of this is said.
pub(crate) fn periods_param(
    params: &Params,
    now: Timestamp,
) -> Result<Option<(TimeRange, TimeRange)>, BadParam> {
    if let Some(at) = params.time("at")? {
        return around(at, params, now).map(Some);
    }
    if NAMES.into_iter().all(|name| params.get(name).is_none()) {
        return Ok(None);
    }
    let mut times = [now; 4];
    for (name, time) in NAMES.into_iter().zip(&mut times) {
        let given = params.time(name)?;
        *time = given
            .ok_or_else(|| BadParam::new(name, "is missing: a comparison takes all four ends"))?;
    }
    let period = |name, start, end| {
        let is_period = start < end;
        let range = TimeRange { start, end };
        is_period
            .then_some(range)
            .ok_or_else(|| BadParam::new(name, "is not before its end"))
    };
    Ok(Some((
        period("before_start", times[0], times[1])?,
        period("after_start", times[2], times[3])?,
    )))
}

fn around(
    at: Timestamp,
    params: &Params,
    now: Timestamp,
) -> Result<(TimeRange, TimeRange), BadParam> {
    if at >= now {
        return Err(BadParam::new(
            "at",
            "lies in the future: there is no after yet",
        ));
    }
    let days = params.count("days", DAYS, 400)?;
    if days == 0 {
        return Err(BadParam::new("days", "expected at least one day"));
    }
    let span = Duration::from_secs(days as u64 * 86_400);
    let before = TimeRange {
        start: at - span,
        end: at,
    };
    let after = TimeRange {
        start: at,
        end: (at + span).min(now),
    };
    Ok((before, after))
}

/// The address of the page, in parts: links change one and keep the rest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) asked: Asked,
    pub(crate) by: Grouping,
    pub(crate) scope: Scope,
    pub(crate) periods: Option<(TimeRange, TimeRange)>,
    /// What is wrong with the periods asked for; the rest of the page is shown.
    pub(crate) refused: Option<String>,
}

impl Wanted {
    pub(crate) fn from_params(params: &Params, now: Timestamp) -> Result<Self, BadParam> {
        let asked = Asked::from_params(params, now, "30d")?;
        let scope = scope_param(params, asked.range)?;
        let (periods, refused) = match periods_param(params, now) {
            Ok(periods) => (periods, None),
            Err(bad) => (None, Some(bad.to_string())),
        };
        Ok(Self {
            by: by_param(params)?.unwrap_or(Grouping::Service),
            asked,
            scope,
            periods,
            refused,
        })
    }

    /// The parameters besides the range.
    pub(crate) fn kept(&self) -> Vec<(&'static str, String)> {
        let mut kept = vec![("by", self.by.key().to_owned())];
        kept.extend(self.narrowed());
        if let Some((before, after)) = self.periods {
            kept.extend([
                ("before_start", before.start.to_string()),
                ("before_end", before.end.to_string()),
                ("after_start", after.start.to_string()),
                ("after_end", after.end.to_string()),
            ]);
        }
        kept
    }

    /// What narrows the incidents.
    pub(crate) fn narrowed(&self) -> Vec<(&'static str, String)> {
        let scope = &self.scope;
        let severity = scope.severity.map(|severity| severity.to_string());
        let parts = [
            ("service", scope.service.clone()),
            ("severity", severity),
            ("team", scope.team.clone()),
            ("cause", scope.cause.clone()),
        ];
        let given = parts.into_iter();
        given
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// The page with one parameter set; an empty value takes it off.
    pub(crate) fn with(&self, path: &str, name: &str, value: &str) -> String {
        self.link(path, &[(name, value)])
    }

    /// A link that keeps all but what is set anew.
    pub(crate) fn link(&self, path: &str, set: &[(&str, &str)]) -> String {
        let kept = self.kept();
        let is_set = |name: &str| set.iter().any(|(other, _)| *other == name);
        let kept = kept.iter().filter(|(name, _)| !is_set(name));
        let kept = kept.map(|(name, value)| (*name, value.as_str()));
        let all: Vec<(&str, &str)> = kept.chain(set.iter().copied()).collect();
        self.asked.link(path, &all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T06:00:00Z".parse().unwrap()
    }

    fn periods(query: &str) -> Result<Option<(TimeRange, TimeRange)>, BadParam> {
        periods_param(&Params::parse(query), now())
    }

    #[test]
    fn periods_are_named_or_lie_around_a_time() {
        assert_eq!(periods("last=7d"), Ok(None));
        let (before, after) = periods("at=2026-11-12T06:00:00Z&days=20").unwrap().unwrap();
        assert_eq!(before.start.to_string(), "2026-10-23T06:00:00Z");
        assert_eq!((before.end, after.end), (after.start, now()));
        let all = "before_start=2026-10-01T00:00&before_end=2026-10-15T00:00&after_start=2026-10-15T00:00&after_end=2026-11-01T00:00";
        let (before, after) = periods(all).unwrap().unwrap();
        assert_eq!(before.duration(), Duration::from_hours(14 * 24));
        assert_eq!(after.duration(), Duration::from_hours(17 * 24));
    }

    #[test]
    fn what_is_wrong_with_a_parameter_is_said() {
        let name = |query: &str| periods(query).unwrap_err().name;
        assert_eq!(name("before_start=2026-10-01T00:00"), "before_end");
        assert_eq!(name("at=soon"), "at");
        assert_eq!(name("at=2027-01-01T00:00"), "at");
        assert_eq!(name("at=2026-11-01T00:00&days=0"), "days");
        let turned = "before_start=2026-10-15T00:00&before_end=2026-10-01T00:00&after_start=2026-10-15T00:00&after_end=2026-11-01T00:00";
        assert_eq!(name(turned), "before_start");
        let scope = |query: &str| scope_param(&Params::parse(query), TimeRange::ALL);
        assert_eq!(scope("severity=bad").unwrap_err().name, "severity");
        assert!(scope("severity=critical&service=content").is_ok());
        assert_eq!(by_param(&Params::parse("by=age")).unwrap_err().name, "by");
    }

    #[test]
    fn links_change_one_part() {
        let params = Params::parse("last=90d&service=content&by=team&at=2026-11-12T06:00:00Z");
        let wanted = Wanted::from_params(&params, now()).unwrap();
        let link = wanted.with("/reliability", "by", "severity");
        assert!(
            link.starts_with("/reliability?service=content&before_start=2026-10-13T06:00:00Z&"),
            "{link}"
        );
        assert!(link.ends_with("&by=severity&last=90d"), "{link}");
        assert!(
            !wanted
                .with("/reliability", "service", "")
                .contains("service=")
        );
    }
}
