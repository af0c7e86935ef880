//! A file of remote-write requests, each with its length before it: what each stage takes, and how
//! much memory and disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::time::Instant;
use watchfire_schemas::{BatchSeq, ManualClock, Timestamp};
use watchfire_tsdb::{Config, QueryOptions, Tsdb, WriteBatch, WriteVersion};

const HOUR_MS: i64 = 3_600_000;
/// New series are looked for in so many.
const FIRST_BATCHES: u64 = 64;

pub(super) fn replay(path: &Path) {
    let file = fs::read(path).expect("a file of requests");
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
    let mut registry = Registry::default();
    let tsdb = Tsdb::open(dir.path(), Config::default(), clock.clone(), &mut registry);
    let tsdb = tsdb.expect("a new store");
    let (end, samples) = write(&tsdb, &clock, &file);
    told("head", samples, resident());
    let stats = tsdb.stats();
    println!("{stats:?}");
    ask(&tsdb, end);
    let began = Instant::now();
    tsdb.snapshot().expect("a snapshot");
    told("snapshot", samples, began.elapsed());
    let began = Instant::now();
    let again = Tsdb::open(
        dir.path(),
        Config::default(),
        clock.clone(),
        &mut Registry::default(),
    );
    told("restart", samples, began.elapsed());
    drop(again);
    clock.set(Timestamp::from_millis(end + 5 * HOUR_MS));
    let began = Instant::now();
    tsdb.snapshot().expect("a snapshot");
    told("cut", samples, began.elapsed());
    let stats = tsdb.stats();
    let per_sample = stats.block_bytes as f64 / stats.block_samples as f64;
    println!(
        "{per_sample:.3} bytes per sample, resident {}; {stats:?}",
        resident()
    );
    ask(&tsdb, end);
    println!("resident {}", resident());
}

/// Gives the time of the last sample and how many there were.
fn write(tsdb: &Tsdb, clock: &ManualClock, mut file: &[u8]) -> (i64, u64) {
    let [mut reading, mut judging, mut taking] = [Duration::ZERO; 3];
    let (mut batch, mut end, mut samples, mut first) = (BatchSeq::ZERO, 0, 0, None);
    while let Some((length, rest)) = file.split_first_chunk::<4>() {
        let (body, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        file = rest;
        let began = Instant::now();
        let body = snap::raw::Decoder::new().decompress_vec(body);
        let written = WriteBatch::decode(body.expect("snappy"), WriteVersion::V1);
        let written = written.expect("a request");
        reading += began.elapsed();
        let last = written.series().last().map(|one| written.samples(one));
        end = last
            .and_then(|samples| samples.last())
            .map_or(end, |last| last.t.max(end));
        clock.set(Timestamp::from_millis(end));
        samples += written.sample_count() as u64;
        batch = batch.next();
        let began = Instant::now();
        assert!(tsdb.judge(&written).is_empty());
        judging += began.elapsed();
        let began = Instant::now();
        tsdb.append_written(batch, &written);
        taking += began.elapsed();
        if batch.0 <= FIRST_BATCHES {
            let series = tsdb.stats().head_series;
            if first.is_none_or(|(before, _)| before != series) {
                first = Some((series, taking + judging));
            }
        }
    }
    if let Some((series, time)) = first {
        told("new series, judged and taken", series as u64, time);
    }
    told("snappy and decoding", samples, reading);
    told("judging", samples, judging);
    told("taking", samples, taking);
    (end, samples)
}

fn ask(tsdb: &Tsdb, end: i64) {
    for expr in [
        "sum by (job) (rate(http_requests_total[5m]))",
        "histogram_quantile(0.99, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])))",
    ] {
        let mut times: Vec<Duration> = (0..9)
            .map(|_| {
                let began = Instant::now();
                let answer = tsdb.query_range(
                    expr,
                    Timestamp::from_millis(end - HOUR_MS),
                    Timestamp::from_millis(end),
                    Duration::from_mins(1),
                    &QueryOptions::default(),
                );
                assert!(!answer.expect("an answer").value.is_empty());
                began.elapsed()
            })
            .collect();
        let first = times[0];
        times.sort_unstable();
        println!("first {first:?}, p50 {:?}: {expr}", times[4]);
    }
}

fn told(what: &str, count: u64, took: impl std::fmt::Debug) {
    println!("{what}: {took:?} for {count}");
}

/// The resident memory, and the most there was.
fn resident() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines();
    let lines = lines.filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    lines.collect::<Vec<_>>().join(" ")
}
