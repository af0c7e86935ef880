use serde_json::{Value, json};

use super::*;
use crate::otlp::json;

fn read(metric: &Value) -> (Vec<SeriesSamples>, Rejections) {
    let (read, rejections) = translated(metric, &json!([]), &OtlpMetrics::default());
    (read.series, rejections)
}

/// A metric of a resource that has more attributes, in a scope.
fn translated(metric: &Value, more: &Value, rules: &OtlpMetrics) -> (Series, Rejections) {
    let mut attributes = vec![
        json!({"key": "service.name", "value": {"stringValue": "shop"}}),
        json!({"key": "service.namespace", "value": {"stringValue": "eu"}}),
        json!({"key": "service.instance.id", "value": {"stringValue": "i1"}}),
    ];
    attributes.extend(more.as_array().unwrap().iter().cloned());
    let scope = more
        .as_array()
        .unwrap()
        .first()
        .map(|_| json!({"name": "lib", "version": "2"}));
    let request = json!({"resourceMetrics": [{
        "resource": {"attributes": attributes},
        "scopeMetrics": [{"scope": scope, "metrics": [metric]}],
    }]});
    let request = json::metrics(request.to_string().as_bytes()).unwrap();
    let starts = Starts::default();
    series(&request, Timestamp::from_secs(9), (rules, &starts))
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

#[test]
fn exponential_histograms_become_native_ones() {
    let (series, rejections) = read(&json!({"name": "d", "unit": "s", "exponentialHistogram": {
        "aggregationTemporality": 1, "dataPoints": [{
            "timeUnixNano": "1000000000", "count": "4", "sum": 6.5, "scale": 1, "zeroCount": "1",
            "positive": {"offset": 0, "bucketCounts": ["1", "2"]},
            "exemplars": [{"timeUnixNano": "900000000", "asDouble": 0.7}]}]}}));
    assert_eq!(rejections.records(), 0);
    let [one] = &*series else {
        panic!("one series: {series:?}");
    };
    assert_eq!(one.labels.name(), "d_seconds");
    assert_eq!(
        (one.kind, one.temporality),
        (MetricKind::Histogram, Temporality::Delta)
    );
    let HistogramSample { t, h } = &one.histograms[0];
    assert_eq!((*t, h.schema, h.count, h.sum), (1000, 1, 4.0, 6.5));
    assert_eq!(h.positive.iter().collect::<Vec<_>>(), [(1, 1.0), (2, 2.0)]);
    assert_eq!(one.exemplars.len(), 1);
}

#[test]
fn a_counter_begins_with_a_zero_where_it_says() {
    let times = json!({"startTimeUnixNano": "1000000000", "timeUnixNano": "2000000000"});
    let with = |more: Value| {
        let mut point = times.clone();
        for (key, value) in more.as_object().unwrap() {
            point[key] = value.clone();
        }
        json!({"isMonotonic": true, "aggregationTemporality": 2, "dataPoints": [point]})
    };
    let sum = with(json!({"asInt": 7}));
    check(
        &json!({"name": "a", "sum": sum}),
        &["a_total{T} 1000:0 2000:7"],
    );
    let mut delta = sum.clone();
    delta["aggregationTemporality"] = json!(1);
    check(&json!({"name": "a", "sum": delta}), &["a_total{T} 2000:7"]);
    check(&json!({"name": "g", "gauge": sum}), &["g{T} 2000:7"]);
    let histogram = with(json!({"count": 2, "sum": 3, "bucketCounts": [], "scale": 2}));
    check(
        &json!({"name": "h", "histogram": histogram}),
        &[
            "h_bucket{T, le=\"+Inf\"} 1000:0 2000:2",
            "h_count{T} 1000:0 2000:2",
            "h_sum{T} 1000:0 2000:3",
        ],
    );
    let (native, _) = read(&json!({"name": "e", "exponentialHistogram": histogram}));
    let counts: Vec<_> = native[0]
        .histograms
        .iter()
        .map(|at| (at.t, at.h.count))
        .collect();
    assert_eq!(counts, [(1_000, 0.0), (2_000, 2.0)]);
}

#[test]
fn what_ends_is_marked_unless_it_is_added_up() {
    let stale = |temporality: u8| {
        let points = json!([{"timeUnixNano": "1000000000", "flags": 1}]);
        let data = json!({"aggregationTemporality": temporality, "dataPoints": points});
        let (classic, _) = read(&json!({"name": "h", "histogram": data}));
        let (native, _) = read(&json!({"name": "e", "exponentialHistogram": data}));
        (classic, native)
    };
    let (classic, native) = stale(2);
    let marked = |v: f64| v.to_bits() == STALE_NAN.to_bits();
    assert!(!classic.is_empty());
    assert!(classic.iter().all(|one| marked(one.samples[0].v)));
    assert!(marked(native[0].histograms[0].h.sum));
    assert_eq!(stale(1), (Vec::new(), Vec::new()));
}

#[test]
fn resources_and_scopes_become_labels_and_target_info() {
    let more = json!([
        {"key": "service.version", "value": {"stringValue": "1.2"}},
        {"key": "host.cores", "value": {"intValue": 4}}]);
    let gauge = json!({"name": "g", "description": "How deep.", "unit": "By", "gauge": {"dataPoints": [
        {"timeUnixNano": "3000000000", "asInt": 1},
        {"timeUnixNano": "2000000000", "asInt": 1, "attributes": [{"key": "job", "value": {"stringValue": "x"}}]}]}});
    let rules = OtlpMetrics {
        promote: vec!["service.version".to_owned()],
        ..OtlpMetrics::default()
    };
    let (found, _) = translated(&gauge, &more, &rules);
    let names: Vec<_> = found
        .series
        .iter()
        .map(|one| one.labels.to_string())
        .collect();
    let labels = r#"instance="i1", job="eu/shop""#;
    assert_eq!(
        names,
        [
            format!(
                r#"g_bytes{{{labels}, otel_scope_name="lib", otel_scope_version="2", service_version="1.2"}}"#
            ),
            format!(r#"target_info{{host_cores="4", {labels}, service_version="1.2"}}"#),
        ]
    );
    assert_eq!(found.series[1].samples, [Sample { t: 3_000, v: 1.0 }]);
    let expected = MetricMetadata {
        family: "g_bytes".to_owned(),
        kind: MetricKind::Gauge,
        help: "How deep.".to_owned(),
        unit: "bytes".to_owned(),
    };
    assert_eq!(found.metadata, [expected]);

    let rules = OtlpMetrics {
        names: crate::MetricNames::Untranslated,
        scope_labels: false,
        ..OtlpMetrics::default()
    };
    let (found, _) = translated(&gauge, &more, &rules);
    let names: Vec<_> = found
        .series
        .iter()
        .map(|one| one.labels.to_string())
        .collect();
    assert_eq!(names[0], format!("g{{{labels}}}"));
    assert!(names[1].contains(r#"service.version="1.2""#), "{names:?}");
}
