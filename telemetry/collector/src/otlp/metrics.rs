mod labels;
mod native;
mod target;

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{self as proto, Metric, metric, number_data_point};
use watchfire_schemas::{
    Exemplar, HistogramSample, LabelSet, MetricKind, MetricMetadata, Sample, SeriesSamples,
    Temporality, Timestamp,
};

use super::buckets;
use super::metric_name::{metric_name, unit_name};
use super::{Rejections, Starts, attributes, time_of};
use crate::OtlpMetrics;
use crate::content::Series;
use crate::drop_reason::DropReason;
use labels::{Labels, exemplar};
use target::Target;

/// What Prometheus writes where a series ends: a NaN of its own.
const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
/// The flag of a point that says: nothing here any more.
const NO_RECORDED_VALUE: u32 = 1;

/// The points of a request as samples of Prometheus series, merged by series; exponential
/// histograms as native ones, all others as classic series.
pub(crate) fn series(
    request: &ExportMetricsServiceRequest,
    received_at: Timestamp,
    (rules, starts): (&OtlpMetrics, &Starts),
) -> (Series, Rejections) {
    let mut translator = Translator {
        rules,
        starts,
        received_at,
        latest: None,
        series: BTreeMap::new(),
        metadata: BTreeMap::new(),
        rejections: Rejections::default(),
    };
    for of_resource in &request.resource_metrics {
        let resource = attributes::resource(of_resource.resource.as_ref());
        let target = Target::of(&resource, rules);
        translator.latest = None;
        for of_scope in &of_resource.scope_metrics {
            let target = target.in_scope(of_scope.scope.as_ref(), rules);
            for metric in &of_scope.metrics {
                translator.metric(metric, &target);
            }
        }
        translator.target_info(&target);
    }
    let mut series: Vec<SeriesSamples> = translator.series.into_values().collect();
    for one in &mut series {
        one.samples.sort_by_key(|sample| sample.t);
        one.histograms.sort_by_key(|sample| sample.t);
        one.exemplars.sort_by_key(|exemplar| exemplar.t);
    }
    let metadata = translator.metadata.into_values().collect();
    (Series { series, metadata }, translator.rejections)
}

struct Translator<'r> {
    rules: &'r OtlpMetrics,
    starts: &'r Starts,
    received_at: Timestamp,
    /// The latest time of a point of the resource at hand.
    latest: Option<i64>,
    series: BTreeMap<LabelSet, SeriesSamples>,
    metadata: BTreeMap<String, MetricMetadata>,
    rejections: Rejections,
}

/// What the series of one metric share.
#[derive(Clone)]
struct Shape<'a> {
    name: String,
    kind: MetricKind,
    temporality: Temporality,
    target: &'a Target,
}

/// One point's time and labels.
struct Point {
    t: i64,
    /// When its counting began; 0 if it does not say.
    start: i64,
    labels: Labels,
}

