use watchfire_schemas::Sample;

use super::range_functions::Window;

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

/// `rate`, `increase` and `delta`: the difference between the window's last and first sample,
/// extrapolated to the whole window where the series seems to cover it.
pub(crate) fn extrapolated(window: &Window<'_>, kind: RateKind) -> Option<f64> {
    let (first, last) = (window.samples.first()?, window.samples.last()?);
    if window.samples.len() < 2 {
        return None;
    }
    let mut growth = last.v - first.v;
    if kind.counter {
        growth += lost_in_resets(window.samples);
    }
    let covered = seconds(last.t - first.t);
    let between = covered / (window.samples.len() - 1) as f64;
    let to_bound = |gap: f64| {
        if gap >= between * GAP_TOLERANCE {
            between / 2.0
        } else {
            gap
        }
    };
    let mut to_start = to_bound(seconds(first.t - window.start));
    if kind.counter && growth > 0.0 && first.v >= 0.0 {
        // A counter was not below zero: it began at the latest where the line meets zero.
        to_start = to_start.min(covered * (first.v / growth));
    }
    let to_end = to_bound(seconds(window.end - last.t));
    let mut factor = (covered + to_start + to_end) / covered;
    if kind.per_second {
        factor /= seconds(window.end - window.start);
    }
    Some(growth * factor)
}

/// `irate` and `idelta`: from the last two samples.
pub(crate) fn instant(samples: &[Sample], per_second: bool) -> Option<f64> {
    let [.., before, last] = samples else {
        return None;
    };
    if !per_second {
        return Some(last.v - before.v);
    }
    let growth = if last.v < before.v {
        last.v
    } else {
        last.v - before.v
    };
    (last.t > before.t).then(|| growth / seconds(last.t - before.t))
}

/// `changes`.
pub(crate) fn changes(samples: &[Sample]) -> f64 {
    let differ = |pair: &&[Sample]| {
        let (a, b) = (pair[0].v, pair[1].v);
        !(a.is_nan() && b.is_nan()) && a.partial_cmp(&b) != Some(std::cmp::Ordering::Equal)
    };
    samples.windows(2).filter(differ).count() as f64
}

/// `resets`.
pub(crate) fn resets(samples: &[Sample]) -> f64 {
    samples
        .windows(2)
        .filter(|pair| pair[1].v < pair[0].v)
        .count() as f64
}

fn lost_in_resets(samples: &[Sample]) -> f64 {
    let falls = samples.windows(2).filter(|pair| pair[1].v < pair[0].v);
    falls.fold(0.0, |lost, pair| lost + pair[0].v)
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
