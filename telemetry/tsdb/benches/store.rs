//! How fast samples go in, and how fast the query of every dashboard is answered. With
//! `WRITE_REQUESTS=FILE` a file of requests is replayed instead.

#![expect(clippy::print_stdout, reason = "a bench tells what it has measured")]

#[path = "store/replay.rs"]
mod replay;

use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use prometheus_client::registry::Registry;
use watchfire_schemas::{BatchSeq, ManualClock, Timestamp};
use watchfire_tsdb::{Config, QueryOptions, Tsdb, WriteBatch, WriteVersion};

const SERIES: usize = 10_000;
const START_MS: i64 = 1_699_999_200_000;
const SCRAPE_MS: i64 = 15_000;

fn main() {
    match std::env::var_os("WRITE_REQUESTS") {
        Some(file) => replay::replay(file.as_ref()),
        None => divan::main(),
    }
}

fn store(dir: &std::path::Path) -> (Arc<Tsdb>, Arc<ManualClock>) {
    let now = Timestamp::from_millis(START_MS + 7_200_000);
    let clock = Arc::new(ManualClock::at(now));
    let tsdb = Tsdb::open(
        dir,
        Config::default(),
        clock.clone(),
        &mut Registry::default(),
    );
    (tsdb.expect("a new store"), clock)
}

fn varint(mut value: u64, body: &mut Vec<u8>) {
    while value >= 0x80 {
        body.push(value as u8 | 0x80);
        value >>= 7;
    }
    body.push(value as u8);
}

fn field(number: u8, bytes: &[u8], body: &mut Vec<u8>) {
    body.push(number << 3 | 2);
    varint(bytes.len() as u64, body);
    body.extend_from_slice(bytes);
}

/// What a series counts: steps of several sizes, levels with decimals, constants.
fn value(series: usize, scrape: i64) -> f64 {
    let noise = (series as i64 * 7919 + scrape * 104_729) % 1009;
    match series % 6 {
        0 => (scrape * 20 + noise % 13) as f64,
        1 => (scrape * 50_000 + noise * 31) as f64,
        2 => (5000 + noise) as f64 / 10_000.0,
        3 => (scrape * 700 + noise) as f64 / 1000.0,
        4 => 1.0,
        _ => (450 + noise % 40) as f64 / 10.0,
    }
}

/// A request of remote write: one sample of each series.
fn scrape(scrape: i64) -> WriteBatch {
    let mut body = Vec::new();
    for i in 0..SERIES {
        let labels = [
            ("__name__", format!("http_requests_{}_total", i % 50)),
            ("instance", format!("10.0.{}.{}:9100", i / 250, i % 250)),
            ("job", format!("job-{}", i % 20)),
            ("path", format!("/api/v1/resource/{}", i % 37)),
        ];
        let mut one = Vec::new();
        for (name, value) in &labels {
            let mut label = Vec::new();
            field(1, name.as_bytes(), &mut label);
            field(2, value.as_bytes(), &mut label);
            field(1, &label, &mut one);
        }
        let mut sample = vec![0x09];
        sample.extend_from_slice(&value(i, scrape).to_le_bytes());
        sample.push(0x10);
        varint((START_MS + scrape * SCRAPE_MS) as u64, &mut sample);
        field(2, &sample, &mut one);
        field(1, &one, &mut body);
    }
    WriteBatch::decode(body, WriteVersion::V1).expect("a request")
}

/// An hour of all series.
fn hour(tsdb: &Tsdb) {
    for i in 0..240 {
        tsdb.append_written(BatchSeq(i + 1), &scrape(i as i64));
    }
}

/// One scrape of all series into a head that knows them.
#[divan::bench(sample_count = 200)]
fn append(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a directory");
    let (tsdb, _) = store(dir.path());
    let mut next = 0;
    bencher
        .counter(ItemsCount::new(SERIES))
        .with_inputs(|| {
            next += 1;
            (BatchSeq(next), scrape(next as i64))
        })
        .bench_local_values(|(seq, batch)| tsdb.append_written(seq, &batch));
}

/// One scrape of series that are all new.
#[divan::bench(sample_count = 20)]
fn new_series(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a directory");
    let batch = scrape(0);
    bencher
        .counter(ItemsCount::new(SERIES))
        .with_inputs(|| store(dir.path()).0)
        .bench_local_values(|tsdb| tsdb.append_written(BatchSeq(1), &batch));
}

/// An hour of all series from the head into a block, and what the block takes.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn cut(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a directory");
    let (tsdb, clock) = store(dir.path());
    hour(&tsdb);
    clock.set(Timestamp::from_millis(START_MS + 5 * 3_600_000));
    bencher
        .counter(ItemsCount::new(SERIES * 240))
        .bench_local(|| tsdb.snapshot().expect("a snapshot"));
    let stats = tsdb.stats();
    let per_sample = stats.block_bytes as f64 / stats.block_samples as f64;
    println!("{per_sample:.2} bytes per sample in {stats:?}");
}

/// `sum by (job)(rate(…[5m]))` over all series of a metric, an hour in steps of a minute.
#[divan::bench(sample_count = 20, args = ["head", "block"])]
fn sum_of_rates(bencher: Bencher<'_, '_>, place: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let (tsdb, clock) = store(dir.path());
    hour(&tsdb);
    if place == "block" {
        clock.set(Timestamp::from_millis(START_MS + 5 * 3_600_000));
        tsdb.snapshot().expect("a snapshot");
    }
    let start = Timestamp::from_millis(START_MS + 300_000);
    let end = Timestamp::from_millis(START_MS + 3_600_000);
    bencher.bench_local(|| {
        tsdb.query_range(
            r#"sum by (job) (rate({__name__=~"http_requests_.*"}[5m]))"#,
            start,
            end,
            Duration::from_mins(1),
            &QueryOptions::within(Duration::from_mins(1)),
        )
    });
}
