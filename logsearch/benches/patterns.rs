//! What it costs to find the pattern of a line at intake.
//!
//! `cargo bench -p watchfire-logsearch --bench patterns`. Repetitive traffic is what services
//! write: a few dozen kinds of lines with other numbers, ids, names and times. Random words are the
//! worst that can come.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has failed"
)]

use std::sync::{Arc, OnceLock};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use prometheus_client::registry::Registry;
use watchfire_logsearch::{Config, EventStore, PatternMiner};
use watchfire_schemas::{LogRecord, ManualClock, SeverityNumber, Timestamp};

const LINES: usize = 100_000;

fn main() {
    divan::main();
}

/// A step of a full-period generator is random enough for ids and words.
fn random(n: usize, salt: u64) -> u64 {
    (n as u64 ^ (salt << 40))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn line(n: usize) -> String {
    let [a, b, c] = [random(n, 1), random(n, 2), random(n, 3)];
    let (ms, id, node) = (a % 900, b % 1_000_000, c % 40);
    match n % 8 {
        0 => format!("request {id} finished with status 200 in {ms} ms, node-{node} answered"),
        1 => format!("GET /places/{id}/opening-hours answered 404 in {ms}ms"),
        2 => format!("sync of tile {node}/{id} finished: {ms} records, {node}.{ms} MB sent"),
        3 => format!(
            "connection from 10.0.{node}.{}:{} closed by peer",
            ms % 256,
            id % 60_000
        ),
        4 => format!("session {a:016x} of user u{id} expired after 00:{node}:07"),
        5 => format!("cache miss key=place:{id} ttl={node}s, falling back to store"),
        6 => format!("retry {node} of job \"sync places {id}\" at 2026-11-22T05:57:{node}.{ms}Z"),
        _ => "heartbeat received".to_owned(),
    }
}

fn random_words(n: usize) -> String {
    let word = |salt: u64| {
        let mut rest = random(n, salt);
        let letters = (0..8).map(|_| {
            let letter = b'a' + (rest % 26) as u8;
            rest /= 26;
            char::from(letter)
        });
        letters.collect::<String>()
    };
    (0..10).map(word).collect::<Vec<_>>().join(" ")
}

fn lines(kind: &str) -> &'static [String] {
    static TRAFFIC: OnceLock<Vec<String>> = OnceLock::new();
    static RANDOM: OnceLock<Vec<String>> = OnceLock::new();
    match kind {
        "traffic" => TRAFFIC.get_or_init(|| (0..LINES).map(line).collect()),
        _ => RANDOM.get_or_init(|| (0..LINES).map(random_words).collect()),
    }
}

#[divan::bench(args = ["traffic", "random words"], sample_count = 10)]
fn mine(bencher: Bencher<'_, '_>, kind: &str) {
    let lines = lines(kind);
    bencher
        .counter(ItemsCount::new(LINES))
        .counter(BytesCount::new(
            lines.iter().map(String::len).sum::<usize>(),
        ))
        .with_inputs(PatternMiner::default)
        .bench_local_refs(|miner| {
            for line in lines {
                divan::black_box(miner.assign(line));
            }
        });
}

/// As the collector does, in batches of 500, the ids written into the records.
#[divan::bench(threads = [1, 2], sample_count = 10)]
fn assign(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::default()));
    let config = Config::default();
    let store = EventStore::open(dir.path(), config, clock, &mut Registry::default()).unwrap();
    let record = |line: &String| {
        LogRecord::new(
            Timestamp::default(),
            SeverityNumber::INFO,
            "places",
            line.as_str(),
        )
    };
    bencher
        .counter(ItemsCount::new(LINES))
        .with_inputs(|| lines("traffic").iter().map(record).collect::<Vec<_>>())
        .bench_refs(|records| {
            for batch in records.chunks_mut(500) {
                store.assign_patterns(batch);
            }
        });
}
