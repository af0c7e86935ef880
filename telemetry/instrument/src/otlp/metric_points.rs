mod histogram;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar as PointExemplar, Gauge, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, exemplar, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use watchfire_schemas::{Exemplar, LabelSet, MetricFamily, MetricKind, SeriesSamples, Timestamp};

use crate::resource::Resource;

/// The families of an exposition as a request of OTLP: cumulative since `since`.
pub(super) fn request(
    families: Vec<MetricFamily>,
    resource: &Resource,
    since: Timestamp,
) -> ExportMetricsServiceRequest {
    let metrics = families
        .into_iter()
        .filter_map(|family| metric(family, since))
        .collect();
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let name = attribute("service.name", &resource.service);
    let rest = resource
        .attributes
        .iter()
        .filter_map(|(key, value)| Some(attribute(key, value.as_str()?)));
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(ProtoResource {
                attributes: std::iter::once(name).chain(rest).collect(),
                ..ProtoResource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics,
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

fn metric(family: MetricFamily, since: Timestamp) -> Option<Metric> {
    if family.series.is_empty() {
        return None;
    }
    let data = match family.kind {
        MetricKind::Counter => metric::Data::Sum(Sum {
            data_points: points(&family, since),
            aggregation_temporality: AggregationTemporality::Cumulative as i32,
            is_monotonic: true,
        }),
        MetricKind::Gauge | MetricKind::Info | MetricKind::StateSet | MetricKind::Unknown => {
            metric::Data::Gauge(Gauge {
                data_points: points(&family, Timestamp::default()),
            })
        }
        MetricKind::Histogram | MetricKind::GaugeHistogram => {
            metric::Data::Histogram(histogram::histogram(&family, since))
        }
        MetricKind::Summary => metric::Data::Summary(histogram::summary(&family, since)),
    };
    Some(Metric {
        unit: unit(&family.unit),
        name: family.name,
        description: family.help,
        metadata: Vec::new(),
        data: Some(data),
    })
}

/// The unit as UCUM writes it.
fn unit(unit: &str) -> String {
    match unit {
        "seconds" => "s",
        "bytes" => "By",
        "ratios" => "1",
        other => other,
    }
    .to_owned()
}

fn points(family: &MetricFamily, since: Timestamp) -> Vec<NumberDataPoint> {
    let is_counter = family.kind == MetricKind::Counter;
    let counted = family
        .series
        .iter()
        .filter(|series| !is_counter || !series.labels.name().ends_with("_created"));
    counted
        .filter_map(|series| {
            let sample = series.samples.last()?;
            Some(NumberDataPoint {
                attributes: attributes(&series.labels, ""),
                start_time_unix_nano: nanos(since),
                time_unix_nano: millis(sample.t),
                exemplars: series.exemplars.iter().map(point_exemplar).collect(),
                flags: 0,
                value: Some(number_data_point::Value::AsDouble(sample.v)),
            })
        })
        .collect()
}

/// The labels of a point: all but the metric's name and the one that the point itself says.
fn attributes(labels: &LabelSet, without: &str) -> Vec<KeyValue> {
    labels
        .iter()
        .filter(|(name, _)| *name != LabelSet::NAME && *name != without)
        .map(|(name, value)| attribute(name, value))
        .collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn point_exemplar(exemplar: &Exemplar) -> PointExemplar {
    let span_id = exemplar
        .labels
        .get("span_id")
        .and_then(|id| id.parse::<watchfire_schemas::SpanId>().ok());
    PointExemplar {
        filtered_attributes: attributes(&exemplar.labels, "span_id"),
        time_unix_nano: millis(exemplar.t),
        span_id: span_id.map(|id| id.bytes().to_vec()).unwrap_or_default(),
        trace_id: exemplar
            .trace_id
            .map(|id| id.bytes().to_vec())
            .unwrap_or_default(),
        value: Some(exemplar::Value::AsDouble(exemplar.v)),
    }
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.nanos()).unwrap_or(0)
}

fn millis(millis: i64) -> u64 {
    nanos(Timestamp::from_millis(millis))
}

/// The last value of a series.
fn value(series: &SeriesSamples) -> f64 {
    series.samples.last().map_or(f64::NAN, |sample| sample.v)
}
