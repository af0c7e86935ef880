//! Times and durations as Go writes them.

use watchfire_schemas::Timestamp;

const NANOS: i64 = 1_000_000_000;

/// A time in UTC: `2015-06-23 13:19:44.128 +0000 UTC`.
pub(super) fn moment_text(nanos: i64) -> String {
    if nanos == i64::MIN {
        return "0001-01-01 00:00:00 +0000 UTC".to_owned();
    }
    let at = Timestamp::from_nanos(nanos).to_string();
    format!("{} +0000 UTC", at.trim_end_matches('Z').replace('T', " "))
}

/// A duration: `1h2m5s`, `1.5ms`.
pub(crate) fn duration_text(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let all = nanos.unsigned_abs();
    let part = |unit: u64, digits: usize, name: &str| {
        let fraction = format!("{:0digits$}", all % unit);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{}{dot}{fraction}{name}", all / unit)
    };
    match all {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{all}ns"),
        1_000..1_000_000 => part(1_000, 3, "µs"),
        1_000_000..1_000_000_000 => part(1_000_000, 6, "ms"),
        _ => {
            let seconds = all / NANOS as u64;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let fraction = format!("{:09}", all % NANOS as u64);
            let fraction = fraction.trim_end_matches('0');
            let dot = if fraction.is_empty() { "" } else { "." };
            let rest = format!("{}{dot}{fraction}s", seconds % 60);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{rest}"),
                (0, _) => format!("{sign}{minutes}m{rest}"),
                _ => format!("{sign}{hours}h{minutes}m{rest}"),
            }
        }
    }
}

/// A time in a layout of Go's: the words of its reference time stand for the parts of this one.
pub(crate) fn formatted(nanos: i64, layout: &str) -> String {
    laid_out(&Civil::of(nanos), &Zone::utc(), layout)
}

/// A time as a zone's clocks show it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Local {
    nanos: i64,
    zone: Zone,
}

/// What tells a zone's clocks from others.
#[derive(Debug, Clone, PartialEq)]
struct Zone {
    seconds_ahead: i64,
    name: String,
}

impl Zone {
    fn utc() -> Self {
        Self {
            seconds_ahead: 0,
            name: "UTC".to_owned(),
        }
    }

    /// `+01:00`, with another sign between hours and minutes if asked for.
    fn offset(&self, between: &str) -> String {
        let sign = if self.seconds_ahead < 0 { '-' } else { '+' };
        let minutes = self.seconds_ahead.abs() / 60;
        format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
    }
}

impl Local {
    /// None if there is no such zone.
    pub(super) fn of(nanos: i64, zone: &str) -> Option<Self> {
        let known = jiff::tz::TimeZone::get(zone).ok()?;
        let at = jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok()?;
        let info = known.to_offset_info(at);
        let zone = Zone {
            seconds_ahead: i64::from(info.offset().seconds()),
            name: info.abbreviation().to_owned(),
        };
        Some(Self { nanos, zone })
    }

    pub(super) const fn nanos(&self) -> i64 {
        self.nanos
    }

    pub(super) fn formatted(&self, layout: &str) -> String {
        let shifted = self.nanos.saturating_add(self.zone.seconds_ahead * NANOS);
        laid_out(&Civil::of(shifted), &self.zone, layout)
    }
}

impl std::fmt::Display for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.formatted("2006-01-02 15:04:05 -0700 MST"))
    }
}

