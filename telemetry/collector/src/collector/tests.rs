//! The collector over a sink that remembers: what is acknowledged is applied, once and in order.

use std::path::Path;

use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use watchfire_schemas::{LogRecord, ManualClock, SeverityNumber, Timestamp};

use super::*;
use crate::recording::RecordingSink;
use crate::{OtlpMetrics, TimeBounds};

struct Rig {
    collector: Arc<Collector>,
    sink: Arc<RecordingSink>,
    exceptions: mpsc::Receiver<Occurrences>,
}

const SMALL: WalOptions = WalOptions {
    segment_bytes: 64 << 10,
    max_bytes: 1 << 20,
};

const BOUNDS: TimeBounds = TimeBounds {
    max_ahead: Duration::from_hours(1),
};

async fn rig(dir: &Path) -> Rig {
    rig_with(dir, SMALL, Arc::new(RecordingSink::default())).await
}

async fn rig_with(dir: &Path, options: WalOptions, sink: Arc<RecordingSink>) -> Rig {
    let config = Config {
        dir: dir.to_owned(),
        memory_budget: 32 << 20,
        intake_budget: 8 << 20,
        max_body: 1 << 20,
        bounds: BOUNDS,
        snapshot_interval: Duration::from_hours(1),
        contracts: Arc::default(),
        counters: Vec::new(),
        otlp_metrics: OtlpMetrics::default(),
    };
    let (to, exceptions) = mpsc::channel(16);
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
    let as_sink = Arc::clone(&sink) as Arc<dyn Sink>;
    let mut registry = Registry::default();
    let collector = Collector::open_with((config, options), as_sink, to, clock, &mut registry);
    let collector = collector.await.expect("the log opens");
    Rig {
        collector,
        sink,
        exceptions,
    }
}

fn record(n: i64) -> LogRecord {
    LogRecord::new(
        Timestamp::from_secs(n),
        SeverityNumber::INFO,
        "shop",
        format!("record {n}"),
    )
}

fn line(n: usize) -> String {
    format!(
        r#"{{"timestamp":"1970-01-01T00:10:00Z","severity":"ERROR","service.name":"shop","message":"line {n}"}}"#
    )
}

async fn post(rig: &Rig, content_type: &str, body: impl Into<Body>) -> Response {
    let request = Request::post("/api/v1/ingest/logs").header("content-type", content_type);
    let request = request.body(body.into()).unwrap();
    rig.collector
        .ingest_router()
        .oneshot(request)
        .await
        .unwrap()
}

async fn body_of(response: Response) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn lines_are_acknowledged_after_they_are_applied_and_each_is_accounted_for() {
    let dir = tempfile::tempdir().unwrap();
    let rig = rig(dir.path()).await;
    let mut body: Vec<String> = (0..1_000).map(line).collect();
    body[9] = "not json".to_owned();
    body[19] = body[19].replace("ERROR", "BAD");
    body[29] = body[29].replace("\"service.name\":\"shop\",", "");
    body[39] = "[".repeat(100_000);
    let response = post(&rig, "application/x-ndjson", body.join("\n")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let answer = body_of(response).await;
    assert_eq!(
        (
            &answer["accepted"],
            &answer["quarantined"],
            &answer["rejected"]
        ),
        (&json!(996), &json!(4), &json!(0))
    );
    let places: Vec<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            (
                e["line"].as_u64().unwrap(),
                e["path"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            (10, String::new()),
            (20, "/severity".to_owned()),
            (30, String::new()),
            (40, String::new())
        ]
    );
    assert_eq!(
        (rig.sink.logs().len(), rig.sink.quarantine().len()),
        (996, 4)
    );
    assert!((rig.sink.total("log_records_total") - 996.0).abs() < 1e-9);
    assert!((rig.sink.total("schema_violations_total") - 4.0).abs() < 1e-9);
    let status = rig.collector.status();
    assert_eq!(
        (
            status.sources[0].service.as_str(),
            status.sources[0].accepted
        ),
        ("shop", 996)
    );
    assert_eq!(
        status.drops,
        [("schema".to_owned(), 2), ("not_json".to_owned(), 2)]
    );
}

#[tokio::test]
async fn what_was_acknowledged_is_replayed_once_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let first = rig(dir.path()).await;
    for n in 0..20 {
        let receipt = first
            .collector
            .accept("test", Batch::Logs(vec![record(n), record(n)]))
            .await
            .unwrap();
        assert_eq!(receipt.accepted, 2);
    }
    let before = first.sink.logs();
    // No close: as if the process had died. The stores hold the first seven batches.
    let sink = Arc::new(RecordingSink::default());
    sink.set_checkpoint(7);
    let second = rig_with(dir.path(), SMALL, sink).await;
    assert_eq!(second.sink.numbers(), (8..=20).collect::<Vec<_>>());
    let observed = |records: &[LogRecord]| {
        records
            .iter()
            .map(|r| (r.message.clone(), r.observed_timestamp))
            .collect::<Vec<_>>()
    };
    assert_eq!(observed(&second.sink.logs()), observed(&before[14..]));
    second
        .collector
        .accept("test", Batch::Logs(vec![record(99)]))
        .await
        .unwrap();
    assert_eq!(second.sink.numbers().last(), Some(&21));
}

