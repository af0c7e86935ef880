use std::sync::Arc;

use watchfire_schemas::{CounterReset, NativeHistogram};

use super::native::{compact, divide, is_reset, subtract};
use super::native_rate::noted;
use super::notes::{Note, SeriesNotes};
use super::range_functions::Window;
use super::rate::seconds;
use super::value::Point;

#[derive(Debug, Clone, Copy)]
enum Last<'s> {
    Float(f64),
    Histogram(&'s NativeHistogram),
}

/// `irate` and `idelta`: from the last two samples.
pub(crate) fn of(window: &Window<'_>, per_second: bool, notes: &mut SeriesNotes) -> Point {
    let Some([(earlier, before), (later, last)]) = last_two(window) else {
        return Point::None;
    };
    if earlier == later {
        return Point::None;
    }
    let elapsed = seconds(later - earlier);
    match (before, last) {
        (Last::Float(before), Last::Float(last)) => {
            let growth = if per_second && last < before {
                last
            } else {
                last - before
            };
            Point::Float(if per_second { growth / elapsed } else { growth })
        }
        (Last::Histogram(before), Last::Histogram(last)) => {
            let Some(mut growth) = growth(before, last, per_second, notes) else {
                return Point::None;
            };
            if per_second {
                divide(&mut growth, elapsed);
            }
            Point::Histogram(Arc::new(growth))
        }
        _ => {
            notes.add(Note::MixedFloatsHistograms);
            Point::None
        }
    }
}

fn growth(
    before: &NativeHistogram,
    last: &NativeHistogram,
    counter: bool,
    notes: &mut SeriesNotes,
) -> Option<NativeHistogram> {
    let is_gauge = |h: &NativeHistogram| h.reset == CounterReset::Gauge;
    if counter && (is_gauge(before) || is_gauge(last)) {
        notes.add(Note::NotCounter);
    }
    let of_gauge = is_gauge(before) && is_gauge(last);
    if !(counter || of_gauge) {
        notes.add(Note::NotGauge);
    }
    let mut growth = last.clone();
    if !counter || !is_reset(last, before) {
        noted(subtract(&mut growth, before), notes)?;
    }
    growth.reset = CounterReset::Gauge;
    compact(&mut growth);
    Some(growth)
}

/// The last two samples of either kind, with their times.
fn last_two<'s>(window: &Window<'s>) -> Option<[(i64, Last<'s>); 2]> {
    if let ([.., before, last], []) = (window.floats, window.histograms) {
        return Some([before, last].map(|sample| (sample.t, Last::Float(sample.v))));
    }
    let floats = window.floats.iter().rev().take(2);
    let floats = floats.map(|sample| (sample.t, Last::Float(sample.v)));
    let histograms = window.histograms.iter().rev().take(2);
    let histograms = histograms.map(|sample| (sample.t, Last::Histogram(&sample.h)));
    let mut last: Vec<_> = floats.chain(histograms).collect();
    last.sort_by_key(|(t, _)| *t);
    let [.., before, last] = last.as_slice() else {
        return None;
    };
    Some([*before, *last])
}
