//! What the store costs: parsing a query, appending, sealing and the main queries.
//!
//! `cargo bench -p watchfire-logsearch`. The records are generated: 372 bytes a line on average,
//! every one with a trace id of its own, 20 services, one in fifty an error with an exception.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has failed"
)]

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use prometheus_client::registry::Registry;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use watchfire_logsearch::{Config, Entry, EventStore, LogSearch};
use watchfire_schemas::{
    Attributes, BatchSeq, Exception, LogRecord, ManualClock, SeverityNumber, TimeRange, Timestamp,
    TraceId,
};

const RECORDS: usize = 200_000;
const BATCH: usize = 500;
const DEADLINE: Duration = Duration::from_secs(20);
const START: Timestamp = Timestamp::from_secs(1_795_608_000);

fn main() {
    divan::main();
}

fn record(n: usize) -> LogRecord {
    // A step of a full-period generator is random enough for ids and words.
    let random = |salt: u64| {
        (n as u64 ^ salt)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    };
    let at = START + Duration::from_micros(n as u64 * 900);
    let route = [
        "/pois",
        "/places/{id}",
        "/sync",
        "/health",
        "/tiles/{z}/{x}",
    ][n % 5];
    let status = [200, 200, 200, 404, 503][n % 5];
    let message = format!(
        "request {} finished with status {} in {} ms, upstream node-{} answered, attempt {}",
        random(1) % 1_000_000,
        status,
        random(2) % 900,
        random(3) % 40,
        n % 3
    );
    let mut record = LogRecord::new(
        at,
        SeverityNumber::INFO,
        format!("service-{}", random(4) % 20),
        message,
    );
    let id = u128::from(random(5)) << 64 | u128::from(random(6));
    record.trace_id = TraceId::from_bytes(id.to_be_bytes());
    record.attributes = attributes(&json!({
        "deployment.environment.name": "production",
        "host.name": format!("node-{}", n % 12),
        "http.request.method": "GET",
        "http.response.status_code": status,
        "http.route": route,
        "duration_ms": random(7) % 900,
        "user.id": random(8) % 50_000,
    }));
    if n.is_multiple_of(50) {
        record.severity = SeverityNumber::ERROR;
        record.exception = Some(Exception {
            kind: "java.net.SocketTimeoutException".to_owned(),
            message: "Read timed out".to_owned(),
            stacktrace:
                "at com.example.Client.read(Client.java:77)\nat com.example.Pois.list(Pois.java:12)"
                    .to_owned(),
        });
    }
    if n.is_multiple_of(40_000) {
        record.message.push_str(" kaboom");
    }
    record
}

fn attributes(value: &serde_json::Value) -> Attributes {
    value.as_object().unwrap().clone()
}

fn batches() -> &'static [Vec<LogRecord>] {
    static BATCHES: OnceLock<Vec<Vec<LogRecord>>> = OnceLock::new();
    BATCHES.get_or_init(|| {
        let starts = (0..RECORDS).step_by(BATCH);
        starts
            .map(|start| (start..start + BATCH).map(record).collect())
            .collect()
    })
}

fn line_bytes() -> usize {
    batches()
        .iter()
        .flatten()
        .map(|record| record.to_line().len())
        .sum()
}

fn open(dir: &Path) -> Arc<EventStore> {
    // Seals when told to, in splits of about 60,000 records.
    let config = Config {
        seal_bytes: usize::MAX / 16,
        ..Config::default()
    };
    let clock = Arc::new(ManualClock::at(START));
    EventStore::open(dir, config, clock, &mut Registry::default()).unwrap()
}

fn fill(store: &EventStore, batches: Vec<Vec<LogRecord>>) {
    for (batch, records) in (1..).zip(batches) {
        store.append(BatchSeq(batch), Entry::Logs(records));
    }
}

/// A runtime and a store that holds all records: in the tail, or in four splits.
struct Filled {
    runtime: Runtime,
    store: Arc<EventStore>,
    _dir: TempDir,
}

