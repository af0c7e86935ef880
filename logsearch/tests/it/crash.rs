//! Nothing is lost and nothing is there twice, wherever the process ends.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use watchfire_logsearch::{Config, Entry, EventStore, OpenError};
use watchfire_schemas::{BatchSeq, LogRecord};

use crate::store::{NOON, append_each, clock, found, open, quiet, record, span, try_open};

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    // So is a folder that is removed meanwhile.
    for entry in fs::read_dir(from).into_iter().flatten() {
        let Ok(entry) = entry else { continue };
        let to = to.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => copy(&entry.path(), &to),
            // A file that is renamed meanwhile is one that a crash would not have either.
            _ => drop(fs::copy(entry.path(), to)),
        }
    }
}

pub(crate) fn numbered(range: std::ops::Range<i64>) -> Vec<LogRecord> {
    range.map(|n| record(n, &format!("n{n}"))).collect()
}

/// What the owner of the log does on start: hand over again all after the checkpoint.
pub(crate) fn replay(store: &EventStore, log: &[LogRecord]) {
    let after = store.checkpoint().0;
    append_each(store, after + 1, log[after as usize..].to_vec());
}

pub(crate) async fn holds_each_once(store: &Arc<EventStore>, count: i64) {
    let mut expected: Vec<_> = (0..count).map(|n| format!("n{n}")).collect();
    expected.reverse();
    assert_eq!(found(store, "").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_moment_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = numbered(0..60);
    let store = open(&dir.path().join("live"));
    let mut moments = 0;
    for round in 0..3 {
        append_each(
            &store,
            round * 20 + 1,
            log[round as usize * 20..][..20].to_vec(),
        );
        let mut sealing = JoinSet::new();
        let sealed = Arc::clone(&store);
        sealing.spawn(async move { sealed.close().await });
        loop {
            let finished = sealing.try_join_next().is_some();
            let copied = dir.path().join(format!("copy{moments}"));
            copy(&dir.path().join("live"), &copied);
            moments += 1;
            let crashed = open(&copied);
            let written = (round as usize + 1) * 20;
            replay(&crashed, &log[..written]);
            holds_each_once(&crashed, written as i64).await;
            crashed.close().await;
            holds_each_once(&crashed, written as i64).await;
            if finished {
                break;
            }
        }
    }
    assert!(moments >= 6, "copied at {moments} moments");
}

#[tokio::test]
async fn replayed_batches_are_passed_over_where_they_are_published() {
    let dir = tempfile::tempdir().unwrap();
    let log = numbered(0..10);
    let store = open(dir.path());
    append_each(&store, 1, log.clone());
    store.close().await;
    drop(store);

    let store = open(dir.path());
    assert_eq!(
        store.checkpoint(),
        BatchSeq(10),
        "datasets without a record follow, durably"
    );
    append_each(&store, 1, log);
    holds_each_once(&store, 10).await;
}

#[tokio::test]
async fn each_dataset_has_its_own_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, numbered(0..5));
    assert_eq!(store.checkpoint(), BatchSeq(0), "logs are not sealed");
    store.close().await;
    assert_eq!(store.checkpoint(), BatchSeq(5));
    store.append(BatchSeq(6), Entry::Spans(vec![span(1, 1, 5)]));
    store.advance(BatchSeq(9));
    assert_eq!(
        store.checkpoint(),
        BatchSeq(5),
        "the span of batch 6 is not sealed"
    );
    assert!(store.unsealed_bytes() > 0);
    store.close().await;
    assert_eq!(store.checkpoint(), BatchSeq(9));
    assert_eq!(store.unsealed_bytes(), 0);
}

#[tokio::test]
async fn a_half_written_split_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, numbered(0..3));
    store.close().await;
    drop(store);
    let half = dir.path().join("logs/split-00000002");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("meta.json"), "{").unwrap();
    fs::write(dir.path().join("logs/manifest.json.tmp"), "{").unwrap();
    let store = open(dir.path());
    assert!(!half.exists());
    replay(&store, &numbered(0..3));
    append_each(&store, 4, numbered(3..4));
    store.close().await;
    holds_each_once(&store, 4).await;
}

