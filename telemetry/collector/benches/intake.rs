//! What a request costs from its body to its acknowledgement: decode, validate, enrich, log ahead
//! with `fdatasync`, and into the tail.
//!
//! `cargo bench --bench intake`. The records are those of a web service, 2,000 a request.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use http::{Request, StatusCode};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValueKind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prometheus_client::registry::Registry;
use prost::Message as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tower::ServiceExt as _;
use watchfire_collector::{Collector, Config, TimeBounds};
use watchfire_logsearch::EventStore;
use watchfire_schemas::{ManualClock, Timestamp};
use watchfire_tsdb::Tsdb;

const LINES: usize = 2_000;
const START: Timestamp = Timestamp::from_secs(1_795_608_000);

fn main() {
    divan::main();
}

/// A collector with stores and a log of its own.
struct Intake {
    runtime: Runtime,
    ndjson: Router,
    otlp: Router,
    _collector: Arc<Collector>,
    _dir: TempDir,
}

impl Intake {
    fn open() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let dir = tempfile::tempdir().expect("a directory");
        let collector = runtime.block_on(collector(dir.path()));
        Self {
            runtime,
            ndjson: collector.ingest_router(),
            otlp: collector.otlp_http_router(),
            _collector: collector,
            _dir: dir,
        }
    }

    /// Sends a body and expects that it is acknowledged.
    fn send(&self, router: &Router, path: &str, media_type: &str, body: &[u8]) {
        let request = Request::post(path)
            .header("content-type", media_type)
            .body(Body::from(body.to_vec()))
            .expect("a request");
        let answer = self.runtime.block_on(router.clone().oneshot(request));
        assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    }
}

async fn collector(dir: &Path) -> Arc<Collector> {
    let clock = Arc::new(ManualClock::at(START));
    let registry = &mut Registry::default();
    let events = EventStore::open(
        &dir.join("events"),
        watchfire_logsearch::Config::default(),
        Arc::clone(&clock) as _,
        registry,
    );
    let tsdb = Tsdb::open(
        &dir.join("tsdb"),
        watchfire_tsdb::Config::default(),
        Arc::clone(&clock) as _,
        registry,
    );
    let config = Config {
        dir: dir.join("wal"),
        memory_budget: 4 << 30,
        intake_budget: 1 << 30,
        max_body: 16 << 20,
        bounds: TimeBounds {
            max_ahead: Duration::from_hours(1),
        },
        snapshot_interval: Duration::from_mins(15),
        contracts: Arc::default(),
        counters: Vec::new(),
        otlp_metrics: watchfire_collector::OtlpMetrics::default(),
    };
    let (exceptions, mut seen) = mpsc::channel(1_000);
    let opened = Collector::open(
        config,
        events.expect("a new store"),
        tsdb.expect("a new store"),
        exceptions,
        clock,
        registry,
    );
    let collector = opened.await.expect("a new log");
    // Somebody listens, as in the running program.
    tokio::task::spawn_blocking(move || {
        while let Some(occurrences) = seen.blocking_recv() {
            occurrences.written();
        }
    });
    collector
}

fn at(n: usize) -> Timestamp {
    START + Duration::from_micros(n as u64)
}

fn message(n: usize) -> String {
    format!(
        "request {n} finished with status 200 in {} ms, attempt 1",
        n % 900
    )
}

fn ndjson() -> Vec<u8> {
    let line = |n: usize| {
        json!({
            "timestamp": at(n).to_string(), "severity": "INFO", "service.name": format!("service-{}", n % 20),
            "message": message(n), "trace_id": format!("{:032x}", (n as u128 + 1) << 64 | 7),
            "host.name": "node-7", "http.route": "/orders/{id}", "http.request.method": "GET",
            "http.response.status_code": 200, "duration_ms": n as f64 / 7.0, "user.id": n,
        })
        .to_string()
    };
    (0..LINES).map(line).collect::<Vec<_>>().join("\n").into()
}

fn otlp() -> Vec<u8> {
    let attribute = |key: &str, value: AnyValueKind| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let text = |text: &str| AnyValueKind::StringValue(text.to_owned());
    let record = |n: usize| LogRecord {
        time_unix_nano: at(n).nanos() as u64,
        severity_number: 9,
        body: Some(AnyValue {
            value: Some(text(&message(n))),
        }),
        attributes: vec![
            attribute("http.route", text("/orders/{id}")),
            attribute("http.request.method", text("GET")),
            attribute("http.response.status_code", AnyValueKind::IntValue(200)),
            attribute("duration_ms", AnyValueKind::DoubleValue(n as f64 / 7.0)),
            attribute("user.id", AnyValueKind::IntValue(n as i64)),
        ],
        trace_id: ((n as u128 + 1) << 64 | 7).to_be_bytes().to_vec(),
        ..LogRecord::default()
    };
    let of_service = |service: usize| ResourceLogs {
        resource: Some(Resource {
            attributes: vec![
                attribute("service.name", text(&format!("service-{service}"))),
                attribute("host.name", text("node-7")),
            ],
            ..Resource::default()
        }),
        scope_logs: vec![ScopeLogs {
            log_records: (0..LINES / 20).map(|n| record(n * 20 + service)).collect(),
            ..ScopeLogs::default()
        }],
        ..ResourceLogs::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: (0..20).map(of_service).collect(),
    };
    request.encode_to_vec()
}

#[divan::bench(sample_count = 40, sample_size = 1)]
fn json_lines(bencher: Bencher<'_, '_>) {
    let (intake, body) = (Intake::open(), ndjson());
    bencher
        .counter(ItemsCount::new(LINES))
        .counter(BytesCount::new(body.len()))
        .bench_local(|| {
            let path = "/api/v1/ingest/logs";
            intake.send(&intake.ndjson, path, "application/x-ndjson", &body);
        });
}

#[divan::bench(sample_count = 40, sample_size = 1)]
fn otlp_protobuf(bencher: Bencher<'_, '_>) {
    let (intake, body) = (Intake::open(), otlp());
    bencher
        .counter(ItemsCount::new(LINES))
        .counter(BytesCount::new(body.len()))
        .bench_local(|| {
            intake.send(&intake.otlp, "/v1/logs", "application/x-protobuf", &body);
        });
}
