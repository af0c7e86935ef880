//! Spans of time as they are written: `monday:friday`, `-3:-1`, `09:00`.

use super::Span;

pub(crate) const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Of no month are there fewer days.
const SHORTEST_MONTH: i32 = 28;

/// Minutes since midnight; `24:00` is the end of the day.
pub(crate) fn time_of_day(text: &str) -> Result<i32, String> {
    let wrong = || format!("{text:?} is not a time of day such as 09:30");
    if text == "24:00" {
        return Ok(24 * 60);
    }
    let bytes = text.as_bytes();
    let &[a, b, b':', c, d] = bytes else {
        return Err(wrong());
    };
    if ![a, b, c, d].iter().all(u8::is_ascii_digit) {
        return Err(wrong());
    }
    let number = |tens: u8, ones: u8| i32::from(tens - b'0') * 10 + i32::from(ones - b'0');
    let (hour, minute) = (number(a, b), number(c, d));
    if hour > 23 || minute > 59 {
        return Err(wrong());
    }
    Ok(hour * 60 + minute)
}

pub(crate) fn weekday(text: &str) -> Result<Span, String> {
    let day = |word: &str| {
        let at = WEEKDAYS.iter().position(|day| *day == word);
        at.map(|at| at as i32)
            .ok_or_else(|| format!("{word:?} is not a day of the week such as monday"))
    };
    let span = span(text, day)?;
    in_order(text, span)
}

pub(crate) fn day_of_month(text: &str) -> Result<Span, String> {
    let span = span(text, |word| {
        number(word).filter(|day| *day != 0 && (-31..=31).contains(day)).ok_or_else(|| {
            format!("{word:?} is not a day of the month: those are 1 to 31, or -1 to -31 from its end")
        })
    })?;
    if span.first < 0 && span.last > 0 {
        return Err(format!(
            "{text:?} begins at a day counted from the month's end and must end at one"
        ));
    }
    let at_least = |day: i32| if day < 0 { SHORTEST_MONTH + day } else { day };
    if at_least(span.first) > at_least(span.last) {
        return Err(format!("{text:?} ends before it begins"));
    }
    Ok(span)
}

pub(crate) fn month(text: &str) -> Result<Span, String> {
    let month = |word: &str| {
        let named = MONTHS.iter().position(|month| *month == word);
        named
            .map(|at| at as i32 + 1)
            // Of a 13th there is none, but Alertmanager waits for it.
            .or_else(|| number(word))
            .ok_or_else(|| format!("{word:?} is not a month such as january or 1"))
    };
    in_order(text, span(text, month)?)
}

pub(crate) fn year(text: &str) -> Result<Span, String> {
    let year = |word: &str| number(word).ok_or_else(|| format!("{word:?} is not a year"));
    in_order(text, span(text, year)?)
}

fn number(word: &str) -> Option<i32> {
    word.parse().ok()
}

/// `a` or `a:b`, in any case of letters.
fn span(text: &str, member: impl Fn(&str) -> Result<i32, String>) -> Result<Span, String> {
    let text = text.to_lowercase();
    let (first, last) = text.split_once(':').unwrap_or((&text, &text));
    Ok(Span {
        first: member(first)?,
        last: member(last)?,
    })
}

fn in_order(text: &str, span: Span) -> Result<Span, String> {
    if span.first > span.last {
        return Err(format!("{text:?} ends before it begins"));
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: &Result<Span, String>, expected: Option<(i32, i32)>) {
        let found = read.as_ref().ok().map(|span| (span.first, span.last));
        assert_eq!(found, expected, "{read:?}");
    }

    #[test]
    fn spans_are_read_and_refused() {
        check(&weekday("Monday:friday"), Some((1, 5)));
        check(&weekday("saturday:sunday"), None);
        check(&weekday("1"), None);
        check(&weekday("monday:"), None);
        check(&day_of_month("1:5"), Some((1, 5)));
        check(&day_of_month("-3:-1"), Some((-3, -1)));
        check(&day_of_month("15:-1"), Some((15, -1)));
        check(&day_of_month("-1:-3"), None);
        check(&day_of_month("-3:1"), None);
        check(&day_of_month("0"), None);
        check(&day_of_month("30:-10"), None);
        check(&month("may:8"), Some((5, 8)));
        check(&month("13"), Some((13, 13)));
        check(&month("brumaire"), None);
        check(&month("december:january"), None);
        check(&year("2026:2028"), Some((2026, 2028)));
        check(&year("2028:2026"), None);
        assert_eq!(time_of_day("09:05"), Ok(545));
        assert_eq!(time_of_day("24:00"), Ok(1440));
        for wrong in ["9:05", "24:01", "09:60", "0905", "ab:cd"] {
            assert!(time_of_day(wrong).is_err(), "{wrong}");
        }
    }
}
