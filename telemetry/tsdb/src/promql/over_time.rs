use watchfire_schemas::Sample;

use super::float_sum::{FloatSum, Mean, Variance};
use super::quantile::quantile;

/// What the functions `<name>_over_time` that are of numbers alone give; `None` for other names.
/// There is at least one sample.
pub(crate) fn function(name: &str) -> Option<fn(&[Sample]) -> f64> {
    Some(match name {
        "min_over_time" => |samples| samples[least(samples)].v,
        "max_over_time" => |samples| samples[greatest(samples)].v,
        "stddev_over_time" => |samples| variance(samples).sqrt(),
        "stdvar_over_time" => variance,
        "mad_over_time" => median_deviation,
        "ts_of_min_over_time" => |samples| time(samples[least(samples)]),
        "ts_of_max_over_time" => |samples| time(samples[greatest(samples)]),
        _ => return None,
    })
}

/// `quantile_over_time`.
pub(crate) fn quantile_of(q: f64, samples: &[Sample]) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(|sample| sample.v).collect();
    quantile(q, &mut values)
}

/// `sum_over_time`.
pub(crate) fn sum(samples: &[Sample]) -> f64 {
    let mut sum = FloatSum::default();
    for sample in samples {
        sum.add(sample.v);
    }
    sum.total()
}

/// `avg_over_time`.
pub(crate) fn avg(samples: &[Sample]) -> f64 {
    let mut mean = Mean::default();
    for sample in samples {
        mean.add(sample.v);
    }
    mean.value()
}

fn variance(samples: &[Sample]) -> f64 {
    let mut variance = Variance::default();
    for sample in samples {
        variance.add(sample.v);
    }
    variance.value()
}

fn median_deviation(samples: &[Sample]) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(|sample| sample.v).collect();
    let median = quantile(0.5, &mut values);
    for value in &mut values {
        *value = (*value - median).abs();
    }
    quantile(0.5, &mut values)
}

/// Where the smallest value is, the last of several; NaN only if there is nothing else.
fn least(samples: &[Sample]) -> usize {
    best(samples, |value, best| value <= best)
}

fn greatest(samples: &[Sample]) -> usize {
    best(samples, |value, best| value >= best)
}

fn best(samples: &[Sample], beats: fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (i, sample) in samples.iter().enumerate().skip(1) {
        if beats(sample.v, samples[best].v) || samples[best].v.is_nan() {
            best = i;
        }
    }
    best
}

fn time(sample: Sample) -> f64 {
    sample.t as f64 / 1000.0
}