#[tokio::test]
async fn many_senders_at_once_are_applied_in_the_order_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let rig = rig(dir.path()).await;
    let sent = (0..64).map(|n| rig.collector.accept("test", Batch::Logs(vec![record(n)])));
    let receipts = futures_util::future::join_all(sent).await;
    assert!(receipts.iter().all(Result::is_ok));
    assert_eq!(rig.sink.numbers(), (1..=64).collect::<Vec<_>>());
    assert_eq!(rig.sink.logs().len(), 64);
}

#[tokio::test]
async fn an_overload_is_refused_before_the_body_and_says_when_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let rig = rig(dir.path()).await;
    rig.sink.set_unsealed(32 << 20);
    let response = post(&rig, "application/json", line(1)).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert!(matches!(
        rig.collector.is_ready(),
        Err(Refusal::Overload { .. })
    ));
    let refused = rig
        .collector
        .accept("test", Batch::Logs(vec![record(1)]))
        .await;
    assert!(matches!(refused, Err(Refusal::Overload { .. })));
    rig.sink.set_unsealed(0);
    assert_eq!(
        post(&rig, "application/json", line(1)).await.status(),
        StatusCode::OK
    );
    assert_eq!(rig.collector.status().drops, [("overload".to_owned(), 2)]);
}

#[tokio::test]
async fn a_full_disk_refuses_keeps_what_is_old_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let options = WalOptions {
        segment_bytes: 4096,
        max_bytes: 8192,
    };
    let rig = rig_with(dir.path(), options, Arc::new(RecordingSink::default())).await;
    let mut accepted = 0;
    let refused = loop {
        match rig
            .collector
            .accept("test", Batch::Logs(vec![record(accepted)]))
            .await
        {
            Ok(_) => accepted += 1,
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refused, Refusal::DiskFull { .. }), "{refused}");
    assert_eq!(rig.sink.logs().len() as i64, accepted);
    assert!(rig.collector.is_ready().is_err());
    rig.sink.set_checkpoint(accepted as u64);
    let ready = async {
        while rig.collector.is_ready().is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ready)
        .await
        .expect("there is room again");
    rig.collector
        .accept("test", Batch::Logs(vec![record(1)]))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_disk_that_failed_is_written_again_once_it_works() {
    let dir = tempfile::tempdir().unwrap();
    let options = WalOptions {
        segment_bytes: 4096,
        max_bytes: 1 << 20,
    };
    let wal = dir.path().join("wal");
    let rig = rig_with(&wal, options, Arc::new(RecordingSink::default())).await;
    std::fs::remove_dir_all(&wal).unwrap();
    let refused = loop {
        let response = post(&rig, "application/json", line(1)).await;
        if response.status() != StatusCode::OK {
            break response.status();
        }
    };
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    assert!(matches!(
        rig.collector.is_ready(),
        Err(Refusal::Unwritable { .. })
    ));
    std::fs::create_dir(&wal).unwrap();
    let taken = async {
        while post(&rig, "application/json", line(2)).await.status() != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), taken)
        .await
        .expect("the disk works again");
}

