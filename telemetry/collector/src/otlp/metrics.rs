use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    self as proto, Metric, exemplar, metric, number_data_point,
};
use serde_json::Value;
use watchfire_schemas::{
    Attributes, Exemplar, LabelSet, MetricKind, Sample, SeriesSamples, SpanId, Temporality,
    Timestamp, TraceId,
};

use super::buckets::{self, Cumulative};
use super::metric_name::{label_name, metric_name};
use super::{Rejections, UNKNOWN_SERVICE, attributes, time_of};
use crate::drop_reason::DropReason;

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

/// `job` and `instance`, by the resource.
fn target(resource: &Attributes) -> Vec<(String, String)> {
    let text = |key: &str| {
        let value = resource.get(key).and_then(Value::as_str);
        value.filter(|text| !text.is_empty())
    };
    let service = text("service.name").unwrap_or(UNKNOWN_SERVICE);
    let job = match text("service.namespace") {
        Some(namespace) => format!("{namespace}/{service}"),
        None => service.to_owned(),
    };
    let instance = text("service.instance.id").unwrap_or_default();
    vec![
        ("job".to_owned(), job),
        ("instance".to_owned(), instance.to_owned()),
    ]
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
                exemplars: Vec::new(),
            });
        series.samples.push(Sample { t: point.t, v });
        series.exemplars.extend(exemplars);
    }
}

/// The point's attributes, then what names the target and the bucket, which an attribute cannot
/// take the place of. Keys that become the same label share it, their values joined.
fn labels(
    name: &str,
    target: &[(String, String)],
    pairs: &[KeyValue],
    extra: Option<(&str, f64)>,
) -> LabelSet {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in attributes::attributes(pairs) {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        all.entry(label_name(&key))
            .and_modify(|values| {
                values.push(';');
                values.push_str(&text);
            })
            .or_insert(text);
    }
    all.extend(target.iter().cloned());
    all.extend(extra.map(|(label, bound)| (label.to_owned(), number_label(bound))));
    LabelSet::metric(name, all)
}

