use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tower::ServiceExt;
use watchfire_collector::{Collector, Config, Contracts, Occurrences, OtlpMetrics, TimeBounds};
use watchfire_logsearch::{EventStore, LogSearch};
use watchfire_schemas::{Clock, LogRecord, ManualClock, TimeRange, Timestamp};
use watchfire_tsdb::{QueryOptions, QueryValue, Tsdb};

/// A collector with its stores, at a time that stands still.
pub(crate) struct Stage {
    pub(crate) collector: Arc<Collector>,
    pub(crate) events: Arc<EventStore>,
    pub(crate) tsdb: Arc<Tsdb>,
    pub(crate) contracts: Arc<Contracts>,
    pub(crate) exceptions: mpsc::Receiver<Occurrences>,
    /// Kept so that the folder stays.
    pub(crate) dir: TempDir,
}

/// 2026-11-22T06:00:00Z in seconds.
pub(crate) const NOW: i64 = 1_795_327_200;
pub(crate) const MAX_BODY: usize = 4 << 20;

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::in_dir(tempfile::tempdir().expect("the stage is sound")).await
    }

    pub(crate) async fn in_dir(dir: TempDir) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
        let mut registry = Registry::default();
        let events = EventStore::open(
            &dir.path().join("events"),
            watchfire_logsearch::Config::default(),
            Arc::clone(&clock),
            &mut registry,
        )
        .expect("the stage is sound");
        let tsdb = Tsdb::open(
            &dir.path().join("tsdb"),
            watchfire_tsdb::Config::default(),
            Arc::clone(&clock),
            &mut registry,
        )
        .expect("the stage is sound");
        let contracts = Arc::new(Contracts::default());
        let config = Config {
            dir: dir.path().join("wal"),
            memory_budget: 256 << 20,
            intake_budget: 8 << 20,
            bounds: TimeBounds {
                max_ahead: Duration::from_hours(1),
            },
            max_body: MAX_BODY,
            snapshot_interval: Duration::from_mins(1),
            contracts: Arc::clone(&contracts),
            counters: Vec::new(),
            otlp_metrics: OtlpMetrics::default(),
        };
        let (to, exceptions) = mpsc::channel(64);
        let (log_store, series_store) = (Arc::clone(&events), Arc::clone(&tsdb));
        let collector = Collector::open(config, log_store, series_store, to, clock, &mut registry)
            .await
            .expect("the stage is sound");
        Self {
            collector,
            events,
            tsdb,
            contracts,
            exceptions,
            dir,
        }
    }

    /// All log records, newest first.
    pub(crate) async fn logs(&self, query: &str) -> Vec<LogRecord> {
        let page = self
            .events
            .search_logs(search(query))
            .await
            .expect("the stage is sound");
        assert!(!page.partial);
        page.records.into_iter().map(|found| found.record).collect()
    }

    pub(crate) async fn quarantine(&self, query: &str) -> Vec<LogRecord> {
        let page = self
            .events
            .search_quarantine(search(query))
            .await
            .expect("the stage is sound");
        page.records.into_iter().map(|found| found.record).collect()
    }

    /// The value of an instant query that has one series.
    pub(crate) fn value(&self, expr: &str) -> f64 {
        let at = Timestamp::from_secs(NOW);
        match self
            .tsdb
            .query(expr, at, &QueryOptions::default())
            .expect("the stage is sound")
            .value
        {
            QueryValue::Vector(vector) if vector.len() == 1 => vector[0].sample.v,
            other => panic!("{expr}: {other:?}"),
        }
    }

    /// Sends lines of JSON.
    pub(crate) async fn lines(&self, lines: &[String]) -> serde_json::Value {
        let (router, path) = (self.collector.ingest_router(), "/api/v1/ingest/logs");
        let answer = post(router, path, &[], Body::from(lines.join("\n"))).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.json()
    }

    pub(crate) async fn otlp(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        post(
            self.collector.otlp_http_router(),
            path,
            headers,
            body.into(),
        )
        .await
    }
}

fn search(query: &str) -> LogSearch {
    LogSearch {
        query: query.to_owned(),
        range: TimeRange::ALL,
        limit: 10_000,
        cursor: None,
        deadline: Duration::from_secs(10),
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the stage is sound")
    }
}

pub(crate) async fn post(
    router: Router,
    path: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Answer {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router
        .oneshot(request.body(body).expect("the stage is sound"))
        .await
        .expect("the stage is sound");
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20)
        .await
        .expect("the stage is sound")
        .to_vec();
    Answer {
        status: head.status,
        headers: head.headers,
        body,
    }
}

/// Serves a router on a port of its own, until the set is dropped.
pub(crate) async fn serve(router: Router, tasks: &mut tokio::task::JoinSet<()>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("the stage is sound");
    let address = listener.local_addr().expect("the stage is sound");
    tasks.spawn(async move {
        axum::serve(listener, router)
            .await
            .expect("the stage is sound");
    });
    address
}

/// Copies a data folder as a crash would leave it.
pub(crate) fn crashed_copy(of: &Path) -> TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).expect("the stage is sound");
        for entry in std::fs::read_dir(from).expect("the stage is sound") {
            let entry = entry.expect("the stage is sound");
            let target = to.join(entry.file_name());
            if entry.file_type().expect("the stage is sound").is_dir() {
                copy(&entry.path(), &target);
            } else {
                std::fs::copy(entry.path(), target).expect("the stage is sound");
            }
        }
    }
    let to = tempfile::tempdir().expect("the stage is sound");
    copy(of, to.path());
    to
}