#[tokio::test]
async fn of_a_refused_request_nothing_comes_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options = WalOptions {
        segment_bytes: 4096,
        max_bytes: 8192,
    };
    let first = rig_with(dir.path(), options, Arc::new(RecordingSink::default())).await;
    let kept = post(&first, "application/json", line(1)).await;
    assert_eq!(kept.status(), StatusCode::OK);
    // The good line fits into the log; the bad one, which goes to the quarantine, does not.
    let mut state = 1_u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'a' + (state >> 33) as u8 % 26)
    })
    .take(20_000)
    .collect();
    let refused = post(
        &first,
        "application/x-ndjson",
        format!("{}\n{noise}", line(2)),
    )
    .await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(first);
    let second = rig_with(dir.path(), options, Arc::new(RecordingSink::default())).await;
    let messages = |rig: &Rig| -> Vec<String> {
        let logs = rig.sink.logs().into_iter();
        logs.map(|record| record.message).collect()
    };
    assert_eq!(messages(&second), ["line 1"]);
    let again = post(&second, "application/json", line(3)).await;
    assert_eq!(again.status(), StatusCode::OK);
    drop(second);
    let third = rig_with(dir.path(), options, Arc::new(RecordingSink::default())).await;
    assert_eq!(messages(&third), ["line 1", "line 3"]);
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_pass_for_a_grpc_client() {
    let dir = tempfile::tempdir().unwrap();
    let rig = rig(dir.path()).await;
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    for content_type in [None, Some("text/plain"), Some("application/grpcish")] {
        let mut request = Request::post(path);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        // An empty message in its frame: nothing of it is wrong save its type.
        let request = request.body(Body::from(vec![0; 5])).unwrap();
        let response = rig.collector.otlp_grpc_router().oneshot(request).await;
        let response = response.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{content_type:?} {:?}",
            response.headers()
        );
    }
}

#[tokio::test]
async fn an_exception_counts_once_though_a_restart_parts_its_log_record_from_its_span() {
    let dir = tempfile::tempdir().unwrap();
    let mut span = crate::derive::tests::span(5, "GET /", 0.1);
    span.events.push(watchfire_schemas::SpanEvent {
        timestamp: Timestamp::from_secs(5),
        name: "exception".to_owned(),
        attributes: json!({"exception.type": "E", "exception.message": "boom"})
            .as_object()
            .unwrap()
            .clone(),
    });
    let mut broken = record(5);
    (broken.trace_id, broken.span_id) = (Some(span.trace_id), Some(span.span_id));
    broken.exception = Some(watchfire_schemas::Exception {
        kind: "E".to_owned(),
        message: "boom".to_owned(),
        stacktrace: String::new(),
    });
    let first = rig(dir.path()).await;
    let taken = first.collector.accept("test", Batch::Logs(vec![broken]));
    taken.await.unwrap();
    assert!((first.sink.total("exceptions_total") - 1.0).abs() < 1e-9);
    drop(first);
    // Every store holds the first batch by itself.
    let sink = Arc::new(RecordingSink::default());
    sink.set_checkpoint(1);
    let second = rig_with(dir.path(), SMALL, sink).await;
    let taken = second.collector.accept("test", Batch::Spans(vec![span]));
    taken.await.unwrap();
    assert_eq!(second.sink.numbers(), [2]);
    assert!(second.sink.total("exceptions_total").abs() < 1e-9);
}

