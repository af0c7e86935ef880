//! Functions over time that also take histograms.

use std::sync::Arc;

use watchfire_schemas::{HistogramSample, NativeHistogram};

use super::native::{Mismatch, add, compact, divide, subtract};
use super::native_rate::mismatch_note;
use super::notes::{Note, SeriesNotes};
use super::range_functions::Window;
use super::rate::seconds;
use super::value::Point;

/// `sum_over_time` of histograms.
pub(crate) fn sum(window: &Window<'_>, notes: &mut SeriesNotes) -> Point {
    folded(window, notes, |sum, next, _| add(sum, next))
}

/// `avg_over_time` of histograms.
pub(crate) fn avg(window: &Window<'_>, notes: &mut SeriesNotes) -> Point {
    folded(window, notes, |mean, next, count| {
        approach(mean, next, count)
    })
}

/// Moves a mean towards the last of so many histograms.
pub(crate) fn approach(
    mean: &mut NativeHistogram,
    next: &NativeHistogram,
    count: f64,
) -> Result<(), Mismatch> {
    let (mut step, mut share) = (next.clone(), mean.clone());
    divide(&mut step, count);
    divide(&mut share, count);
    subtract(&mut step, &share)?;
    add(mean, &step)
}

fn folded(
    window: &Window<'_>,
    notes: &mut SeriesNotes,
    mut take: impl FnMut(&mut NativeHistogram, &NativeHistogram, f64) -> Result<(), Mismatch>,
) -> Point {
    if !window.floats.is_empty() {
        notes.add(Note::MixedFloatsHistograms);
        return Point::None;
    }
    let [first, rest @ ..] = window.histograms else {
        return Point::None;
    };
    let mut folded = first.h.clone();
    for (at, next) in rest.iter().enumerate() {
        if let Err(mismatch) = take(&mut folded, &next.h, (at + 2) as f64) {
            notes.add(mismatch_note(mismatch));
            return Point::None;
        }
    }
    compact(&mut folded);
    Point::Histogram(Arc::new(folded))
}

/// `last_over_time`; of a float and a histogram at the same time the histogram.
pub(crate) fn last(window: &Window<'_>) -> Point {
    match (window.floats.last(), window.histograms.last()) {
        (Some(float), Some(histogram)) if float.t > histogram.t => Point::Float(float.v),
        (Some(float), None) => Point::Float(float.v),
        (_, histogram) => cloned(histogram),
    }
}

/// `first_over_time`.
pub(crate) fn first(window: &Window<'_>) -> Point {
    match (window.floats.first(), window.histograms.first()) {
        (Some(float), Some(histogram)) if float.t < histogram.t => Point::Float(float.v),
        (Some(float), None) => Point::Float(float.v),
        (_, histogram) => cloned(histogram),
    }
}

/// `ts_of_last_over_time`.
pub(crate) fn last_time(window: &Window<'_>) -> f64 {
    let floats = window.floats.last().map(|sample| sample.t);
    let histograms = window.histograms.last().map(|sample| sample.t);
    seconds(floats.max(histograms).unwrap_or_default())
}

/// `ts_of_first_over_time`.
pub(crate) fn first_time(window: &Window<'_>) -> f64 {
    let floats = window.floats.first().map(|sample| sample.t);
    let histograms = window.histograms.first().map(|sample| sample.t);
    let first = floats.into_iter().chain(histograms).min();
    seconds(first.unwrap_or_default())
}

fn cloned(sample: Option<&HistogramSample>) -> Point {
    sample.map_or(Point::None, |sample| {
        Point::Histogram(Arc::new(sample.h.clone()))
    })
}
