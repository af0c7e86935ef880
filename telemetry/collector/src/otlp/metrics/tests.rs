use serde_json::{Value, json};

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
