use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// A point in time: nanoseconds since the epoch, UTC. It spans the years 1677 to 2262.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Why a text is not a [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Not of the form of RFC 3339.
    #[error("expected an RFC 3339 time such as 2026-11-22T05:57:27.5Z")]
    Malformed,
    /// A year that nanoseconds in 64 bits cannot reach.
    #[error("time is outside the years 1678 to 2261")]
    OutOfRange,
}

impl Timestamp {
    /// The earliest time there is.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time there is.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the epoch, clamped to what nanoseconds can hold.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(NANOS_PER_MILLI))
    }

    /// From whole seconds since the epoch, clamped to what nanoseconds can hold.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SECOND))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MILLI)
    }

    /// Seconds since the epoch with a fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// The start of the bin of width `step` that holds this time.
    #[must_use]
    pub fn floor(self, step: Duration) -> Self {
        let step = i64::try_from(step.as_nanos()).unwrap_or(i64::MAX).max(1);
        Self(self.0 - self.0.rem_euclid(step))
    }

    /// How long after `earlier`; zero if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Seconds from `earlier` to this time, negative if this one is earlier.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (i128::from(self.0) - i128::from(earlier.0)) as f64 / NANOS_PER_SECOND as f64
    }

    fn to_date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0))
            .expect("64 bits of nanoseconds are within the calendar")
    }

    fn from_date_time(at: OffsetDateTime) -> Result<Self, TimestampError> {
        i64::try_from(at.unix_timestamp_nanos())
            .map(Self)
            .map_err(|_| TimestampError::OutOfRange)
    }

    /// The form that nearly every emitter writes, `2026-11-22T05:57:27[.fraction]Z`, read without
    /// the general parser. `None` means "not of this form", not "not a time".
    fn parse_utc(text: &[u8]) -> Option<Self> {
        let (head, rest) = text.split_at_checked(19)?;
        let fraction = match rest {
            [b'Z' | b'z'] => &[][..],
            [b'.', digits @ .., b'Z' | b'z'] if (1..=9).contains(&digits.len()) => digits,
            _ => return None,
        };
        let separators = [head[4], head[7], head[13], head[16]] == *b"--::";
        if !separators || !matches!(head[10], b'T' | b't' | b' ') {
            return None;
        }
        let number = |range: std::ops::Range<usize>| {
            head[range].iter().try_fold(0_u16, |n, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| n * 10 + u16::from(digit - b'0'))
            })
        };
        let (year, month, day) = (number(0..4)?, number(5..7)? as u8, number(8..10)? as u8);
        let (hour, minute, second) = (
            number(11..13)? as u8,
            number(14..16)? as u8,
            number(17..19)? as u8,
        );
        let mut nanos = 0_u32;
        for place in 0..9 {
            let digit = fraction.get(place).copied().unwrap_or(b'0');
            nanos = nanos * 10 + u32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        }
        let date =
            Date::from_calendar_date(i32::from(year), Month::try_from(month).ok()?, day).ok()?;
        let time = Time::from_hms_nano(hour, minute, second, nanos).ok()?;
        Self::from_date_time(PrimitiveDateTime::new(date, time).assume_utc()).ok()
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        if let Some(at) = Self::parse_utc(text.as_bytes()) {
            return Ok(at);
        }
        OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| TimestampError::Malformed)
            .and_then(Self::from_date_time)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, UTC, with as many digits of the second's fraction as are needed: 0, 3, 6 or 9.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.to_date_time();
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        let nanos = at.nanosecond();
        // The digits are put by hand: a log line is written twice on its way.
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let mut put = |end: usize, places: usize, mut number: u32| {
            for digit in text[end - places..end].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        put(4, 4, year.unsigned_abs());
        put(7, 2, u32::from(u8::from(month)));
        put(10, 2, u32::from(day));
        put(13, 2, u32::from(hour));
        put(16, 2, u32::from(minute));
        put(19, 2, u32::from(second));
        put(29, 9, nanos);
        let end = match nanos {
            0 => 19,
            n if n % 1_000_000 == 0 => 23,
            n if n % 1_000 == 0 => 26,
            _ => 29,
        };
        text[end] = b'Z';
        f.write_str(std::str::from_utf8(&text[..=end]).expect("digits are UTF-8"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)),
        )
    }
}

/// From `start`, inclusive, to `end`, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant no longer inside.
    pub end: Timestamp,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };

    /// The span of time that ends at `end`.
    pub fn last(span: Duration, end: Timestamp) -> Self {
        Self {
            start: end - span,
            end,
        }
    }

    /// Whether `at` lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// How long it is; zero if it ends before it starts.
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a case reads best as one line"
    )]
    fn check(text: &str, expected: Result<i64, TimestampError>) {
        assert_eq!(
            text.parse::<Timestamp>().map(Timestamp::nanos),
            expected,
            "{text}"
        );
    }

    #[test]
    fn parses_what_emitters_write() {
        check("1970-01-01T00:00:00Z", Ok(0));
        check("1970-01-01T00:00:01.5Z", Ok(1_500_000_000));
        check("1970-01-01T00:00:00.000000001Z", Ok(1));
        check("1970-01-01T01:00:00+01:00", Ok(0));
        check("1969-12-31T23:59:59.999Z", Ok(-1_000_000));
        check("2026-02-30T00:00:00Z", Err(TimestampError::Malformed));
        check("yesterday", Err(TimestampError::Malformed));
        check("1970-01-01T00:00:00", Err(TimestampError::Malformed));
        check("9999-01-01T00:00:00Z", Err(TimestampError::OutOfRange));
    }

    proptest! {
        #[test]
        fn text_and_nanoseconds_agree(nanos in any::<i64>()) {
            let at = Timestamp::from_nanos(nanos);
            prop_assert_eq!(at.to_string().parse::<Timestamp>(), Ok(at));
        }

        #[test]
        fn the_short_way_agrees_with_the_general_parser(secs in -6_000_000_000_i64..7_000_000_000, n in 0_i64..1_000_000_000) {
            let text = Timestamp::from_nanos(secs * NANOS_PER_SECOND + n).to_string();
            let general = OffsetDateTime::parse(&text, &Rfc3339).expect("own output parses");
            prop_assert_eq!(text.parse::<Timestamp>(), Timestamp::from_date_time(general));
        }
    }
}
