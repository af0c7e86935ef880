use std::io::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::StatusCode;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde_json::{Value, json};

use crate::stage::{MAX_BODY, NOW, Stage};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

pub(crate) fn text(text: &str) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::StringValue(text.to_owned())),
    }
}

pub(crate) fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(text(value)),
        key_strindex: 0,
    }
}

pub(crate) fn logs_request(messages: &[&str]) -> ExportLogsServiceRequest {
    let record = |(index, message): (usize, &&str)| LogRecord {
        time_unix_nano: (NOW as u64 - 10) * 1_000_000_000 + index as u64,
        severity_number: 17,
        body: Some(text(message)),
        trace_id: vec![7; 16],
        span_id: vec![8; 8],
        ..LogRecord::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", "shop")],
                ..Resource::default()
            }),
            scope_logs: vec![ScopeLogs {
                log_records: messages.iter().enumerate().map(record).collect(),
                ..ScopeLogs::default()
            }],
            schema_url: String::new(),
        }],
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn json_logs(records: &Value) -> String {
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string()
}

#[tokio::test]
async fn protobuf_comes_plain_compressed_and_in_chunks() {
    let stage = Stage::new().await;
    let plain = logs_request(&["one"]).encode_to_vec();
    let bodies: Vec<(&str, Body)> = vec![
        ("identity", plain.clone().into()),
        ("gzip", gzip(&plain).into()),
        ("zstd", zstd::encode_all(&plain[..], 1).unwrap().into()),
    ];
    for (encoding, body) in bodies {
        let answer = stage
            .otlp(
                "/v1/logs",
                &[PROTOBUF, ("content-encoding", encoding)],
                body,
            )
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{encoding}");
        assert_eq!(answer.headers["content-type"], "application/x-protobuf");
        let answer = ExportLogsServiceResponse::decode(&answer.body[..]).unwrap();
        assert_eq!(answer.partial_success, None);
    }
    let chunks: Vec<Result<Bytes, std::io::Error>> = plain
        .chunks(7)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    let answer = stage
        .otlp(
            "/v1/logs",
            &[PROTOBUF],
            Body::from_stream(stream::iter(chunks)),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let found = stage.logs("one service:shop").await;
    assert_eq!(found.len(), 4);
    assert_eq!(found[0].trace_id.unwrap().bytes(), [7; 16]);
}

#[tokio::test]
async fn the_json_forms_that_exporters_send_are_taken_whole() {
    let stage = Stage::new().await;
    // One case for each gap that was measured in the ready-made mapping.
    let cases = [
        json!({"body": {"stringValue": "quoted double"}, "attributes": [{"key": "x", "value": {"doubleValue": "1.5"}}]}),
        json!({"body": {"stringValue": "not a number"}, "attributes": [{"key": "x", "value": {"doubleValue": "NaN"}}]}),
        json!({"body": {"stringValue": "nulls"}, "traceId": null, "attributes": null, "severityText": null}),
        json!({"body": {"stringValue": "time as number"}, "timeUnixNano": NOW * 1_000_000_000}),
    ];
    for case in &cases {
        let answer = stage
            .otlp("/v1/logs", &[JSON], json_logs(&json!([case])))
            .await;
        assert_eq!(
            (answer.status, answer.json()),
            (StatusCode::OK, json!({})),
            "{case}"
        );
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    let found = stage.logs("service:unknown_service").await;
    assert_eq!(found.len(), cases.len());
    let x = |message: &str| {
        let record = found
            .iter()
            .find(|record| record.message == message)
            .unwrap();
        record.attributes.get("x").cloned()
    };
    assert_eq!(x("quoted double"), Some(json!(1.5)));
    assert_eq!(x("not a number"), Some(json!("NaN")));
}

#[tokio::test]
async fn a_json_point_without_a_finite_value_is_not_lost() {
    let stage = Stage::new().await;
    let points = json!([{"asDouble": "Infinity", "timeUnixNano": NOW * 1_000_000_000}]);
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "g", "gauge": {"dataPoints": points}}]}]}]});
    let answer = stage.otlp("/v1/metrics", &[JSON], body.to_string()).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({})));
    assert!(stage.value("g").is_infinite());
    let body = body
        .to_string()
        .replace("\"asDouble\":\"Infinity\"", "\"flags\":0");
    let answer = stage.otlp("/v1/metrics", &[JSON], body).await;
    assert_eq!(answer.json()["partialSuccess"]["rejectedDataPoints"], "1");
}

