use std::str::FromStr;

use jiff::civil::{Date, Weekday};

/// On which days a reminder is due: the part of RFC 5545's RRULE that a reminder needs. Times of
/// the day are the schedule's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recurrence {
    every: Every,
    /// From one day, week or month that counts to the next.
    interval: i32,
    /// The last day, if there is one.
    until: Option<Date>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Every {
    Day,
    /// On these days of the week, or on the one it started on if there are none.
    Week(Vec<Weekday>),
    /// On these days of the month, the last one being -1; or on the day it started on.
    Month(Vec<i8>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecurrenceError {
    #[error("a rule begins with FREQ=DAILY, FREQ=WEEKLY or FREQ=MONTHLY")]
    Frequency,
    #[error(
        "{0:?} is not known here: INTERVAL, UNTIL, BYDAY with WEEKLY, BYMONTHDAY with MONTHLY are"
    )]
    Part(String),
    #[error("{0} is given twice")]
    Twice(String),
    #[error("INTERVAL is a number from 1 to {}", Recurrence::MAX_INTERVAL)]
    Interval,
    #[error("UNTIL is a day: 20271231")]
    Until,
    #[error("BYDAY names days: MO,TU,WE,TH,FR,SA,SU")]
    Day,
    #[error("BYMONTHDAY names days from 1 to 31, or from -1 to -31 from the month's end")]
    MonthDay,
}

impl Recurrence {
    const MAX_INTERVAL: i32 = 99;

    /// Whether a reminder that started on `start` is due on `date`.
    pub(crate) fn includes(&self, start: Date, date: Date) -> bool {
        if date < start || self.until.is_some_and(|until| date > until) {
            return false;
        }
        let (elapsed, is_named) = match &self.every {
            Every::Day => (days(start, date), true),
            Every::Week(named) => {
                let named_or_first = if named.is_empty() {
                    date.weekday() == start.weekday()
                } else {
                    named.contains(&date.weekday())
                };
                (days(monday(start), date).div_euclid(7), named_or_first)
            }
            Every::Month(named) => (months(start, date), is_day_of_month(named, start, date)),
        };
        is_named && elapsed % self.interval == 0
    }

    pub(crate) fn until(&self) -> Option<Date> {
        self.until
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), RecurrenceError> {
        match (key, &mut self.every) {
            ("INTERVAL", _) => {
                let interval = value.parse().ok();
                let interval = interval.filter(|n| (1..=Self::MAX_INTERVAL).contains(n));
                self.interval = interval.ok_or(RecurrenceError::Interval)?;
            }
            ("UNTIL", _) => self.until = Some(day(value)?),
            ("BYDAY", Every::Week(named)) => {
                *named = value.split(',').map(weekday).collect::<Result<_, _>>()?;
            }
            ("BYMONTHDAY", Every::Month(named)) => {
                *named = value.split(',').map(month_day).collect::<Result<_, _>>()?;
            }
            _ => return Err(RecurrenceError::Part(key.to_owned())),
        }
        Ok(())
    }
}

impl FromStr for Recurrence {
    type Err = RecurrenceError;

    fn from_str(text: &str) -> Result<Self, RecurrenceError> {
        let mut parts = text.split(';');
        let every = match parts.next() {
            Some("FREQ=DAILY") => Every::Day,
            Some("FREQ=WEEKLY") => Every::Week(Vec::new()),
            Some("FREQ=MONTHLY") => Every::Month(Vec::new()),
            _ => return Err(RecurrenceError::Frequency),
        };
        let mut recurrence = Self {
            every,
            interval: 1,
            until: None,
        };
        let mut seen = Vec::new();
        for part in parts {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| RecurrenceError::Part(part.to_owned()))?;
            if seen.contains(&key) {
                return Err(RecurrenceError::Twice(key.to_owned()));
            }
            seen.push(key);
            recurrence.set(key, value)?;
        }
        Ok(recurrence)
    }
}

