mod labels;

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{self as proto, Metric, metric, number_data_point};
use watchfire_schemas::{
    Exemplar, LabelSet, MetricKind, Sample, SeriesSamples, Temporality, Timestamp,
};

use super::buckets::{self, Cumulative};
use super::metric_name::metric_name;
use super::{Rejections, attributes, time_of};
use crate::drop_reason::DropReason;
use labels::{exemplar, labels, target};

/// What Prometheus writes where a series ends: a NaN of its own.
const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
/// The flag of a point that says: nothing here any more.
const NO_RECORDED_VALUE: u32 = 1;

/// The points of a request as samples of classic Prometheus series, merged by series.
pub(crate) fn series(
    request: &ExportMetricsServiceRequest,
    received_at: Timestamp,
) -> (Vec<SeriesSamples>, Rejections) {
    let mut intake = Intake {
        received_at,
        series: BTreeMap::new(),
        rejections: Rejections::default(),
    };
    for of_resource in &request.resource_metrics {
        let target = target(&attributes::resource(of_resource.resource.as_ref()));
        for metric in of_resource
            .scope_metrics
            .iter()
            .flat_map(|scope| &scope.metrics)
        {
            intake.metric(metric, &target);
        }
    }
    let mut series: Vec<SeriesSamples> = intake.series.into_values().collect();
    for one in &mut series {
        one.samples.sort_by_key(|sample| sample.t);
        one.exemplars.sort_by_key(|exemplar| exemplar.t);
    }
    (series, intake.rejections)
}

struct Intake {
    received_at: Timestamp,
    series: BTreeMap<LabelSet, SeriesSamples>,
    rejections: Rejections,
}

/// What the series of one metric share.
#[derive(Clone)]
struct Shape<'a> {
    name: String,
    kind: MetricKind,
    temporality: Temporality,
    target: &'a [(String, String)],
}

/// One point's time and labels.
struct Point<'a> {
    t: i64,
    attributes: &'a [KeyValue],
}

impl Intake {
    fn metric(&mut self, metric: &Metric, target: &[(String, String)]) {
        let Some(data) = &metric.data else {
            return;
        };
        if metric.name.is_empty() {
            self.rejections
                .add(DropReason::NoMetricName, points(data), || {
                    "a metric has no name".to_owned()
                });
            return;
        }
        let Some((temporality, monotonic)) = temporality(data) else {
            self.rejections
                .add(DropReason::NoTemporality, points(data), || {
                    format!("metric {:?} says neither cumulative nor delta", metric.name)
                });
            return;
        };
        let kind = match data {
            metric::Data::Sum(_) if monotonic => MetricKind::Counter,
            metric::Data::Gauge(_) | metric::Data::Sum(_) => MetricKind::Gauge,
            metric::Data::Histogram(_) | metric::Data::ExponentialHistogram(_) => {
                MetricKind::Histogram
            }
            metric::Data::Summary(_) => MetricKind::Summary,
        };
        let is_gauge = matches!(data, metric::Data::Gauge(_));
        let shape = Shape {
            name: metric_name(&metric.name, &metric.unit, monotonic, is_gauge),
            kind,
            temporality,
            target,
        };
        match data {
            metric::Data::Gauge(gauge) => gauge
                .data_points
                .iter()
                .for_each(|p| self.number(&shape, p)),
            metric::Data::Sum(sum) => sum.data_points.iter().for_each(|p| self.number(&shape, p)),
            metric::Data::Histogram(histogram) => {
                histogram
                    .data_points
                    .iter()
                    .for_each(|p| self.explicit(&shape, p));
            }
            metric::Data::ExponentialHistogram(histogram) => {
                histogram
                    .data_points
                    .iter()
                    .for_each(|p| self.exponential(&shape, p));
            }
            metric::Data::Summary(summary) => summary
                .data_points
                .iter()
                .for_each(|p| self.summary(&shape, p)),
        }
    }

    fn number(&mut self, shape: &Shape<'_>, point: &proto::NumberDataPoint) {
        let value = match point.value {
            _ if point.flags & NO_RECORDED_VALUE != 0 => STALE_NAN,
            Some(number_data_point::Value::AsDouble(value)) => value,
            Some(number_data_point::Value::AsInt(value)) => value as f64,
            None => {
                self.rejections.add(DropReason::NoPointValue, 1, || {
                    format!("a point of metric {:?} has no value", shape.name)
                });
                return;
            }
        };
        let place = self.place(point.time_unix_nano, &point.attributes);
        let exemplars = point.exemplars.iter().filter_map(exemplar).collect();
        self.put(shape, "", &place, None, (value, exemplars));
    }

    fn explicit(&mut self, shape: &Shape<'_>, point: &proto::HistogramDataPoint) {
        let place = self.place(point.time_unix_nano, &point.attributes);
        let totals = (point.sum, point.count, point.flags);
        self.histogram(
            shape,
            &place,
            buckets::explicit(point),
            totals,
            &point.exemplars,
        );
    }