fn filled(sealed: bool) -> &'static Filled {
    static TAIL: OnceLock<Filled> = OnceLock::new();
    static SPLITS: OnceLock<Filled> = OnceLock::new();
    let place = if sealed { &SPLITS } else { &TAIL };
    place.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for (batch, records) in (1..).zip(batches()) {
            store.append(BatchSeq(batch), Entry::Logs(records.clone()));
            if sealed && batch.is_multiple_of(100) {
                runtime.block_on(store.close());
            }
        }
        Filled {
            runtime,
            store,
            _dir: dir,
        }
    })
}

#[divan::bench(args = [
    "connection reset",
    "service:payments severity:>=WARN (\"timed out\" or refused) -http.route:/health duration_ms:>500",
])]
fn parse(bencher: Bencher<'_, '_>, query: &str) {
    // An empty store answers at once: what is left is to parse and to resolve.
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let store = open(dir.path());
    bencher.bench_local(|| {
        runtime
            .block_on(store.search_logs(newest(query)))
            .unwrap()
            .total
    });
}

#[divan::bench(sample_count = 5)]
fn append(bencher: Bencher<'_, '_>) {
    bencher
        .with_inputs(|| {
            let dir = tempfile::tempdir().unwrap();
            (open(dir.path()), dir, batches().to_vec())
        })
        .input_counter(|_| ItemsCount::new(RECORDS))
        .bench_local_values(|(store, dir, batches)| {
            fill(&store, batches);
            (store, dir)
        });
}

#[divan::bench(sample_count = 3)]
fn seal(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().unwrap();
    bencher
        .with_inputs(|| {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path());
            fill(&store, batches().to_vec());
            (store, dir)
        })
        .input_counter(|_| ItemsCount::new(RECORDS))
        .input_counter(|_| BytesCount::new(line_bytes()))
        .bench_local_values(|(store, dir)| {
            runtime.block_on(store.close());
            (store, dir)
        });
    report_size();
}

#[expect(clippy::print_stdout, reason = "a figure of the bench")]
fn report_size() {
    let stats = filled(true).store.stats()[0].1;
    let ratio = stats.split_bytes as f64 / line_bytes() as f64;
    println!("bytes on disk per byte of line: {ratio:.3}");
}

const QUERIES: [&str; 9] = [
    "",
    "kaboom",
    "finished",
    "\"upstream node 7 answered\"",
    "service:service-3 severity:>=ERROR",
    "request 12*",
    "duration_ms:>800",
    "sockettimeoutexception",
    "not status",
];

fn newest(query: &str) -> LogSearch {
    LogSearch {
        query: query.to_owned(),
        range: TimeRange::ALL,
        limit: 100,
        cursor: None,
        deadline: Duration::from_secs(30),
    }
}

#[divan::bench(args = QUERIES)]
fn newest_hundred_in_splits(query: &str) -> u64 {
    let Filled { runtime, store, .. } = filled(true);
    runtime
        .block_on(store.search_logs(newest(query)))
        .unwrap()
        .total
}

#[divan::bench(args = QUERIES)]
fn newest_hundred_in_tail(query: &str) -> u64 {
    let Filled { runtime, store, .. } = filled(false);
    runtime
        .block_on(store.search_logs(newest(query)))
        .unwrap()
        .total
}

#[divan::bench(args = ["", "service:service-3", "finished"])]
fn histogram_by_minute(query: &str) -> usize {
    let Filled { runtime, store, .. } = filled(true);
    let range = TimeRange {
        start: START,
        end: START + Duration::from_mins(4),
    };
    let bars = store.log_histogram(query.to_owned(), range, Duration::from_mins(1), DEADLINE);
    runtime.block_on(bars).unwrap().bars.len()
}

#[divan::bench(args = ["service", "http.route", "user.id"])]
fn top_values_of_errors(field: &str) -> usize {
    let Filled { runtime, store, .. } = filled(true);
    let query = "severity:>=ERROR".to_owned();
    let values = store.top_values(query, TimeRange::ALL, field.to_owned(), 10);
    runtime.block_on(values).unwrap().len()
}

#[divan::bench]
fn one_trace_id() -> u64 {
    let id = batches()[17][5].trace_id.unwrap();
    let Filled { runtime, store, .. } = filled(true);
    let page = store.search_logs(newest(&format!("trace_id:{id}")));
    runtime.block_on(page).unwrap().total
}