fn days(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

fn months(from: Date, to: Date) -> i32 {
    let whole = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
    whole(to) - whole(from)
}

fn monday(date: Date) -> Date {
    let back = date.weekday().to_monday_zero_offset();
    // There is no Monday before the calendar's first week, and no reminder either.
    date.checked_sub(jiff::Span::new().days(back))
        .unwrap_or(date)
}

fn is_day_of_month(named: &[i8], start: Date, date: Date) -> bool {
    if named.is_empty() {
        return date.day() == start.day();
    }
    let from_end = date.day() - date.days_in_month() - 1;
    named.contains(&date.day()) || named.contains(&from_end)
}

fn day(text: &str) -> Result<Date, RecurrenceError> {
    let is_written_so = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |range| text.get(range).and_then(|digits: &str| digits.parse().ok());
    let parts = (number(0..4), number(4..6), number(6..8));
    let (Some(year), Some(month), Some(day), true) = (parts.0, parts.1, parts.2, is_written_so)
    else {
        return Err(RecurrenceError::Until);
    };
    let narrow = |number: i16| i8::try_from(number).unwrap_or(i8::MAX);
    Date::new(year, narrow(month), narrow(day)).map_err(|_| RecurrenceError::Until)
}

fn weekday(text: &str) -> Result<Weekday, RecurrenceError> {
    Ok(match text {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return Err(RecurrenceError::Day),
    })
}

fn month_day(text: &str) -> Result<i8, RecurrenceError> {
    let day = text.parse::<i8>().ok();
    day.filter(|day| (1..=31).contains(&day.unsigned_abs()))
        .ok_or(RecurrenceError::MonthDay)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;

    use super::*;

    /// The first days on which `rule` is due.
    fn check(rule: &str, start: Date, expected: &str) {
        let recurrence: Recurrence = rule.parse().unwrap();
        let mut due = Vec::new();
        for n in 0..800 {
            let day = start + n.days();
            if recurrence.includes(start, day) {
                due.push(day.strftime("%m-%d").to_string());
            }
        }
        due.truncate(expected.split(' ').count().max(1));
        assert_eq!(due.join(" "), expected, "{rule}");
    }

    #[test]
    fn days_are_those_of_the_rule() {
        let start = date(2026, 1, 29); // a Thursday
        check("FREQ=DAILY", start, "01-29 01-30 01-31");
        check("FREQ=DAILY;INTERVAL=3", start, "01-29 02-01 02-04");
        check("FREQ=WEEKLY", start, "01-29 02-05 02-12");
        check("FREQ=WEEKLY;BYDAY=MO,FR", start, "01-30 02-02 02-06");
        // Weeks begin on Monday: the Monday after the start is of the next week, which is left out.
        check(
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
            start,
            "01-30 02-09 02-13",
        );
        check("FREQ=MONTHLY;INTERVAL=2", start, "01-29 03-29 05-29");
        check("FREQ=MONTHLY;BYMONTHDAY=31", start, "01-31 03-31 05-31");
        check(
            "FREQ=MONTHLY;BYMONTHDAY=1,-1",
            start,
            "01-31 02-01 02-28 03-01",
        );
        let until: Recurrence = "FREQ=DAILY;UNTIL=20260130".parse().unwrap();
        assert!(until.includes(start, date(2026, 1, 30)));
        assert!(!until.includes(start, date(2026, 1, 31)));
        assert!(!until.includes(start, date(2026, 1, 28)));
    }

    #[test]
    fn what_is_not_of_the_subset_is_named() {
        let check = |rule: &str, expected| {
            assert_eq!(rule.parse::<Recurrence>(), Err(expected), "{rule}");
        };
        check("", RecurrenceError::Frequency);
        check("FREQ=HOURLY", RecurrenceError::Frequency);
        check("FREQ=DAILY;INTERVAL=0", RecurrenceError::Interval);
        check("FREQ=DAILY;UNTIL=20260230", RecurrenceError::Until);
        check("FREQ=DAILY;UNTIL=2026é01", RecurrenceError::Until);
        check("FREQ=WEEKLY;BYDAY=2MO", RecurrenceError::Day);
        check("FREQ=MONTHLY;BYMONTHDAY=0", RecurrenceError::MonthDay);
        check("FREQ=MONTHLY;BYMONTHDAY=-128", RecurrenceError::MonthDay);
        check(
            "FREQ=DAILY;COUNT=3",
            RecurrenceError::Part("COUNT".to_owned()),
        );
        check(
            "FREQ=DAILY;BYDAY=MO",
            RecurrenceError::Part("BYDAY".to_owned()),
        );
        check("FREQ=DAILY;", RecurrenceError::Part(String::new()));
        check(
            "FREQ=DAILY;INTERVAL=2;INTERVAL=3",
            RecurrenceError::Twice("INTERVAL".to_owned()),
        );
    }
}