impl Translator<'_> {
    fn metric(&mut self, metric: &Metric, target: &Target) {
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
        let is_gauge = matches!(data, metric::Data::Gauge(_));
        let shape = Shape {
            name: metric_name(metric, monotonic, is_gauge, self.rules.names),
            kind: kind_of(data, monotonic),
            temporality,
            target,
        };
        self.describe(metric, &shape);
        match data {
            metric::Data::Gauge(gauge) => {
                for point in &gauge.data_points {
                    self.number(&shape, point);
                }
            }
            metric::Data::Sum(sum) => {
                for point in &sum.data_points {
                    self.number(&shape, point);
                }
            }
            metric::Data::Histogram(histogram) => {
                for point in &histogram.data_points {
                    self.explicit(&shape, point);
                }
            }
            metric::Data::ExponentialHistogram(histogram) => {
                for point in &histogram.data_points {
                    self.exponential(&shape, point);
                }
            }
            metric::Data::Summary(summary) => {
                for point in &summary.data_points {
                    self.summary(&shape, point);
                }
            }
        }
    }

    fn describe(&mut self, metric: &Metric, shape: &Shape<'_>) {
        self.metadata
            .entry(shape.name.clone())
            .or_insert_with_key(|family| MetricMetadata {
                family: family.clone(),
                kind: shape.kind,
                help: metric.description.clone(),
                unit: unit_name(&metric.unit),
            });
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
        let place = self.place(
            shape,
            (point.start_time_unix_nano, point.time_unix_nano),
            &point.attributes,
        );
        let exemplars = point.exemplars.iter().filter_map(exemplar).collect();
        self.put(shape, "", &place, None, (value, exemplars));
    }

    fn explicit(&mut self, shape: &Shape<'_>, point: &proto::HistogramDataPoint) {
        let Some(buckets) = buckets::explicit(point) else {
            self.bad_buckets(shape, "its counts and bounds do not fit together");
            return;
        };
        let place = self.place(
            shape,
            (point.start_time_unix_nano, point.time_unix_nano),
            &point.attributes,
        );
        let stale = point.flags & NO_RECORDED_VALUE != 0;
        let value = |value: f64| if stale { STALE_NAN } else { value };
        let exemplars: Vec<Exemplar> = point.exemplars.iter().filter_map(exemplar).collect();
        let mut lower = f64::NEG_INFINITY;
        for (bound, count) in buckets {
            let within = exemplars.iter().filter(|e| e.v > lower && e.v <= bound);
            let of_bucket = (value(count), within.cloned().collect());
            self.put(shape, "_bucket", &place, Some(("le", bound)), of_bucket);
            lower = bound;
        }
        // Without a sum the emitter saw negative values, of which a sum would say nothing.
        if let Some(sum) = point.sum.or(stale.then_some(0.0)) {
            self.put(shape, "_sum", &place, None, (value(sum), Vec::new()));
        }
        let count = value(point.count as f64);
        self.put(shape, "_count", &place, None, (count, Vec::new()));
    }

    fn exponential(&mut self, shape: &Shape<'_>, point: &proto::ExponentialHistogramDataPoint) {
        let stale = point.flags & NO_RECORDED_VALUE != 0;
        let h = if stale {
            native::stale(STALE_NAN)
        } else {
            match native::histogram(point) {
                Ok(histogram) => histogram,
                Err(why) => return self.bad_buckets(shape, why),
            }
        };
        let place = self.place(
            shape,
            (point.start_time_unix_nano, point.time_unix_nano),
            &point.attributes,
        );
        if stale && shape.temporality == Temporality::Delta {
            return;
        }
        let labels = place.labels.of_series(&shape.name, None);
        let begins = self.begins(shape, &labels, &place);
        let series = self.series_of(shape, labels);
        if begins && !stale {
            let h = native::without_observations(&h);
            series
                .histograms
                .push(HistogramSample { t: place.start, h });
        }
        series.histograms.push(HistogramSample { t: place.t, h });
        let exemplars = point.exemplars.iter().filter_map(exemplar);
        series.exemplars.extend(exemplars);
    }

    fn bad_buckets(&mut self, shape: &Shape<'_>, why: &str) {
        self.rejections.add(DropReason::BadBuckets, 1, || {
            format!("histogram {:?}: {why}", shape.name)
        });
    }

    fn summary(&mut self, shape: &Shape<'_>, point: &proto::SummaryDataPoint) {
        let place = self.place(
            shape,
            (point.start_time_unix_nano, point.time_unix_nano),
            &point.attributes,
        );
        let stale = point.flags & NO_RECORDED_VALUE != 0;
        let value = |value: f64| (if stale { STALE_NAN } else { value }, Vec::new());
        for quantile in &point.quantile_values {
            let label = Some(("quantile", quantile.quantile));
            self.put(shape, "", &place, label, value(quantile.value));
        }
        self.put(shape, "_sum", &place, None, value(point.sum));
        self.put(shape, "_count", &place, None, value(point.count as f64));
    }

    /// One, with everything that the resource says, so that it can be asked for beside the target's
    /// series.
    fn target_info(&mut self, target: &Target) {
        let (Some(labels), Some(t)) = (target.info(), self.latest) else {
            return;
        };
        let series = SeriesSamples {
            labels: labels.clone(),
            kind: MetricKind::Info,
            temporality: Temporality::Cumulative,
            samples: vec![Sample { t, v: 1.0 }],
            histograms: Vec::new(),
            exemplars: Vec::new(),
        };
        self.series.insert(labels, series);
    }

    fn place(
        &mut self,
        shape: &Shape<'_>,
        (start, nanos): (u64, u64),
        attributes: &[KeyValue],
    ) -> Point {
        let t = time_of(&[nanos], self.received_at).millis();
        let start = time_of(&[start], Timestamp::default()).millis();
        self.latest = self.latest.max(Some(t));
        Point {
            t,
            start,
            labels: Labels::of_point(attributes, shape.target, self.rules),
        }
    }

    fn put(
        &mut self,
        shape: &Shape<'_>,
        suffix: &str,
        point: &Point,
        extra: Option<(&str, f64)>,
        (v, exemplars): (f64, Vec<Exemplar>),
    ) {
        // What is added to a sum cannot end it.
        if shape.temporality == Temporality::Delta && v.to_bits() == STALE_NAN.to_bits() {
            return;
        }
        let name = format!("{}{suffix}", shape.name);
        let labels = point.labels.of_series(&name, extra);
        let counts = shape.kind == MetricKind::Counter || !suffix.is_empty();
        let begins = counts && self.begins(shape, &labels, point);
        let series = self.series_of(shape, labels);
        if begins && v.to_bits() != STALE_NAN.to_bits() {
            let zero = Sample {
                t: point.start,
                v: 0.0,
            };
            series.samples.push(zero);
        }
        series.samples.push(Sample { t: point.t, v });
        series.exemplars.extend(exemplars);
    }

    /// Whether a zero belongs where the counting of a series began. Of what is added up the store
    /// knows.
    fn begins(&self, shape: &Shape<'_>, labels: &LabelSet, point: &Point) -> bool {
        let now = self.received_at.millis();
        shape.temporality == Temporality::Cumulative
            && self.starts.is_new(labels, (point.start, point.t), now)
    }

    fn series_of(&mut self, shape: &Shape<'_>, labels: LabelSet) -> &mut SeriesSamples {
        self.series
            .entry(labels)
            .or_insert_with_key(|labels| SeriesSamples {
                labels: labels.clone(),
                kind: shape.kind,
                temporality: shape.temporality,
                samples: Vec::new(),
                histograms: Vec::new(),
                exemplars: Vec::new(),
            })
    }
}

fn kind_of(data: &metric::Data, monotonic: bool) -> MetricKind {
    match data {
        metric::Data::Sum(_) if monotonic => MetricKind::Counter,
        metric::Data::Gauge(_) | metric::Data::Sum(_) => MetricKind::Gauge,
        metric::Data::Histogram(_) | metric::Data::ExponentialHistogram(_) => MetricKind::Histogram,
        metric::Data::Summary(_) => MetricKind::Summary,
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
