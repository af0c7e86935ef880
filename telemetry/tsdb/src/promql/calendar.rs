//! Dates of the proleptic Gregorian calendar, UTC.

const DAY: i64 = 86_400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: i64,
    /// 1 to 12.
    month: i64,
    /// 1 to 31.
    day: i64,
}

/// The function of this name, of seconds since the epoch.
pub(crate) fn function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "year" => |t| date(t).year as f64,
        "month" => |t| date(t).month as f64,
        "day_of_month" => |t| date(t).day as f64,
        "day_of_week" => |t| (days(t) + 4).rem_euclid(7) as f64,
        "day_of_year" => |t| {
            let year = date(t).year;
            (days(t) - days_before(year, 1) + 1) as f64
        },
        "days_in_month" => |t| {
            let Date { year, month, .. } = date(t);
            let next = if month == 12 {
                (year + 1, 1)
            } else {
                (year, month + 1)
            };
            (days_before(next.0, next.1) - days_before(year, month)) as f64
        },
        "hour" => |t| (seconds(t).rem_euclid(DAY) / 3600) as f64,
        "minute" => |t| (seconds(t).rem_euclid(3600) / 60) as f64,
        _ => return None,
    })
}

/// Whole seconds; what no calendar reaches is cut to a hundred million years.
fn seconds(t: f64) -> i64 {
    (t as i64).clamp(-3_155_760_000_000_000, 3_155_760_000_000_000)
}

fn days(t: f64) -> i64 {
    seconds(t).div_euclid(DAY)
}

fn date(t: f64) -> Date {
    let days = days(t);
    // The mean length of a year gives the year or one beside it.
    let mut year = 1970 + (days * 400).div_euclid(146_097);
    while days_before(year, 1) > days {
        year -= 1;
    }
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let month = (1..=12)
        .rev()
        .find(|&month| days_before(year, month) <= days)
        .unwrap_or(1);
    Date {
        year,
        month,
        day: days - days_before(year, month) + 1,
    }
}

/// Days from the epoch to the first of a month.
fn days_before(year: i64, month: i64) -> i64 {
    const BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leaps_until = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let is_leap = leaps_until(year) > leaps_until(year - 1);
    let since_epoch = 365 * (year - 1970) + leaps_until(year - 1) - leaps_until(1969);
    since_epoch + BEFORE_MONTH[(month - 1) as usize] + i64::from(is_leap && month > 2)
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::Timestamp;

    use super::*;

    fn check(text: &str, name: &str, expected: f64) {
        let at: Timestamp = text.parse().unwrap();
        let found = function(name).unwrap()(at.as_secs_f64());
        assert!((found - expected).abs() < 1e-9, "{name} of {text}: {found}");
    }

    #[test]
    fn parts_of_dates() {
        let leap_day = "2024-02-29T23:59:59Z";
        check(leap_day, "year", 2024.0);
        check(leap_day, "month", 2.0);
        check(leap_day, "day_of_month", 29.0);
        check(leap_day, "day_of_year", 60.0);
        check(leap_day, "day_of_week", 4.0);
        check(leap_day, "days_in_month", 29.0);
        check(leap_day, "hour", 23.0);
        check(leap_day, "minute", 59.0);
        check("1970-01-01T00:00:00Z", "day_of_week", 4.0);
        check("1969-12-31T12:00:00Z", "year", 1969.0);
        check("1969-12-31T12:00:00Z", "day_of_month", 31.0);
        check("2100-03-01T00:00:00Z", "day_of_year", 60.0);
        check("2026-12-31T00:00:00Z", "days_in_month", 31.0);
    }

    #[test]
    fn every_day_of_four_centuries_is_the_one_after_the_last() {
        let mut before = date(-62_135_596_800.0);
        for day in 1..146_100 {
            let today = date(-62_135_596_800.0 + (day * DAY) as f64);
            let follows = today.day == before.day + 1
                || today.day == 1 && (today.month == before.month + 1 || today.month == 1);
            assert!(follows, "{before:?} {today:?}");
            before = today;
        }
    }
}
