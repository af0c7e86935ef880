use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use watchfire_schemas::{TimeRange, Timestamp};

use crate::reminders::recurrence::Recurrence;
use crate::reminders::wrongs::Wrongs;

/// A schedule as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenSchedule {
    /// An IANA time zone: `Europe/Berlin`.
    pub(crate) zone: String,
    /// The first day: `2026-11-22`.
    pub(crate) starts_on: String,
    /// Times of the day in the zone: `08:00`.
    pub(crate) times: Vec<String>,
    /// The days; every day if it is not given. See [`Recurrence`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
}

/// When a reminder is due. Its times are those of the wall clock in its zone: where the clock leaps
/// over one it is due as much later as the leap is long, and one that comes twice is due the first
/// time.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    zone: TimeZone,
    starts_on: Date,
    times: Vec<Time>,
    recurrence: Recurrence,
}

/// How far into the future the next due time is looked for, in days: all months that have a 29th
/// of February are within.
const HORIZON: i32 = 9 * 366;
const MAX_TIMES: usize = 24;
/// The years in which a schedule may begin.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;

impl WrittenSchedule {
    /// What it means. What is wrong is written down under `at`.
    pub(crate) fn parse(&self, at: &str, wrongs: &mut Wrongs) -> Option<Schedule> {
        let zone = wrongs.take(format!("{at}/zone"), zone(&self.zone));
        let starts_on = wrongs.take(format!("{at}/starts_on"), date(&self.starts_on));
        let mut times = Vec::new();
        for (n, text) in self.times.iter().enumerate().take(MAX_TIMES) {
            times.extend(wrongs.take(format!("{at}/times/{n}"), time(text)));
        }
        if !(1..=MAX_TIMES).contains(&self.times.len()) {
            wrongs.add(
                format!("{at}/times"),
                format!("1 to {MAX_TIMES} times of the day are needed"),
            );
        }
        let rule = self.rule.as_deref().unwrap_or("FREQ=DAILY");
        let recurrence = wrongs.take(format!("{at}/rule"), rule.parse());
        times.sort_unstable();
        Some(Schedule {
            zone: zone?,
            starts_on: starts_on?,
            times,
            recurrence: recurrence?,
        })
    }
}

impl Schedule {
    /// The due times within `range`, the earliest first.
    pub(crate) fn due(&self, range: TimeRange) -> impl Iterator<Item = Timestamp> {
        let first = self.date_of(range.start).yesterday();
        let first = first.unwrap_or(self.starts_on).max(self.starts_on);
        let last = self.date_of(range.end).tomorrow();
        let last = last.unwrap_or(Date::MAX);
        let mut before = None;
        self.days(first, last)
            .flat_map(|date| self.times_of(date))
            // Where the clock leaps, two times of the day may become one.
            .filter(move |at| before.replace(*at) != Some(*at))
            .filter(move |at| range.contains(*at))
    }

    /// The first due time after `after`.
    pub(crate) fn next_due(&self, after: Timestamp) -> Option<Timestamp> {
        let first = self.date_of(after).yesterday();
        let first = first.unwrap_or(self.starts_on).max(self.starts_on);
        self.days(first, Date::MAX)
            .flat_map(|date| self.times_of(date))
            .find(|at| *at > after)
    }

    /// The days from `first` to `last`, as far as is looked. No day after `last` is looked at.
    fn days(&self, first: Date, last: Date) -> impl Iterator<Item = Date> {
        let last = self.recurrence.until().map_or(last, |end| end.min(last));
        (0..HORIZON)
            .map_while(move |n| first.checked_add(n.days()).ok())
            .take_while(move |date| *date <= last)
            .filter(|date| self.recurrence.includes(self.starts_on, *date))
    }

    fn times_of(&self, date: Date) -> impl Iterator<Item = Timestamp> {
        let mut of_day: Vec<Timestamp> = self
            .times
            .iter()
            .filter_map(|time| self.zone.to_timestamp(date.to_datetime(*time)).ok())
            .filter_map(|at| i64::try_from(at.as_nanosecond()).ok())
            .map(Timestamp::from_nanos)
            .collect();
        of_day.sort_unstable();
        of_day.into_iter()
    }

    fn date_of(&self, at: Timestamp) -> Date {
        let at = jiff::Timestamp::from_nanosecond(i128::from(at.nanos()));
        at.map_or(Date::MAX, |at| self.zone.to_datetime(at).date())
    }
}

fn zone(name: &str) -> Result<TimeZone, String> {
    // jiff would take offsets and the machine's own zone as well.
    let known = TimeZone::get(name).ok();
    let known = known.filter(|zone| zone.iana_name().is_some());
    known.ok_or_else(|| format!("{name:?} is not a time zone of the IANA database"))
}

fn date(text: &str) -> Result<Date, String> {
    let parsed = text.parse().ok().filter(|_| text.len() == 10);
    let parsed = parsed.filter(|date: &Date| YEARS.contains(&date.year()));
    parsed.ok_or_else(|| format!("{text:?} is not a day like 2026-11-22"))
}