#[tokio::test]
async fn records_in_quarantine_are_told_in_the_answer() {
    let stage = Stage::new().await;
    let records = json!([
        {"body": {"stringValue": "good"}},
        {"body": {"stringValue": "bad"}, "traceId": "abcd"},
        {"severityNumber": 99},
    ]);
    let answer = stage.otlp("/v1/logs", &[JSON], json_logs(&records)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(partial["rejectedLogRecords"], "2");
    assert!(
        partial["errorMessage"]
            .as_str()
            .unwrap()
            .contains("record 2: /trace_id"),
        "{partial}"
    );
    let quarantined = stage.quarantine("").await;
    assert_eq!(quarantined.len(), 2);
    assert!(
        quarantined
            .iter()
            .any(|record| record.attributes["quarantine.path"] == "/trace_id")
    );
    assert!(
        quarantined
            .iter()
            .any(|record| record.message.contains("\"bad\""))
    );
    assert_eq!(stage.logs("").await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_form_of_the_request() {
    let stage = Stage::new().await;
    let deep = "[".repeat(100_000);
    let large = " ".repeat(MAX_BODY + 1);
    let snake = r#"{"resource_logs":[{"scope_logs":[]}]}"#;
    for (headers, body, status) in [
        (vec![JSON], "{", StatusCode::BAD_REQUEST),
        (vec![JSON], deep.as_str(), StatusCode::BAD_REQUEST),
        (vec![JSON], snake, StatusCode::BAD_REQUEST),
        (vec![JSON], large.as_str(), StatusCode::PAYLOAD_TOO_LARGE),
        (
            vec![("content-type", "text/plain")],
            "{}",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (vec![], "{}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            vec![JSON, ("content-encoding", "compress")],
            "{}",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            vec![JSON, ("content-encoding", "gzip")],
            "{}",
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answer = stage.otlp("/v1/logs", &headers, body.to_owned()).await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.headers["content-type"], "application/json");
        assert!(!answer.json()["message"].as_str().unwrap().is_empty());
    }
    let answer = stage.otlp("/v1/traces", &[PROTOBUF], vec![0xff; 100]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.headers["content-type"], "application/x-protobuf");
    assert_eq!(answer.body[..2], [8, 3], "google.rpc.Status with code 3");
}

#[tokio::test]
async fn a_gzip_bomb_is_refused_and_takes_no_memory() {
    let stage = Stage::new().await;
    let bomb = gzip(&vec![0; 1 << 20]).repeat(200);
    let answer = stage
        .otlp("/v1/logs", &[PROTOBUF, ("content-encoding", "gzip")], bomb)
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(stage.collector.status().memory_used, 0);
}

#[tokio::test]
async fn shared_attributes_do_not_make_a_small_request_large() {
    let stage = Stage::new().await;
    let mut request = logs_request(&vec!["m"; 2_000]);
    let large = "x".repeat(1 << 20);
    request.resource_logs[0]
        .resource
        .as_mut()
        .unwrap()
        .attributes
        .push(attribute("large", &large));
    let answer = stage
        .otlp("/v1/logs", &[PROTOBUF], request.encode_to_vec())
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn spans_become_searchable_counted_and_their_exceptions_grouped() {
    let mut stage = Stage::new().await;
    let nanos = |seconds: i64| ((NOW - 60 + seconds) * 1_000_000_000).to_string();
    let span = json!({
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7", "name": "GET /", "kind": 2,
        "startTimeUnixNano": nanos(0), "endTimeUnixNano": nanos(2), "status": {"code": 2},
        "events": [{"timeUnixNano": nanos(1), "name": "exception", "attributes": [
            {"key": "exception.type", "value": {"stringValue": "E"}},
            {"key": "exception.message", "value": {"stringValue": "boom"}}]}],
    });
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span, {"name": "no ids"}]}]}]});
    let answer = stage.otlp("/v1/traces", &[JSON], body.to_string()).await;
    assert_eq!(answer.json()["partialSuccess"]["rejectedSpans"], "1");
    let id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
    let spans = stage
        .events
        .trace(id, Duration::from_secs(20))
        .await
        .unwrap()
        .spans;
    assert_eq!(spans.len(), 1);
    let seen = stage.exceptions.recv().await.unwrap().seen;
    assert_eq!(
        spans[0].events[0].attributes["exception.group"],
        seen[0].group
    );
    let calls = r#"traces_span_metrics_calls_total{operation="GET /",status="STATUS_CODE_ERROR"}"#;
    assert!((stage.value(calls) - 1.0).abs() < 1e-9);
    assert!(
        (stage.value(r#"traces_span_metrics_duration_seconds_bucket{le="2.5"}"#) - 1.0).abs()
            < 1e-9
    );
    assert!((stage.value(r#"traces_span_metrics_duration_seconds_bucket{le="1"}"#)).abs() < 1e-9);
}
