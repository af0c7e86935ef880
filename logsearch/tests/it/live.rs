//! Records as they arrive.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use watchfire_logsearch::{Entry, EventStore, LogTail, QueryError, TailEvent};
use watchfire_schemas::BatchSeq;

use crate::store::{append_each, open, record};

async fn next(tail: &mut LogTail) -> Option<TailEvent> {
    timeout(Duration::from_secs(30), tail.next())
        .await
        .expect("an event comes")
}

fn messages(event: &TailEvent) -> Vec<&str> {
    let records = event.records.iter();
    records.map(|found| found.record.message.as_str()).collect()
}

fn append(store: &Arc<EventStore>, batch: u64, count: usize) {
    let records = (0..count).map(|n| record(n as i64, &format!("line {batch}.{n}")));
    store.append(BatchSeq(batch), Entry::Logs(records.collect()));
}

#[tokio::test]
async fn only_what_comes_after_and_matches_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, vec![record(1, "disk old")]);
    let mut tail = store.log_tail("disk | count".to_owned()).await.unwrap();
    append_each(
        &store,
        2,
        vec![record(2, "net"), record(9, "disk a"), record(3, "disk b")],
    );
    let event = next(&mut tail).await.unwrap();
    assert_eq!(messages(&event), ["disk a", "disk b"], "as they arrived");
    assert_eq!(event.skipped, 0);
    append_each(&store, 5, vec![record(4, "net")]);
    let nothing = timeout(Duration::from_millis(600), tail.next()).await;
    assert!(nothing.is_err(), "what does not match is no event");
    append_each(&store, 6, vec![record(5, "disk c")]);
    assert_eq!(messages(&next(&mut tail).await.unwrap()), ["disk c"]);
}

#[tokio::test]
async fn what_comes_too_fast_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let tail = store.log_tail(String::new()).await.unwrap();
    let mut tail = tail.at_most(10);
    append(&store, 1, 5_000);
    append(&store, 2, 5_000);
    let mut told = 0;
    let mut skipped = 0;
    while told + skipped < 10_000 {
        let event = next(&mut tail).await.unwrap();
        assert!(event.records.len() <= 10, "a second's worth at most");
        told += event.records.len() as u64;
        skipped += event.skipped;
    }
    assert_eq!(told + skipped, 10_000);
    assert!(skipped >= 9_900);
}

#[tokio::test]
async fn a_slow_reader_learns_what_it_missed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut tail = store.log_tail("line".to_owned()).await.unwrap();
    append(&store, 1, 300);
    // They leave memory before anybody asked.
    store.close().await;
    append(&store, 2, 3);
    let event = next(&mut tail).await.unwrap();
    assert_eq!(messages(&event), ["line 2.0", "line 2.1", "line 2.2"]);
    assert_eq!(event.skipped, 300);
}

#[tokio::test]
async fn tails_are_bounded_and_end_with_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut tails = Vec::new();
    let refused = loop {
        match store.log_tail(String::new()).await {
            Ok(tail) => tails.push(tail),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, QueryError::Busy { .. }), "{refused}");
    assert_eq!(tails.len(), 32);
    drop(tails.pop());
    let mut tail = store.log_tail(String::new()).await.unwrap();
    append(&store, 1, 1);
    store.end_tails();
    assert_eq!(next(&mut tail).await, None);
    assert_eq!(next(&mut tails[0]).await, None);
    drop(tails);
    let error = store.log_tail("(a".to_owned()).await.unwrap_err();
    assert!(
        matches!(error, QueryError::Parse { column: 3, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn long_lines_are_left_out_before_an_event_is_huge() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut tail = store.log_tail(String::new()).await.unwrap();
    let long = "x".repeat(1 << 20);
    let records = (0..40).map(|n| record(n, &format!("{n} {long}")));
    store.append(BatchSeq(1), Entry::Logs(records.collect()));
    let event = next(&mut tail).await.unwrap();
    let bytes: usize = event.records.iter().map(|r| r.record.message.len()).sum();
    assert!(bytes < 4 << 20, "{bytes}");
    assert_eq!(event.records.len() as u64 + event.skipped, 40);
    assert!(
        event
            .records
            .last()
            .unwrap()
            .record
            .message
            .starts_with("39 ")
    );
}