#[tokio::test]
async fn closing_finishes_what_is_under_way_and_refuses_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path()).await;
    let mut broken = record(5);
    broken.exception = Some(watchfire_schemas::Exception {
        kind: "E".to_owned(),
        message: "boom".to_owned(),
        stacktrace: String::new(),
    });
    rig.collector
        .accept("test", Batch::Logs(vec![broken]))
        .await
        .unwrap();
    rig.collector.close().await;
    assert_eq!(
        rig.sink
            .snapshots
            .load(std::sync::atomic::Ordering::Relaxed),
        1
    );
    let seen = rig
        .exceptions
        .recv()
        .await
        .expect("handed over before the end")
        .seen;
    assert_eq!((seen[0].kind.as_str(), seen[0].group.len()), ("E", 16));
    let refused = rig
        .collector
        .accept("test", Batch::Logs(vec![record(1)]))
        .await;
    assert_eq!(refused, Err(Refusal::Stopping));
    assert_eq!(rig.collector.is_ready(), Err(Refusal::Stopping));
    assert_eq!(
        post(&rig, "application/json", line(1)).await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_told_as_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    let rig = rig(dir.path()).await;
    for (content_type, body, status) in [
        (
            "text/plain",
            line(1).into_bytes(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "application/x-www-form-urlencoded",
            line(1).into_bytes(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("application/json", Vec::new(), StatusCode::BAD_REQUEST),
        (
            "application/json",
            b"\xff\xfe\xff".to_vec(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "application/json",
            vec![b' '; (1 << 20) + 1],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let response = post(&rig, content_type, body).await;
        assert_eq!(response.status(), status, "{content_type}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert_eq!(body_of(response).await["status"], status.as_u16());
    }
    let traced = Request::post("/api/v1/ingest/logs")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .body(Body::empty());
    let response = rig
        .collector
        .ingest_router()
        .oneshot(traced.unwrap())
        .await
        .unwrap();
    assert_eq!(
        body_of(response).await["trace_id"],
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    let untyped = Request::post("/api/v1/ingest/logs")
        .body(Body::from(line(1)))
        .unwrap();
    let response = rig
        .collector
        .ingest_router()
        .oneshot(untyped)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

fn log(message: &str) -> Batch {
    let at = Timestamp::from_secs(900);
    Batch::Logs(vec![LogRecord::new(
        at,
        SeverityNumber::INFO,
        "shop",
        message,
    )])
}

fn messages(rig: &Rig) -> Vec<String> {
    let logs = rig.sink.logs();
    logs.into_iter().map(|record| record.message).collect()
}

#[tokio::test]
async fn a_batch_over_which_a_store_panics_is_set_aside_and_not_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let first = rig(dir.path()).await;
    first.collector.accept("test", log("one")).await.unwrap();
    let refused = first
        .collector
        .accept("test", log(RecordingSink::POISON))
        .await;
    assert_eq!(refused, Err(Refusal::Fault));
    first.collector.accept("test", log("two")).await.unwrap();
    assert_eq!(messages(&first), ["one", "two"]);
    let status = first.collector.status();
    assert_eq!(status.dead_letters, 1);
    assert!(status.drops.contains(&("poison_batch".to_owned(), 1)));
    drop(first);
    for _ in 0..2 {
        let again = rig(dir.path()).await;
        assert_eq!(messages(&again), ["one", "two"]);
        assert_eq!(again.collector.status().dead_letters, 1);
        assert!(
            again.collector.status().drops.is_empty(),
            "it was not tried again"
        );
    }
}

#[tokio::test]
async fn a_poison_that_came_before_it_was_known_does_not_keep_the_collector_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let options = WalOptions::default();
    let (mut writer, _) = wal::open(
        dir.path(),
        options,
        watchfire_schemas::BatchSeq::ZERO,
        |_| (),
    )
    .unwrap();
    let at = Timestamp::from_secs(900);
    for message in ["one", RecordingSink::POISON, "two"] {
        let Batch::Logs(records) = log(message) else {
            unreachable!("logs")
        };
        let packed = crate::content::Content::Logs(records).pack(at);
        assert!(writer.append(&[&packed]).error.is_none());
    }
    drop(writer);
    for counted in [1, 0] {
        let rig = rig(dir.path()).await;
        assert_eq!(messages(&rig), ["one", "two"]);
        let drops = rig.collector.status().drops;
        assert_eq!(drops.len(), counted, "{drops:?}");
    }
}

#[tokio::test]
async fn exceptions_that_nobody_has_written_are_told_again_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let Batch::Logs(mut records) = log("m") else {
        unreachable!("logs")
    };
    records[0].exception = Some(watchfire_schemas::Exception {
        kind: "E".to_owned(),
        ..Default::default()
    });
    let mut first = rig(dir.path()).await;
    let taken = first.collector.accept("test", Batch::Logs(records));
    taken.await.unwrap();
    // It was handed over, and then the process died before it was written; the stores hold all.
    assert_eq!(first.exceptions.recv().await.unwrap().seen.len(), 1);
    drop(first);
    let held = || {
        let sink = Arc::new(RecordingSink::default());
        sink.set_checkpoint(1);
        sink
    };
    let mut second = rig_with(dir.path(), SMALL, held()).await;
    let again = second.exceptions.recv().await.unwrap();
    assert_eq!(again.seen[0].kind, "E");
    assert!(second.sink.logs().is_empty(), "no store got it again");
    again.written();
    drop(second);
    let mut third = rig_with(dir.path(), SMALL, held()).await;
    third.collector.close().await;
    drop(third.collector);
    assert!(
        third.exceptions.recv().await.is_none(),
        "written is written"
    );
}

#[tokio::test]
async fn times_that_are_not_believed_are_quarantined_at_the_time_they_came() {
    let dir = tempfile::tempdir().unwrap();
    let rig = rig(dir.path()).await;
    let lines = [
        "1970-01-01T00:10:00Z",
        "1970-01-01T01:17:00Z",
        "1969-12-31T00:00:00Z",
    ]
    .map(|time| line(1).replace("1970-01-01T00:10:00Z", time));
    let response = post(&rig, "application/x-ndjson", lines.join("\n")).await;
    let answer = body_of(response).await;
    assert_eq!(
        (&answer["accepted"], &answer["quarantined"]),
        (&json!(2), &json!(1)),
        "{answer}"
    );
    assert_eq!(answer["errors"][0]["path"], "/timestamp");
    let said = answer["errors"][0]["message"].as_str().unwrap();
    assert!(said.contains("ahead of the clock here"), "{said}");
    let quarantine = rig.sink.quarantine();
    assert!(
        quarantine
            .iter()
            .all(|record| record.timestamp == Timestamp::from_secs(1_000))
    );
    let reason = &quarantine[0].attributes["quarantine.reason"];
    assert_eq!(reason, "too_far_ahead");
    let drops = rig.collector.status().drops;
    assert_eq!(drops, [("too_far_ahead".to_owned(), 1)]);
    let mut span = crate::derive::tests::span(900, "GET /", 0.1);
    span.end = Timestamp::from_secs(10_000);
    let receipt = rig.collector.accept("test", Batch::Spans(vec![span])).await;
    assert_eq!(receipt.unwrap().rejected, 1);
}

/// Two bytes on the wire become a kilobyte: what they will take is known before they are decoded.
#[tokio::test]
async fn half_a_million_empty_records_are_refused_before_they_are_decoded() {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use prost::Message;
    let dir = tempfile::tempdir().unwrap();
    let rig = rig(dir.path()).await;
    let body = |count: usize| {
        let scope_logs = vec![ScopeLogs {
            log_records: vec![LogRecord::default(); count],
            ..ScopeLogs::default()
        }];
        let resource_logs = vec![ResourceLogs {
            scope_logs,
            ..ResourceLogs::default()
        }];
        ExportLogsServiceRequest { resource_logs }.encode_to_vec()
    };
    for (count, expected) in [
        (500_000, StatusCode::PAYLOAD_TOO_LARGE),
        (5_000, StatusCode::OK),
    ] {
        let request = Request::post("/v1/logs").header("content-type", "application/x-protobuf");
        let request = request.body(Body::from(body(count))).unwrap();
        let response = rig.collector.otlp_http_router().oneshot(request).await;
        assert_eq!(response.unwrap().status(), expected, "{count}");
    }
    assert_eq!(rig.sink.logs().len(), 5_000);
    assert_eq!(
        rig.collector.status().memory_used,
        0,
        "all of it is given back"
    );
}