#[test]
fn a_store_that_cannot_be_read_is_refused_with_the_reason() {
    let check = |manifest: &str, expected: &str| {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        let path = dir.path().join("logs/manifest.json");
        fs::write(&path, manifest).unwrap();
        let error = try_open(dir.path()).unwrap_err();
        let told = error.to_string();
        let start = format!("{} {expected}", path.display());
        assert!(told.starts_with(&start), "{told}");
        error
    };
    let error = check(
        r#"{"format": 7, "anything": "else"}"#,
        "was written by format version 7; this binary reads version 3 and converts no other. A \
         newer Watchfire wrote it: run that one, or move the folder away and start again",
    );
    assert!(matches!(
        error,
        OpenError::Version {
            found: 7,
            supported: 3,
            ..
        }
    ));
    check(
        r#"{"format": 2, "splits": []}"#,
        "was written by format version 2; this binary reads version 3 and converts no other. To \
         read what it holds, run the Watchfire that wrote it on this folder; to go on without, \
         move the folder away and start again",
    );
    check("{\"splits\": []}", "is damaged: it has no format");
    check(
        r#"{"format":3,"checkpoint":3,"next_split":2,"splits":[{"number":1,"min_time":0,"max_time":0,"records":1,
            "first_batch":1,"last_batch":3,"services":null,"bytes":1,"sealed_at":0}]}"#,
        "is damaged: it names split-00000001, which is missing",
    );
}

#[tokio::test]
async fn a_lost_manifest_does_not_throw_splits_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for batch in 0..2 {
        append_each(&store, batch + 1, numbered(batch as i64..batch as i64 + 1));
        store.close().await;
    }
    drop(store);
    fs::remove_file(dir.path().join("logs/manifest.json")).unwrap();
    let error = try_open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(dir.path().join("logs/split-00000001").exists());
}

/// Waits for the store's own thread, which looks every second.
pub(crate) async fn eventually(what: &str, is: impl Fn() -> bool) {
    for _ in 0..200 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen");
}

#[tokio::test]
async fn the_tail_is_sealed_by_age_and_size_and_splits_are_dropped_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let mut registry = Registry::default();
    let config = Config {
        seal_bytes: 40_000,
        ..quiet()
    };
    let day = Duration::from_hours(24);
    let store = EventStore::open(dir.path(), config, clock.clone(), &mut registry).unwrap();
    let splits = |n| {
        let store = Arc::clone(&store);
        move || store.stats()[0].1.splits == n
    };
    append_each(&store, 1, numbered(0..1));
    clock.advance(Duration::from_secs(601));
    eventually("sealing by age", splits(1)).await;
    let large: Vec<_> = (1..30).map(|n| record(n, &"x".repeat(1_000))).collect();
    append_each(&store, 2, large);
    eventually("sealing by size", splits(2)).await;
    // A record of the year 2200 is dropped by its arrival.
    append_each(
        &store,
        31,
        vec![record(5_500_000_000, "future"), record(-4_000_000, "late")],
    );
    store.close().await;
    assert_eq!(store.stats()[0].1.splits, 3);
    clock.set(NOON + 15 * day);
    eventually("dropping by age", splits(0)).await;
    assert_eq!(found(&store, "").await, Vec::<String>::new());
    assert_eq!(store.checkpoint(), BatchSeq(32));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "watchfire_logsearch_splits{dataset=\"logs\"} 0",
        "watchfire_logsearch_sealed_records_total{dataset=\"logs\"} 32",
        "watchfire_logsearch_expired_records_total{dataset=\"logs\"} 32",
        "watchfire_logsearch_seal_seconds_count{dataset=\"logs\"} 3",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}
