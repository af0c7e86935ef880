use axum::body::Body;
use http::StatusCode;
use prost::Message;
use watchfire_schemas::Timestamp;

use crate::stage::{Answer, MAX_BODY, NOW, Stage, crashed_copy, post};

#[derive(Clone, PartialEq, Message)]
struct RequestV1 {
    #[prost(message, repeated, tag = "1")]
    series: Vec<SeriesV1>,
}

#[derive(Clone, PartialEq, Message)]
struct SeriesV1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct RequestV2 {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    series: Vec<SeriesV2>,
}

#[derive(Clone, PartialEq, Message)]
struct SeriesV2 {
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

const V1: &str = "application/x-protobuf";
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

fn series(labels: &[(&str, &str)], value: f64) -> SeriesV1 {
    let label = |(name, value): &(&str, &str)| Label {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    SeriesV1 {
        labels: labels.iter().map(label).collect(),
        samples: vec![Sample {
            value,
            timestamp: (NOW - 5) * 1000,
        }],
    }
}

fn v1(series: Vec<SeriesV1>) -> Vec<u8> {
    snappy(&RequestV1 { series }.encode_to_vec())
}

fn snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new()
        .compress_vec(plain)
        .expect("it fits")
}

async fn write(stage: &Stage, content_type: &str, body: impl Into<Body>) -> Answer {
    let headers = [
        ("content-type", content_type),
        ("content-encoding", "snappy"),
    ];
    let router = stage.collector.remote_write_router();
    post(router, "/prometheus/api/v1/write", &headers, body.into()).await
}

fn words(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).expect("it is told in words")
}

#[tokio::test]
async fn samples_are_there_when_they_are_acknowledged_and_after_a_crash() {
    let stage = Stage::new().await;
    let up = [("__name__", "up"), ("job", "node")];
    let answer = write(&stage, V1, v1(vec![series(&up, 3.0)])).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", words(&answer));
    assert!((stage.value("up") - 3.0).abs() < 1e-9);
    let status = stage.collector.status();
    let source = &status.sources[0];
    assert_eq!(
        (&*source.receiver, &*source.service, source.accepted),
        ("remote_write", "node", 1)
    );

    let again = Stage::in_dir(crashed_copy(stage.dir.path())).await;
    assert!((again.value(r#"up{job="node"}"#) - 3.0).abs() < 1e-9);
}

#[tokio::test]
async fn version_2_is_told_what_was_written() {
    let stage = Stage::new().await;
    let symbols = ["", "__name__", "up", "job", "node"].map(str::to_owned);
    let sample = Sample {
        value: 4.0,
        timestamp: (NOW - 5) * 1000,
    };
    let request = RequestV2 {
        symbols: symbols.to_vec(),
        series: vec![SeriesV2 {
            labels: vec![1, 2, 3, 4],
            samples: vec![sample],
        }],
    };
    let answer = write(&stage, V2, snappy(&request.encode_to_vec())).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let written = |what: &str| {
        let name = format!("x-prometheus-remote-write-{what}-written");
        answer.headers[name].to_str().unwrap().to_owned()
    };
    assert_eq!(
        [
            written("samples"),
            written("histograms"),
            written("exemplars")
        ],
        ["1", "0", "0"]
    );
    assert!((stage.value("up") - 4.0).abs() < 1e-9);
    let again = Stage::in_dir(crashed_copy(stage.dir.path())).await;
    assert!((again.value("up") - 4.0).abs() < 1e-9);
}

#[tokio::test]
async fn what_is_bad_is_told_and_the_rest_is_taken() {
    let stage = Stage::new().await;
    let body = v1(vec![
        series(&[("job", "nameless")], 1.0),
        series(&[("__name__", "good")], 2.0),
        series(&[("__name__", "b"), ("z", "1"), ("a", "1")], 3.0),
    ]);
    let answer = write(&stage, V1, body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        words(&answer),
        "2 not taken, the rest is:\n\
         series 1: there is no label __name__\n\
         series 3: labels are not sorted by name\n"
    );
    assert!((stage.value("good") - 2.0).abs() < 1e-9);
    let drops = stage.collector.status().drops;
    let expected = [("no_metric_name", 1), ("invalid_labels", 1)];
    assert_eq!(
        drops,
        expected.map(|(reason, count)| (reason.to_owned(), count))
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_for_good() {
    let stage = Stage::new().await;
    let good = || v1(vec![series(&[("__name__", "up")], 1.0)]);
    let checks: [(&str, Vec<u8>, StatusCode); 6] = [
        (V1, b"no snappy at all".to_vec(), StatusCode::BAD_REQUEST),
        (V1, snappy(b"no protobuf"), StatusCode::BAD_REQUEST),
        (V2, good(), StatusCode::NO_CONTENT),
        (
            "application/json",
            good(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "application/x-protobuf;proto=some.Other",
            good(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            V1,
            snappy(&vec![0; MAX_BODY + 1]),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ];
    for (content_type, body, expected) in checks {
        let answer = write(&stage, content_type, body).await;
        assert_eq!(answer.status, expected, "{content_type} {}", words(&answer));
    }
    let zstd = [("content-encoding", "zstd")];
    let router = stage.collector.remote_write_router();
    let answer = post(router, "/prometheus/api/v1/write", &zstd, good().into()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_sender_comes_again_while_we_stop() {
    let stage = Stage::new().await;
    stage.collector.close().await;
    let answer = write(&stage, V1, v1(vec![series(&[("__name__", "up")], 1.0)])).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_staleness_marker_ends_a_series() {
    let stage = Stage::new().await;
    let up = [("__name__", "up")];
    let earlier = |mut one: SeriesV1| {
        one.samples[0].timestamp -= 20_000;
        one
    };
    write(&stage, V1, v1(vec![earlier(series(&up, 1.0))])).await;
    let marker = f64::from_bits(0x7ff0_0000_0000_0002);
    let answer = write(&stage, V1, v1(vec![series(&up, marker)])).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let at = Timestamp::from_secs(NOW);
    let patience = watchfire_tsdb::QueryOptions::default();
    let found = stage.tsdb.query("up", at, &patience);
    assert!(format!("{found:?}").contains("Vector([])"), "{found:?}");
}
