//! `rate`, `increase` and `delta`: the difference between a window's last and first sample,
//! extrapolated to the whole window where the series seems to cover it.

use std::sync::Arc;

use watchfire_schemas::Sample;

use super::native;
use super::native_rate;
use super::notes::{Note, SeriesNotes};
use super::range_functions::Window;
use super::selection::Windows;
use super::value::Point;

/// By how much beyond the usual distance the first or last sample may be off the window's bound
/// and the series still be thought to go on up to it.
const GAP_TOLERANCE: f64 = 1.1;

/// What a rate is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateKind {
    /// A fall is a restart from zero.
    pub(crate) counter: bool,
    pub(crate) per_second: bool,
}

/// Where the samples of a window begin and end.
#[derive(Debug, Clone, Copy)]
struct Extent {
    first: i64,
    last: i64,
    samples: usize,
    /// Both in milliseconds; the left one is outside.
    start: i64,
    end: i64,
}

/// The rates of a series of floats at all steps.
pub(crate) fn slide(samples: &[Sample], windows: &Windows, kind: RateKind, values: &mut [f64]) {
    let falls: Vec<usize> = if kind.counter {
        (1..samples.len())
            .filter(|&at| samples[at].v < samples[at - 1].v)
            .collect()
    } else {
        Vec::new()
    };
    let (mut from, mut to, mut fall) = (0, 0, 0);
    for (step, value) in values.iter_mut().enumerate() {
        let end = windows.end(step);
        let start = end - windows.range;
        while to < samples.len() && samples[to].t <= end {
            to += 1;
        }
        while from < to && samples[from].t <= start {
            from += 1;
        }
        if to - from < 2 {
            continue;
        }
        while fall < falls.len() && falls[fall] <= from {
            fall += 1;
        }
        let (first, last) = (samples[from], samples[to - 1]);
        let inside = falls[fall..].iter().take_while(|&&at| at < to);
        let growth = inside.fold(last.v - first.v, |growth, &at| growth + samples[at - 1].v);
        let extent = Extent {
            first: first.t,
            last: last.t,
            samples: to - from,
            start,
            end,
        };
        *value = growth * extent.factor(kind, Some((first.v, growth)));
    }
}

/// The rate of a window that may hold histograms.
pub(crate) fn extrapolated(window: &Window<'_>, kind: RateKind, notes: &mut SeriesNotes) -> Point {
    let Window {
        floats,
        histograms,
        start,
        end,
        ..
    } = *window;
    match (floats, histograms) {
        ([_, ..], [_, ..]) => {
            notes.add(Note::MixedFloatsHistograms);
            Point::None
        }
        ([], [first, .., last]) => {
            let Some(mut growth) = native_rate::growth(histograms, kind.counter, notes) else {
                return Point::None;
            };
            let extent = Extent {
                first: first.t,
                last: last.t,
                samples: histograms.len(),
                start,
                end,
            };
            native::scale(&mut growth, extent.factor(kind, None));
            Point::Histogram(Arc::new(growth))
        }
        ([first, .., last], []) => {
            let falls = floats.windows(2).filter(|pair| pair[1].v < pair[0].v);
            let mut growth = last.v - first.v;
            if kind.counter {
                growth = falls.fold(growth, |growth, pair| growth + pair[0].v);
            }
            let extent = Extent {
                first: first.t,
                last: last.t,
                samples: floats.len(),
                start,
                end,
            };
            Point::Float(growth * extent.factor(kind, Some((first.v, growth))))
        }
        _ => Point::None,
    }
}

impl Extent {
    /// By what the growth between the first and the last sample is multiplied. Of floats the first
    /// value and the growth are known.
    fn factor(self, kind: RateKind, line: Option<(f64, f64)>) -> f64 {
        let covered = seconds(self.last - self.first);
        let between = covered / (self.samples - 1) as f64;
        let to_bound = |gap: f64| {
            if gap >= between * GAP_TOLERANCE {
                between / 2.0
            } else {
                gap
            }
        };
        let mut to_start = to_bound(seconds(self.first - self.start));
        if let Some((first, growth)) = line
            && kind.counter
            && growth > 0.0
            && first >= 0.0
        {
            // A counter was not below zero: it began at the latest where the line meets zero.
            to_start = to_start.min(covered * (first / growth));
        }
        let to_end = to_bound(seconds(self.end - self.last));
        let factor = (covered + to_start + to_end) / covered;
        if kind.per_second {
            factor / seconds(self.end - self.start)
        } else {
            factor
        }
    }
}

pub(crate) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