fn laid_out(civil: &Civil, zone: &Zone, layout: &str) -> String {
    let mut text = String::new();
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        let found = civil
            .parts(zone)
            .into_iter()
            .find_map(|(word, part)| Some((rest.strip_prefix(word)?, part)));
        if let Some((after, part)) = found {
            text.push_str(&part);
            rest = after;
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    text
}

/// A part of a time as a number, under its method's name.
pub(super) fn part(nanos: i64, name: &str) -> Option<i64> {
    let civil = Civil::of(nanos);
    Some(match name {
        "Unix" => nanos.div_euclid(NANOS),
        "UnixMilli" => nanos.div_euclid(1_000_000),
        "UnixNano" => nanos,
        "Year" => civil.year,
        "Day" => civil.day,
        "Hour" => civil.hour,
        "Minute" => civil.minute,
        "Second" => civil.second,
        "Nanosecond" => nanos.rem_euclid(NANOS),
        _ => return None,
    })
}

/// The names of the month and the day of the week.
pub(super) fn month_and_weekday(nanos: i64) -> (&'static str, &'static str) {
    let civil = Civil::of(nanos);
    (MONTHS[civil.month as usize - 1], WEEKDAYS[civil.weekday])
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    weekday: usize,
    nanos: i64,
}

impl Civil {
    fn of(nanos: i64) -> Self {
        // What Go's zero time is here.
        const NEVER: (i64, i64) = (-62_135_596_800, 0);
        let (seconds, nanos) = match nanos {
            i64::MIN => NEVER,
            known => (known.div_euclid(NANOS), known.rem_euclid(NANOS)),
        };
        let days = seconds.div_euclid(86_400);
        let of_day = seconds.rem_euclid(86_400);
        let (year, month, day) = date(days);
        Self {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            weekday: (days + 4).rem_euclid(7) as usize,
            nanos,
        }
    }

    /// The words of a layout, the longer before those that they begin with.
    fn parts(&self, zone: &Zone) -> Vec<(&'static str, String)> {
        let month = MONTHS[self.month as usize - 1];
        let weekday = WEEKDAYS[self.weekday];
        let half = if self.hour < 12 { "AM" } else { "PM" };
        let of_half = (self.hour + 11) % 12 + 1;
        vec![
            ("January", month.to_owned()),
            ("Jan", month[..3].to_owned()),
            ("Monday", weekday.to_owned()),
            ("Mon", weekday[..3].to_owned()),
            ("MST", zone.name.clone()),
            ("2006", format!("{:04}", self.year)),
            (
                "Z07:00",
                match zone.seconds_ahead {
                    0 => "Z".to_owned(),
                    _ => zone.offset(":"),
                },
            ),
            ("-07:00", zone.offset(":")),
            ("-0700", zone.offset("")),
            (".000", format!(".{:03}", self.nanos / 1_000_000)),
            ("01", format!("{:02}", self.month)),
            ("02", format!("{:02}", self.day)),
            ("03", format!("{of_half:02}")),
            ("04", format!("{:02}", self.minute)),
            ("05", format!("{:02}", self.second)),
            ("06", format!("{:02}", self.year.rem_euclid(100))),
            ("15", format!("{:02}", self.hour)),
            ("PM", half.to_owned()),
            ("pm", half.to_lowercase()),
            ("1", self.month.to_string()),
            ("_2", format!("{:2}", self.day)),
            ("2", self.day.to_string()),
            ("3", of_half.to_string()),
            ("4", self.minute.to_string()),
            ("5", self.second.to_string()),
        ]
    }
}

/// Year, month and day of a day since the epoch, in the proleptic Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    // Counted from the first of March of the year 0, so that the leap day is the last of a year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_in_go() {
        let at = 1_435_065_584_128_000_000;
        assert_eq!(moment_text(at), "2015-06-23 13:19:44.128 +0000 UTC");
        let check = |layout, expected: &str| assert_eq!(formatted(at, layout), expected);
        check("2006-01-02T15:04:05Z07:00", "2015-06-23T13:19:44Z");
        check("Mon, 2 Jan 06 3:04PM", "Tue, 23 Jun 15 1:19PM");
        check("15:04:05.000 MST", "13:19:44.128 UTC");
        assert_eq!(part(at, "Day"), Some(23));
        assert_eq!(month_and_weekday(at), ("June", "Tuesday"));
    }

    #[test]
    fn durations_are_written_as_in_go() {
        let check = |nanos, expected: &str| assert_eq!(duration_text(nanos), expected);
        check(0, "0s");
        check(1_500_000, "1.5ms");
        check(3_725_000_000_000, "1h2m5s");
        check(-90_500_000_000, "-1m30.5s");
        check(2_000, "2µs");
    }
}