    fn exponential(&mut self, shape: &Shape<'_>, point: &proto::ExponentialHistogramDataPoint) {
        let place = self.place(point.time_unix_nano, &point.attributes);
        let totals = (point.sum, point.count, point.flags);
        self.histogram(
            shape,
            &place,
            buckets::exponential(point),
            totals,
            &point.exemplars,
        );
    }

    fn histogram(
        &mut self,
        shape: &Shape<'_>,
        place: &Point<'_>,
        buckets: Option<Cumulative>,
        (sum, count, flags): (Option<f64>, u64, u32),
        exemplars: &[proto::Exemplar],
    ) {
        let Some(buckets) = buckets else {
            self.rejections.add(DropReason::BadBuckets, 1, || {
                format!(
                    "counts and bounds of histogram {:?} do not fit together",
                    shape.name
                )
            });
            return;
        };
        let stale = flags & NO_RECORDED_VALUE != 0;
        let value = |value: f64| if stale { STALE_NAN } else { value };
        let exemplars: Vec<Exemplar> = exemplars.iter().filter_map(exemplar).collect();
        let mut lower = f64::NEG_INFINITY;
        for (bound, count) in buckets {
            let within = exemplars.iter().filter(|e| e.v > lower && e.v <= bound);
            let of_bucket = (value(count), within.cloned().collect());
            self.put(shape, "_bucket", place, Some(("le", bound)), of_bucket);
            lower = bound;
        }
        // Without a sum the emitter saw negative values, of which a sum would say nothing.
        if let Some(sum) = sum.or(stale.then_some(0.0)) {
            self.put(shape, "_sum", place, None, (value(sum), Vec::new()));
        }
        self.put(
            shape,
            "_count",
            place,
            None,
            (value(count as f64), Vec::new()),
        );
    }

    fn summary(&mut self, shape: &Shape<'_>, point: &proto::SummaryDataPoint) {
        let place = self.place(point.time_unix_nano, &point.attributes);
        let stale = point.flags & NO_RECORDED_VALUE != 0;
        let value = |value: f64| if stale { STALE_NAN } else { value };
        for quantile in &point.quantile_values {
            let label = Some(("quantile", quantile.quantile));
            self.put(
                shape,
                "",
                &place,
                label,
                (value(quantile.value), Vec::new()),
            );
        }
        self.put(shape, "_sum", &place, None, (value(point.sum), Vec::new()));
        self.put(
            shape,
            "_count",
            &place,
            None,
            (value(point.count as f64), Vec::new()),
        );
    }

    fn place<'p>(&self, nanos: u64, attributes: &'p [KeyValue]) -> Point<'p> {
        Point {
            t: time_of(&[nanos], self.received_at).millis(),
            attributes,
        }
    }

    fn put(
        &mut self,
        shape: &Shape<'_>,
        suffix: &str,
        point: &Point<'_>,
        extra: Option<(&str, f64)>,
        (v, exemplars): (f64, Vec<Exemplar>),
    ) {
        let labels = labels(
            &format!("{}{suffix}", shape.name),
            shape.target,
            point.attributes,
            extra,
        );
        let series = self
            .series
            .entry(labels)
            .or_insert_with_key(|labels| SeriesSamples {
                labels: labels.clone(),
                kind: shape.kind,
                temporality: shape.temporality,
                samples: Vec::new(),
                histograms: Vec::new(),
                exemplars: Vec::new(),
            });
        series.samples.push(Sample { t: point.t, v });
        series.exemplars.extend(exemplars);
    }
}

/// How to read the values, and whether they only grow; `None` if it does not say.
fn temporality(data: &metric::Data) -> Option<(Temporality, bool)> {
    let (said, monotonic) = match data {
        metric::Data::Gauge(_) | metric::Data::Summary(_) => {
            return Some((Temporality::Cumulative, false));
        }
        metric::Data::Sum(sum) => (sum.aggregation_temporality, sum.is_monotonic),
        metric::Data::Histogram(histogram) => (histogram.aggregation_temporality, false),
        metric::Data::ExponentialHistogram(histogram) => (histogram.aggregation_temporality, false),
    };
    match proto::AggregationTemporality::try_from(said) {
        Ok(proto::AggregationTemporality::Delta) => Some((Temporality::Delta, monotonic)),
        Ok(proto::AggregationTemporality::Cumulative) => Some((Temporality::Cumulative, monotonic)),
        _ => None,
    }
}

fn points(data: &metric::Data) -> u64 {
    let count = match data {
        metric::Data::Gauge(gauge) => gauge.data_points.len(),
        metric::Data::Sum(sum) => sum.data_points.len(),
        metric::Data::Histogram(histogram) => histogram.data_points.len(),
        metric::Data::ExponentialHistogram(histogram) => histogram.data_points.len(),
        metric::Data::Summary(summary) => summary.data_points.len(),
    };
    count as u64
}

/// How many points a request holds.
pub(crate) fn point_count(request: &ExportMetricsServiceRequest) -> u64 {
    let scopes = request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| &scope.metrics);
    metrics
        .filter_map(|metric| metric.data.as_ref())
        .map(points)
        .sum()
}

#[cfg(test)]
mod tests;
