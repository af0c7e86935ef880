use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Summary, SummaryDataPoint,
    summary_data_point::ValueAtQuantile,
};
use watchfire_schemas::{LabelSet, MetricFamily, SeriesSamples, Timestamp};

use super::{attributes, millis, nanos, point_exemplar, value};

/// The series of a family that are one point: a histogram's buckets, its sum and its count.
#[derive(Debug, Default)]
struct Parts<'a> {
    /// By boundary or quantile.
    steps: Vec<(f64, &'a SeriesSamples)>,
    sum: Option<f64>,
    count: Option<f64>,
    at: i64,
}

pub(super) fn histogram(family: &MetricFamily, since: Timestamp) -> Histogram {
    let points = parts(family, "le").into_iter().map(|(labels, parts)| {
        let count = parts
            .count
            .or_else(|| parts.steps.last().map(|(_, series)| value(series)));
        let (bounds, counts) = buckets(&parts, count.unwrap_or_default());
        HistogramDataPoint {
            attributes: attributes(&labels, ""),
            start_time_unix_nano: nanos(since),
            time_unix_nano: millis(parts.at),
            count: count.unwrap_or_default() as u64,
            sum: parts.sum,
            bucket_counts: counts,
            explicit_bounds: bounds,
            exemplars: parts
                .steps
                .iter()
                .flat_map(|(_, series)| series.exemplars.iter().map(point_exemplar))
                .collect(),
            ..HistogramDataPoint::default()
        }
    });
    Histogram {
        data_points: points.collect(),
        aggregation_temporality: AggregationTemporality::Cumulative as i32,
    }
}

pub(super) fn summary(family: &MetricFamily, since: Timestamp) -> Summary {
    let points = parts(family, "quantile")
        .into_iter()
        .map(|(labels, parts)| SummaryDataPoint {
            attributes: attributes(&labels, ""),
            start_time_unix_nano: nanos(since),
            time_unix_nano: millis(parts.at),
            count: parts.count.unwrap_or_default() as u64,
            sum: parts.sum.unwrap_or_default(),
            quantile_values: parts
                .steps
                .iter()
                .map(|(quantile, series)| ValueAtQuantile {
                    quantile: *quantile,
                    value: value(series),
                })
                .collect(),
            flags: 0,
        });
    Summary {
        data_points: points.collect(),
    }
}

/// The family's series by their labels without name and step, steps in order.
fn parts<'a>(family: &'a MetricFamily, step: &str) -> BTreeMap<LabelSet, Parts<'a>> {
    let mut all = BTreeMap::<LabelSet, Parts<'a>>::new();
    for series in &family.series {
        let labels = series
            .labels
            .filtered(|name| name != LabelSet::NAME && name != step);
        let parts = all.entry(labels).or_default();
        parts.at = parts
            .at
            .max(series.samples.last().map_or(0, |sample| sample.t));
        let suffix = series
            .labels
            .name()
            .strip_prefix(family.name.as_str())
            .unwrap_or_default();
        match (
            suffix,
            series.labels.get(step).and_then(|text| text.parse().ok()),
        ) {
            ("_sum", _) => parts.sum = Some(value(series)),
            ("_count", _) => parts.count = Some(value(series)),
            ("_bucket" | "", Some(at)) => parts.steps.push((at, series)),
            _ => {}
        }
    }
    for parts in all.values_mut() {
        parts.steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    all
}

/// An exposition's buckets count all below their boundary, OTLP's only those since the one
/// before; and the last, without a boundary, takes what is left of the count.
fn buckets(parts: &Parts<'_>, count: f64) -> (Vec<f64>, Vec<u64>) {
    let finite = parts.steps.iter().filter(|(bound, _)| bound.is_finite());
    let (bounds, totals): (Vec<f64>, Vec<f64>) = finite
        .map(|(bound, series)| (*bound, value(series)))
        .unzip();
    let mut below = 0.0;
    let counts = totals.into_iter().chain([count]).map(|total| {
        let within = (total - below).max(0.0);
        below = total;
        within as u64
    });
    let counts = counts.collect();
    (bounds, counts)
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::parse_exposition;

    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_000);

    #[test]
    fn cumulative_buckets_become_counts_of_each() {
        let text = r#"# TYPE h histogram
h_bucket{r="a",le="0.5"} 2
h_bucket{r="a",le="1"} 5
h_bucket{r="a",le="+Inf"} 6
h_sum{r="a"} 4.5
h_count{r="a"} 6
h_bucket{r="b",le="+Inf"} 1
h_count{r="b"} 1
"#;
        let families = parse_exposition(text, AT).unwrap();
        let histogram = histogram(&families[0], Timestamp::from_millis(5));
        let [a, b] = &histogram.data_points[..] else {
            panic!("{histogram:?}")
        };
        assert_eq!((a.count, a.sum), (6, Some(4.5)));
        assert_eq!(
            (a.explicit_bounds.as_slice(), a.bucket_counts.as_slice()),
            (&[0.5, 1.0][..], &[2, 3, 1][..])
        );
        assert_eq!(
            (a.start_time_unix_nano, a.time_unix_nano),
            (5_000_000, 1_000_000_000)
        );
        assert_eq!(a.attributes.len(), 1);
        assert_eq!((b.sum, b.bucket_counts.as_slice()), (None, &[1][..]));
    }

    #[test]
    fn quantiles_become_a_summary() {
        let text =
            "# TYPE s summary\ns{quantile=\"0.9\"} 7\ns{quantile=\"0.5\"} 3\ns_sum 20\ns_count 4\n";
        let families = parse_exposition(text, AT).unwrap();
        let summary = summary(&families[0], AT);
        let point = &summary.data_points[0];
        assert_eq!(
            (
                point.count,
                point.quantile_values[0].quantile,
                point.quantile_values[1].value
            ),
            (4, 0.5, 7.0)
        );
    }
}
