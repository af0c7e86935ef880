//! Times of the week, month and year at which routes are muted or active.

mod ranges;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use watchfire_schemas::Timestamp;

pub(crate) use ranges::{WEEKDAYS, day_of_month, month, time_of_day, weekday, year};

/// Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub first: i32,
    pub last: i32,
}

impl Span {
    const fn contains(self, value: i32) -> bool {
        self.first <= value && value <= self.last
    }
}

/// A time lies in it if it lies in one span of each kind that is given.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TimeInterval {
    /// Minutes of the day, the last not among them.
    pub times: Option<Vec<(i32, i32)>>,
    /// From 0, a Sunday.
    pub weekdays: Option<Vec<Span>>,
    /// From 1; -1 is the month's last.
    pub days_of_month: Option<Vec<Span>>,
    pub months: Option<Vec<Span>>,
    pub years: Option<Vec<Span>>,
    /// Whose clock it is; none is UTC's.
    pub location: Option<TimeZone>,
}

impl TimeInterval {
    pub(crate) fn contains(&self, at: Timestamp) -> bool {
        let instant = jiff::Timestamp::from_nanosecond(i128::from(at.nanos()));
        let Ok(instant) = instant else {
            return false;
        };
        let zone = self.location.clone().unwrap_or(TimeZone::UTC);
        let local = instant.to_zoned(zone);
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let day = i32::from(local.day());
        let length = i32::from(local.days_in_month());
        let weekday = i32::from(local.weekday().since(Weekday::Sunday));
        let in_one = |spans: &Option<Vec<Span>>, value: i32| {
            spans
                .as_ref()
                .is_none_or(|spans| spans.iter().any(|span| span.contains(value)))
        };
        let in_time = self
            .times
            .as_ref()
            .is_none_or(|times| times.iter().any(|(a, b)| (*a..*b).contains(&minute)));
        let in_days = self.days_of_month.as_ref().is_none_or(|spans| {
            spans
                .iter()
                .filter_map(|span| within_month(*span, length))
                .any(|span| span.contains(day))
        });
        in_time
            && in_days
            && in_one(&self.months, i32::from(local.month()))
            && in_one(&self.weekdays, weekday)
            && in_one(&self.years, i32::from(local.year()))
    }
}

/// Days as they fall in a month of this length; none if they begin after its end.
fn within_month(span: Span, length: i32) -> Option<Span> {
    let counted = |day: i32| if day < 0 { length + day + 1 } else { day };
    let first = counted(span.first);
    (first <= length).then(|| Span {
        first,
        last: counted(span.last).min(length),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(interval: &TimeInterval, at: &str, expected: bool) {
        let at: Timestamp = at.parse().unwrap();
        assert_eq!(interval.contains(at), expected, "{at}");
    }

    #[test]
    fn every_kind_must_hold() {
        let hours = TimeInterval {
            times: Some(vec![(540, 1020)]),
            weekdays: Some(vec![weekday("monday:friday").unwrap()]),
            ..TimeInterval::default()
        };
        check(&hours, "2026-11-20T09:00:00Z", true);
        check(&hours, "2026-11-20T16:59:59Z", true);
        check(&hours, "2026-11-20T17:00:00Z", false);
        check(&hours, "2026-11-20T08:59:59Z", false);
        check(&hours, "2026-11-21T10:00:00Z", false);
        check(&TimeInterval::default(), "2026-11-21T10:00:00Z", true);
        let none = TimeInterval {
            times: Some(Vec::new()),
            ..TimeInterval::default()
        };
        check(&none, "2026-11-21T10:00:00Z", false);
    }

    #[test]
    fn days_are_counted_from_either_end() {
        let days = |text: &str| TimeInterval {
            days_of_month: Some(vec![day_of_month(text).unwrap()]),
            ..TimeInterval::default()
        };
        check(&days("-3:-1"), "2026-02-26T00:00:00Z", true);
        check(&days("-3:-1"), "2026-02-25T23:59:59Z", false);
        check(&days("31"), "2026-02-28T00:00:00Z", false);
        check(&days("28:31"), "2026-02-28T00:00:00Z", true);
        check(&days("1:-1"), "2024-02-29T12:00:00Z", true);
    }

    #[test]
    fn clocks_are_where_they_hang() {
        let night = |zone: &str| TimeInterval {
            times: Some(vec![(120, 180)]),
            location: Some(TimeZone::get(zone).unwrap()),
            ..TimeInterval::default()
        };
        check(&night("Europe/Berlin"), "2026-01-15T01:30:00Z", true);
        check(&night("Europe/Berlin"), "2026-07-15T01:30:00Z", false);
        check(&night("Europe/Berlin"), "2026-07-15T00:30:00Z", true);
        // The hour that is left out in spring never comes.
        for minute in 0..60 {
            check(
                &night("Europe/Berlin"),
                &format!("2026-03-29T01:{minute:02}:00Z"),
                false,
            );
        }
        check(&night("America/New_York"), "2026-01-15T07:00:00Z", true);
        let new_year = TimeInterval {
            months: Some(vec![month("january").unwrap()]),
            years: Some(vec![year("2027").unwrap()]),
            location: Some(TimeZone::get("Asia/Tokyo").unwrap()),
            ..TimeInterval::default()
        };
        check(&new_year, "2026-12-31T15:00:00Z", true);
        check(&new_year, "2026-12-31T14:59:59Z", false);
    }
}
