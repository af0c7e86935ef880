use std::collections::BTreeMap;

use watchfire_schemas::{HistogramSample, LabelSet, NativeHistogram};

use super::histogram::from_map;
use super::values::Point;

/// What is known of a classic histogram at a time.
#[derive(Debug, Default)]
struct Classic {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// Classic histograms as native ones of custom bounds (`load_with_nhcb`).
pub(crate) fn converted(
    series: &[(LabelSet, Vec<Point>)],
    step: i64,
) -> Vec<(LabelSet, Vec<HistogramSample>)> {
    let mut all: BTreeMap<LabelSet, BTreeMap<i64, Classic>> = BTreeMap::new();
    for (labels, points) in series {
        let name = labels.name();
        let suffix = ["_bucket", "_count", "_sum"]
            .into_iter()
            .find(|s| name.ends_with(s));
        let Some(suffix) = suffix else { continue };
        let base = labels.without("le");
        let base = base.with(LabelSet::NAME, &name[..name.len() - suffix.len()]);
        let le = labels.get("le").and_then(|le| le.parse::<f64>().ok());
        let of_metric = all.entry(base).or_default();
        for (i, point) in points.iter().enumerate() {
            let &Point::Float(value) = point else {
                continue;
            };
            let classic = of_metric.entry(i as i64 * step).or_default();
            match (suffix, le) {
                ("_bucket", Some(le)) => classic.buckets.push((le, value)),
                ("_bucket", None) => {}
                ("_count", _) => classic.count = Some(value),
                _ => classic.sum = value,
            }
        }
    }
    let histograms = all.into_iter().map(|(labels, at)| {
        let samples = at.into_iter().map(|(t, classic)| HistogramSample {
            t,
            h: classic.into_native(),
        });
        (labels, samples.collect())
    });
    histograms.collect()
}

impl Classic {
    fn into_native(mut self) -> NativeHistogram {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let whole = self.buckets.last().map_or(0.0, |last| last.1);
        let count = self.count.unwrap_or(whole);
        if self
            .buckets
            .last()
            .is_none_or(|last| last.0 < f64::INFINITY)
        {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut before = 0.0;
        let mut counts = BTreeMap::new();
        for (i, (_, cumulative)) in self.buckets.iter().enumerate() {
            if *cumulative - before != 0.0 {
                counts.insert(i as i32, cumulative - before);
            }
            before = *cumulative;
        }
        let bounds = self.buckets.iter().map(|(bound, _)| *bound);
        NativeHistogram {
            schema: NativeHistogram::CUSTOM_BOUNDS,
            count,
            sum: self.sum,
            positive: from_map(counts),
            custom_bounds: bounds.filter(|bound| bound.is_finite()).collect(),
            ..NativeHistogram::default()
        }
    }
}