fn time(text: &str) -> Result<Time, String> {
    let is_written_so = text.len() == 5 && text.as_bytes()[2] == b':';
    let parsed = text.parse().ok().filter(|_| is_written_so);
    parsed.ok_or_else(|| format!("{text:?} is not a time like 08:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(zone: &str, starts_on: &str, times: &[&str], rule: Option<&str>) -> Schedule {
        let written = WrittenSchedule {
            zone: zone.to_owned(),
            starts_on: starts_on.to_owned(),
            times: times.iter().map(|time| (*time).to_owned()).collect(),
            rule: rule.map(str::to_owned),
        };
        let mut wrongs = Wrongs::default();
        let schedule = written.parse("/schedule", &mut wrongs);
        schedule.unwrap_or_else(|| panic!("{wrongs:?}"))
    }

    fn check(schedule: &Schedule, from: &str, until: &str, expected: &[&str]) {
        let range = TimeRange {
            start: from.parse().unwrap(),
            end: until.parse().unwrap(),
        };
        let due: Vec<String> = schedule.due(range).map(|at| at.to_string()).collect();
        assert_eq!(due, expected);
        // The next due time from each to the following says the same.
        let mut after = range.start - std::time::Duration::from_nanos(1);
        let walked = std::iter::from_fn(|| {
            after = schedule.next_due(after)?;
            Some(after)
        });
        let walked = walked.take_while(|at| *at < range.end);
        assert_eq!(walked.map(|at| at.to_string()).collect::<Vec<_>>(), due);
    }

    #[test]
    fn the_wall_clock_counts_when_summer_time_ends() {
        let mornings = schedule("Europe/Berlin", "2026-10-01", &["08:00"], None);
        check(
            &mornings,
            "2026-10-24T00:00:00Z",
            "2026-10-27T00:00:00Z",
            &[
                "2026-10-24T06:00:00Z",
                "2026-10-25T07:00:00Z",
                "2026-10-26T07:00:00Z",
            ],
        );
    }

    #[test]
    fn a_time_that_comes_twice_is_due_the_first_time() {
        // On 25 October 2026 the clock in Berlin goes from 03:00 back to 02:00.
        let nightly = schedule("Europe/Berlin", "2026-10-01", &["02:30", "03:30"], None);
        check(
            &nightly,
            "2026-10-24T22:00:00Z",
            "2026-10-25T22:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-25T02:30:00Z"],
        );
    }

    #[test]
    fn a_time_that_is_leapt_over_is_due_later_and_never_twice() {
        // On 29 March 2026 the clock in Berlin goes from 02:00 to 03:00.
        let nightly = schedule("Europe/Berlin", "2026-03-01", &["02:30", "03:30"], None);
        check(
            &nightly,
            "2026-03-28T12:00:00Z",
            "2026-03-30T12:00:00Z",
            &[
                "2026-03-29T01:30:00Z",
                "2026-03-30T00:30:00Z",
                "2026-03-30T01:30:00Z",
            ],
        );
        // 02:45 is moved to 03:45, behind the time that comes after it.
        let crossed = schedule("Europe/Berlin", "2026-03-01", &["02:45", "03:10"], None);
        check(
            &crossed,
            "2026-03-29T00:00:00Z",
            "2026-03-29T12:00:00Z",
            &["2026-03-29T01:10:00Z", "2026-03-29T01:45:00Z"],
        );
    }

    #[test]
    fn a_day_that_a_zone_left_out_is_made_up_for() {
        // Samoa had no 30 December 2011: the clock leapt over all of it, by a day.
        let daily = schedule("Pacific/Apia", "2011-12-28", &["09:00"], None);
        check(
            &daily,
            "2011-12-29T00:00:00Z",
            "2011-12-31T12:00:00Z",
            &["2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z"],
        );
    }

    #[test]
    fn zones_south_of_the_line_and_of_half_hours() {
        // Lord Howe's clock is moved by half an hour only, on 4 October 2026 from 02:00.
        let nightly = schedule("Australia/Lord_Howe", "2026-01-01", &["02:15"], None);
        check(
            &nightly,
            "2026-10-03T00:00:00Z",
            "2026-10-05T00:00:00Z",
            &["2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z"],
        );
    }

    #[test]
    fn the_next_due_time_is_found_far_ahead_or_not_at_all() {
        let leap = schedule(
            "UTC",
            "2024-02-29",
            &["12:00"],
            Some("FREQ=MONTHLY;INTERVAL=12"),
        );
        let after = "2024-02-29T12:00:00Z".parse().unwrap();
        let expected = "2028-02-29T12:00:00Z".parse().unwrap();
        assert_eq!(leap.next_due(after), Some(expected));
        let over = schedule(
            "UTC",
            "2026-01-01",
            &["12:00"],
            Some("FREQ=DAILY;UNTIL=20260102"),
        );
        let after = "2026-01-02T12:00:00Z".parse().unwrap();
        assert_eq!(over.next_due(after), None);
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let written = WrittenSchedule {
            zone: "+01:00".to_owned(),
            starts_on: "22.11.2026".to_owned(),
            times: vec!["8:00".to_owned(), "24:00".to_owned(), "08:00".to_owned()],
            rule: Some("FREQ=YEARLY".to_owned()),
        };
        let mut wrongs = Wrongs::default();
        assert!(written.parse("/schedule", &mut wrongs).is_none());
        let expected = ["zone", "starts_on", "times/0", "times/1", "rule"];
        let expected: Vec<String> = expected.map(|at| format!("/schedule/{at}")).into();
        assert_eq!(wrongs.pointers(), expected);
    }
}
