use watchfire_schemas::{HistogramBuckets, LabelSet, NativeHistogram};
use watchfire_tsdb::{Annotations, QueryError};

use super::case::{Eval, Text};
use super::values::Point;

/// How far a value may be off, relatively.
const TOLERANCE: f64 = 1e-6;

impl Text {
    fn is(&self, message: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Whole(whole) => whole == message,
            Self::Pattern(pattern) => regex::Regex::new(pattern).is_ok_and(|r| r.is_match(message)),
        }
    }
}

pub(crate) fn failure(eval: &Eval, error: &QueryError) -> Result<(), String> {
    let Some(expected) = &eval.fail else {
        return Err(format!("failed: {error}"));
    };
    let message = error.to_string();
    if expected.is(&message) {
        return Ok(());
    }
    Err(format!("failed with {message:?}, not {expected:?}"))
}

pub(crate) fn annotations(eval: &Eval, found: &Annotations) -> Result<(), String> {
    // Messages are expected without their place.
    let plain = |texts: &[String]| -> Vec<String> {
        let cut = |text: &String| match text.rfind(" (") {
            Some(at) if text.ends_with(')') => text[..at].to_owned(),
            _ => text.clone(),
        };
        texts.iter().map(cut).collect()
    };
    for (kind, expected, none, found) in [
        ("warnings", &eval.warn, eval.no_warn, plain(&found.warnings)),
        ("infos", &eval.info, eval.no_info, plain(&found.infos)),
    ] {
        if none && !found.is_empty() {
            return Err(format!("no {kind} expected, found {found:?}"));
        }
        if expected.is_empty() {
            continue;
        }
        let all_there = expected.iter().all(|e| found.iter().any(|text| e.is(text)));
        let no_others = found.iter().all(|text| expected.iter().any(|e| e.is(text)));
        if !all_there || !no_others {
            return Err(format!("{kind} {expected:?} expected, found {found:?}"));
        }
    }
    Ok(())
}

/// Series by labels, each with a point for each step.
pub(crate) fn series(
    eval: &Eval,
    found: &[(LabelSet, Vec<Point>)],
    ordered: bool,
) -> Result<(), String> {
    for (at, (labels, points)) in found.iter().enumerate() {
        let Some(place) = eval.series.iter().position(|(other, _)| other == labels) else {
            return Err(format!("unexpected {labels}: {points:?}"));
        };
        if ordered && place != at {
            return Err(format!("{labels} is at {at}, not at {place}"));
        }
        let mut expected = eval.series[place].1.clone();
        if expected.len() > points.len() {
            return Err(format!(
                "{} points for {labels}, not {}",
                points.len(),
                expected.len()
            ));
        }
        expected.resize(points.len(), Point::None);
        for (i, (found, expected)) in points.iter().zip(&expected).enumerate() {
            if !same_point(found, expected) {
                return Err(format!("{labels} at {i}: {found:?}, not {expected:?}"));
            }
        }
    }
    let missing = eval.series.iter().find(|(labels, points)| {
        points.iter().any(|point| *point != Point::None)
            && !found.iter().any(|(other, _)| other == labels)
    });
    match missing {
        Some((labels, _)) => Err(format!("{labels} is missing, found {found:?}")),
        None => Ok(()),
    }
}

fn same_point(a: &Point, b: &Point) -> bool {
    match (a, b) {
        (Point::None, Point::None) => true,
        (Point::Float(a), Point::Float(b)) => same(*a, *b),
        (Point::Histogram(a), Point::Histogram(b)) => same_histogram(a, b),
        _ => false,
    }
}

fn same_histogram(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    a.schema == b.schema
        && same(a.count, b.count)
        && same(a.sum, b.sum)
        && same(a.zero_threshold, b.zero_threshold)
        && same(a.zero_count, b.zero_count)
        && a.custom_bounds.len() == b.custom_bounds.len()
        && a.custom_bounds
            .iter()
            .zip(&b.custom_bounds)
            .all(|(a, b)| same(*a, *b))
        && same_buckets(&a.positive, &b.positive)
        && same_buckets(&a.negative, &b.negative)
}

fn same_buckets(a: &HistogramBuckets, b: &HistogramBuckets) -> bool {
    let full = |buckets: &HistogramBuckets| -> Vec<(i32, f64)> {
        buckets.iter().filter(|(_, count)| *count != 0.0).collect()
    };
    let (a, b) = (full(a), full(b));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
}

pub(crate) fn same(a: f64, b: f64) -> bool {
    if a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan() || a.total_cmp(&b).is_eq() {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE || difference == 0.0;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}