fn number_label(bound: f64) -> String {
    if bound.is_infinite() {
        return if bound > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    bound.to_string()
}

fn exemplar(exemplar: &proto::Exemplar) -> Option<Exemplar> {
    let v = match exemplar.value? {
        exemplar::Value::AsDouble(value) => value,
        exemplar::Value::AsInt(value) => value as f64,
    };
    let span =
        SpanId::from_slice(&exemplar.span_id).map(|id| ("span_id".to_owned(), id.to_string()));
    let labels = attributes::attributes(&exemplar.filtered_attributes);
    let labels = labels.into_iter().map(|(key, value)| match value {
        Value::String(text) => (label_name(&key), text),
        other => (label_name(&key), other.to_string()),
    });
    Some(Exemplar {
        t: time_of(&[exemplar.time_unix_nano], Timestamp::default()).millis(),
        v,
        trace_id: TraceId::from_slice(&exemplar.trace_id),
        labels: LabelSet::new(labels.chain(span)),
    })
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::otlp::json;

    fn read(metric: &Value) -> (Vec<SeriesSamples>, Rejections) {
        let request = json!({"resourceMetrics": [{
            "resource": {"attributes": [
                {"key": "service.name", "value": {"stringValue": "shop"}},
                {"key": "service.namespace", "value": {"stringValue": "eu"}},
                {"key": "service.instance.id", "value": {"stringValue": "i1"}}]},
            "scopeMetrics": [{"metrics": [metric]}],
        }]});
        let request = json::metrics(request.to_string().as_bytes()).unwrap();
        series(&request, Timestamp::from_secs(9))
    }

    /// Each series as `labels t:v …`.
    fn check(metric: &Value, expected: &[&str]) -> Vec<SeriesSamples> {
        let (series, _) = read(metric);
        let found: Vec<String> = series
            .iter()
            .map(|one| {
                let samples = one
                    .samples
                    .iter()
                    .map(|sample| format!(" {}:{}", sample.t, sample.v));
                one.labels
                    .to_string()
                    .replace("instance=\"i1\", job=\"eu/shop\"", "T")
                    + &samples.collect::<String>()
            })
            .collect();
        assert_eq!(found, expected);
        series
    }

    #[test]
    fn sums_and_gauges_keep_time_value_and_kind() {
        let series = check(
            &json!({"name": "http.requests", "unit": "{r}", "sum": {"isMonotonic": true, "aggregationTemporality": 2, "dataPoints": [
                {"timeUnixNano": "2000000000", "asInt": "7", "attributes": [{"key": "http.route", "value": {"stringValue": "/"}}]},
                {"timeUnixNano": "1000000000", "asDouble": 5, "attributes": [{"key": "http.route", "value": {"stringValue": "/"}}]}]}}),
            &["http_requests_total{http_route=\"/\", T} 1000:5 2000:7"],
        );
        assert_eq!(
            (series[0].kind, series[0].temporality),
            (MetricKind::Counter, Temporality::Cumulative)
        );
        let series = check(
            &json!({"name": "depth", "sum": {"aggregationTemporality": 1, "dataPoints": [{"asInt": -3}]}}),
            &["depth{T} 9000:-3"],
        );
        assert_eq!(
            (series[0].kind, series[0].temporality),
            (MetricKind::Gauge, Temporality::Delta)
        );
        check(
            &json!({"name": "g", "unit": "1", "gauge": {"dataPoints": [{"asDouble": "Infinity"}]}}),
            &["g_ratio{T} 9000:inf"],
        );
    }

    #[test]
    fn histograms_become_classic_series_with_exemplars() {
        let series = check(
            &json!({"name": "d", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [{
                "timeUnixNano": "1000000000", "count": "3", "sum": 1.5, "bucketCounts": ["1", 2], "explicitBounds": [0.5],
                "exemplars": [{"timeUnixNano": "900000000", "asDouble": 0.7, "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7"}]}]}}),
            &[
                "d_seconds_bucket{T, le=\"+Inf\"} 1000:3",
                "d_seconds_bucket{T, le=\"0.5\"} 1000:1",
                "d_seconds_count{T} 1000:3",
                "d_seconds_sum{T} 1000:1.5",
            ],
        );
        assert_eq!(
            (series[0].exemplars.len(), series[1].exemplars.len()),
            (1, 0)
        );
        assert!(series[0].exemplars[0].trace_id.is_some());
    }

    #[test]
    fn summaries_and_stale_points() {
        check(
            &json!({"name": "s", "summary": {"dataPoints": [{"count": 2, "sum": 3, "quantileValues": [{"quantile": 0.5, "value": 1.5}]}]}}),
            &[
                "s{T, quantile=\"0.5\"} 9000:1.5",
                "s_count{T} 9000:2",
                "s_sum{T} 9000:3",
            ],
        );
        let (series, _) = read(&json!({"name": "g", "gauge": {"dataPoints": [{"flags": 1}]}}));
        assert_eq!(series[0].samples[0].v.to_bits(), 0x7ff0_0000_0000_0002);
    }

    #[test]
    fn what_cannot_be_a_sample_is_counted() {
        let check = |metric: Value, reason: DropReason| {
            let (series, rejections) = read(&metric);
            assert!(series.is_empty());
            assert_eq!(rejections.counts, [(reason, 1)]);
        };
        check(
            json!({"name": "g", "gauge": {"dataPoints": [{}]}}),
            DropReason::NoPointValue,
        );
        check(
            json!({"name": "", "gauge": {"dataPoints": [{"asInt": 1}]}}),
            DropReason::NoMetricName,
        );
        check(
            json!({"name": "s", "sum": {"dataPoints": [{"asInt": 1}]}}),
            DropReason::NoTemporality,
        );
        let bad = json!({"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [{"bucketCounts": [1], "explicitBounds": [1]}]}});
        check(bad, DropReason::BadBuckets);
    }
}
