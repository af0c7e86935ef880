use watchfire_schemas::Sample;

use super::float_sum::FloatSum;

/// The line of least squares through samples: its slope per second and its value at `origin`.
pub(crate) fn line(samples: &[Sample], origin: i64) -> Option<(f64, f64)> {
    let [first, _, ..] = samples else {
        return None;
    };
    if samples
        .iter()
        .all(|sample| sample.v.to_bits() == first.v.to_bits())
    {
        return Some(if first.v.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first.v)
        });
    }
    let mut sums = [FloatSum::default(); 4];
    for sample in samples {
        let x = (sample.t - origin) as f64 / 1000.0;
        for (sum, term) in sums.iter_mut().zip([x, sample.v, x * sample.v, x * x]) {
            sum.add(term);
        }
    }
    let [x, y, xy, xx] = sums.map(FloatSum::total);
    let n = samples.len() as f64;
    let slope = (xy - x * y / n) / (xx - x * x / n);
    Some((slope, y / n - slope * x / n))
}

/// `double_exponential_smoothing`: level and trend, each smoothed by its own factor.
pub(crate) fn smoothed(samples: &[Sample], smoothing: f64, trending: f64) -> Option<f64> {
    let [first, second, ..] = samples else {
        return None;
    };
    let (mut before, mut level) = (0.0, first.v);
    let mut trend = second.v - first.v;
    for (i, sample) in samples[1..].iter().enumerate() {
        if i > 0 {
            trend = trending * (level - before) + (1.0 - trending) * trend;
        }
        let next = smoothing * sample.v + (1.0 - smoothing) * (level + trend);
        (before, level) = (level, next);
    }
    Some(level)
}
