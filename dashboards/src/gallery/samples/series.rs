//! Time series.

use super::*;

/// A wave with noise that is the same each time.
pub(super) fn wave(at: usize, base: f64, swing: f64) -> f64 {
    let noise = ((at * 7919 % 101) as f64 / 101.0 - 0.5) * swing;
    (base + (at as f64 / 9.0).sin() * swing * 0.6 + noise).max(0.0)
}

pub(super) fn points(value: impl Fn(usize) -> f64) -> Vec<(Timestamp, f64)> {
    (0..61)
        .map(|at| (ago((60 - at) as f64 * 60.0), value(at)))
        .collect()
}

pub(crate) fn red(mood: Mood) -> Vec<ServiceRed> {
    let service = |plain: &str, base: f64, failing: bool, p99: f64| ServiceRed {
        name: name(mood, plain),
        rate: points(|at| wave(at, base, base / 5.0)),
        errors: points(|at| match at {
            at if failing && at > 52 => wave(at, base * 0.3, base * 0.1),
            at if at % 17 == 3 => base * 0.004,
            _ => 0.0,
        }),
        p50: points(|at| wave(at, p99 / 9.0, p99 / 60.0)),
        p99: points(|at| wave(at, p99, p99 / 4.0) * if failing && at > 52 { 3.2 } else { 1.0 }),
        error_logs: points(|at| if failing && at > 52 { 4.1 } else { 0.0 }),
    };
    match mood {
        Mood::Empty => Vec::new(),
        _ => vec![
            service("content", 212.0, true, 0.34),
            service("gateway", 248.0, false, 0.41),
            service("payments", 14.0, false, 0.62),
            service("search", 61.0, false, 0.088),
            service("sync-worker", 0.7, false, 2.4),
        ],
    }
}

pub(crate) fn vector(mood: Mood) -> QueryValue {
    let sample = |series: RangeSeries| InstantSample {
        sample: *series.samples.last().unwrap(),
        labels: series.labels,
        histogram: None,
    };
    QueryValue::Vector(matrix(mood).into_iter().map(sample).collect())
}

pub(crate) fn matrix(mood: Mood) -> Vec<RangeSeries> {
    let series = |service: ServiceRed| RangeSeries {
        labels: LabelSet::new([("service".to_owned(), service.name)]),
        samples: service
            .rate
            .iter()
            .map(|(at, v)| Sample {
                t: at.millis(),
                v: *v,
            })
            .collect(),
        histograms: Vec::new(),
    };
    red(mood).into_iter().map(series).collect()
}
