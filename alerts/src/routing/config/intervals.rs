//! Time intervals, read.

use jiff::tz::TimeZone;
use serde_saphyr::Spanned;

use super::document::{IntervalText, Texts, TimesText};
use super::reader::Reader;
use crate::routing::interval::{
    Span, TimeInterval, day_of_month, month, time_of_day, weekday, year,
};

impl Reader<'_> {
    pub(super) fn interval(&mut self, text: &IntervalText) -> TimeInterval {
        TimeInterval {
            times: text
                .times
                .as_ref()
                .map(|times| times.iter().filter_map(|time| self.times(time)).collect()),
            weekdays: self.spans(&text.weekdays, weekday),
            days_of_month: self.spans(&text.days_of_month, day_of_month),
            months: self.spans(&text.months, month),
            years: self.spans(&text.years, year),
            location: text.location.as_ref().and_then(|name| self.location(name)),
        }
    }

    fn times(&mut self, text: &Spanned<TimesText>) -> Option<(i32, i32)> {
        let TimesText {
            start_time: Some(start),
            end_time: Some(end),
        } = &text.value
        else {
            self.note(text, "both start_time and end_time are needed");
            return None;
        };
        match (time_of_day(start), time_of_day(end)) {
            (Ok(start), Ok(end)) if start < end => Some((start, end)),
            (Ok(_), Ok(_)) => {
                self.note(text, "start_time must come before end_time");
                None
            }
            (start, end) => {
                for reason in [start.err(), end.err()].into_iter().flatten() {
                    self.note(text, reason);
                }
                None
            }
        }
    }

    fn spans(
        &mut self,
        texts: &Texts,
        read: fn(&str) -> Result<Span, String>,
    ) -> Option<Vec<Span>> {
        let texts = texts.as_ref()?;
        let mut spans = Vec::with_capacity(texts.len());
        for text in texts {
            match read(&text.value) {
                Ok(span) => spans.push(span),
                Err(reason) => self.note(text, reason),
            }
        }
        Some(spans)
    }

    /// `Local` is the machine's own, as in Go.
    fn location(&mut self, name: &Spanned<String>) -> Option<TimeZone> {
        match name.value.as_str() {
            "" | "UTC" => Some(TimeZone::UTC),
            "Local" => Some(TimeZone::system()),
            other => {
                let zone = TimeZone::get(other);
                if zone.is_err() {
                    self.note(name, format!("there is no time zone {other:?}"));
                }
                zone.ok()
            }
        }
    }
}
