//! `changes` and `resets`: from each sample to the next, of either kind.

use watchfire_schemas::{HistogramSample, Sample};

use super::native;
use super::range_functions::Window;

/// How often the value changed.
pub(crate) fn changes(window: &Window<'_>) -> f64 {
    let differ = |a: f64, b: f64| {
        !(a.is_nan() && b.is_nan()) && a.partial_cmp(&b) != Some(std::cmp::Ordering::Equal)
    };
    counted(window, differ, |now, before| {
        !native::equal(&now.h, &before.h)
    })
}

/// How often the value fell, or became of the other kind.
pub(crate) fn resets(window: &Window<'_>) -> f64 {
    counted(
        window,
        |now, before| now < before,
        |now, before| native::is_reset(&now.h, &before.h),
    )
}

fn counted(
    window: &Window<'_>,
    floats: impl Fn(f64, f64) -> bool,
    histograms: impl Fn(&HistogramSample, &HistogramSample) -> bool,
) -> f64 {
    if window.histograms.is_empty() {
        let pairs = window.floats.windows(2);
        return pairs.filter(|pair| floats(pair[1].v, pair[0].v)).count() as f64;
    }
    let mut count = 0;
    let mut before = None;
    for now in merged(window) {
        count += usize::from(match (now, before) {
            (_, None) => false,
            (Either::Float(now), Some(Either::Float(before))) => floats(now.v, before.v),
            (Either::Histogram(now), Some(Either::Histogram(before))) => histograms(now, before),
            _ => true,
        });
        before = Some(now);
    }
    count as f64
}

#[derive(Debug, Clone, Copy)]
enum Either<'s> {
    Float(&'s Sample),
    Histogram(&'s HistogramSample),
}

/// All samples in the order of time.
fn merged<'s>(window: &Window<'s>) -> Vec<Either<'s>> {
    let floats = window.floats.iter().map(|s| (s.t, Either::Float(s)));
    let histograms = window
        .histograms
        .iter()
        .map(|s| (s.t, Either::Histogram(s)));
    let mut all: Vec<_> = floats.chain(histograms).collect();
    all.sort_by_key(|(t, _)| *t);
    all.into_iter().map(|(_, sample)| sample).collect()
}
