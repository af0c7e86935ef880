//! What the contract costs: to read a line, to hold it against the schema, to say what is wrong,
//! and to write it again.
//!
//! `cargo bench --bench contract`. One line of every ten carries an exception with its trace.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use serde_json::{Value, json};
use watchfire_schemas::{Contract, LogRecord, Timestamp, flatten};

const LINES: usize = 1_000;

fn main() {
    divan::main();
}

fn line(n: usize) -> Value {
    let mut line = json!({
        "timestamp": Timestamp::from_millis(1_795_608_000_000 + n as i64).to_string(),
        "severity": "INFO",
        "service": {"name": format!("service-{}", n % 20)},
        "message": format!("request {n} finished with status 200 in {} ms", n % 900),
        "trace_id": format!("{:032x}", (n as u128 + 1) << 64 | 7),
        "span_id": format!("{:016x}", n + 1),
        "http": {"request": {"method": "GET"}, "route": "/orders/{id}", "response": {"status_code": 200}},
        "user.id": n % 50_000,
        "duration_ms": n as f64 / 7.0,
    });
    if n.is_multiple_of(10) {
        line["severity"] = "ERROR".into();
        line["exception.type"] = "java.net.SocketTimeoutException".into();
        line["exception.stacktrace"] = "at com.example.Client.read(Client.java:77)\n"
            .repeat(12)
            .into();
    }
    line
}

fn lines() -> Vec<String> {
    (0..LINES).map(|n| line(n).to_string()).collect()
}

/// The objects of the lines, flat as the contract sees them; broken ones have no severity that is
/// one and a trace id that is none.
fn objects(broken: bool) -> Vec<Value> {
    let lines = (0..LINES).map(line);
    let objects = lines.map(|mut line| {
        if broken {
            line["severity"] = "LOUD".into();
            line["trace_id"] = "xyz".into();
        }
        let object = line.as_object().cloned().unwrap_or_default();
        Value::Object(flatten(object))
    });
    objects.collect()
}

#[divan::bench]
fn read_lines(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let bytes: usize = lines.iter().map(String::len).sum();
    let bencher = bencher
        .counter(ItemsCount::new(LINES))
        .counter(BytesCount::new(bytes));
    bencher.bench(|| {
        let read = lines
            .iter()
            .filter_map(|line| LogRecord::from_line(line.as_bytes(), Timestamp::default()).ok());
        assert_eq!(read.count(), LINES);
    });
}

#[divan::bench]
fn write_lines(bencher: Bencher<'_, '_>) {
    let lines = lines();
    let records: Vec<LogRecord> = lines
        .iter()
        .filter_map(|line| LogRecord::from_line(line.as_bytes(), Timestamp::default()).ok())
        .collect();
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        out.clear();
        for record in &records {
            record.write_line(&mut out);
        }
        out.len()
    });
}

#[divan::bench]
fn validate_good(bencher: Bencher<'_, '_>) {
    let (contract, objects) = (Contract::log_record_v1(), objects(false));
    bencher.counter(ItemsCount::new(LINES)).bench(|| {
        let kept = objects.iter().filter(|object| contract.is_kept_by(object));
        assert_eq!(kept.count(), LINES);
    });
}

/// With what quarantine asks for: paths and messages.
#[divan::bench]
fn validate_broken(bencher: Bencher<'_, '_>) {
    let (contract, objects) = (Contract::log_record_v1(), objects(true));
    bencher.counter(ItemsCount::new(LINES)).bench(|| {
        let found = objects
            .iter()
            .map(|object| contract.violations(object).len());
        assert_eq!(found.sum::<usize>(), 2 * LINES);
    });
}

#[divan::bench]
fn compile() -> Contract {
    Contract::log_record_v1()
}
