//! Small splits become large ones, and nobody sees a difference.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use watchfire_logsearch::{Entry, EventStore};
use watchfire_schemas::{BatchSeq, LogRecord, TimeRange, TraceId};

use crate::crash::{copy, holds_each_once, numbered, replay};
use crate::store::{NOON, PATIENCE, append_each, asking, open, page, record, span};

/// Seals each of these as a split of its own.
async fn splits_of(store: &Arc<EventStore>, first: u64, parts: Vec<Vec<LogRecord>>) {
    for (batch, records) in (first..).zip(parts) {
        store.append(BatchSeq(batch), Entry::Logs(records));
        store.advance(BatchSeq(batch));
        store.close().await;
    }
}

/// Times repeat across splits and are not in order of arrival.
fn parts(count: i64, size: i64) -> Vec<Vec<LogRecord>> {
    let part = |part: i64| {
        let records = (0..size).map(|n| {
            let mut record = record((part * 5 + n * 7) % 40, &format!("word{} common", n % 5));
            record.service = format!("service{}", part % 3);
            record.trace_id = TraceId::from_bytes(u128::to_be_bytes(1 + (n % 9) as u128));
            record
        });
        records.collect()
    };
    (0..count).map(part).collect()
}

fn splits(store: &EventStore) -> usize {
    store.stats()[0].1.splits
}

#[tokio::test]
async fn what_queries_see_stays_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    splits_of(&store, 1, parts(20, 30)).await;
    for batch in 21..30 {
        let spans = vec![span(7, batch, 5), span(8, batch, 5)];
        store.append(BatchSeq(batch), Entry::Spans(spans));
        store.advance(BatchSeq(batch));
        store.close().await;
    }
    assert_eq!((splits(&store), store.stats()[2].1.splits), (20, 9));
    let range = TimeRange {
        start: NOON,
        end: NOON + Duration::from_mins(2),
    };
    let trace = TraceId::from_bytes(u128::to_be_bytes(7)).unwrap();
    let ask = async || {
        let mut pages = Vec::new();
        for query in [
            "",
            "word3",
            "service:service1 common",
            "trace_id:0000000000000000000000000000000a",
            "not word1",
        ] {
            let page = page(&store, query).await;
            pages.push((page.records, page.total, page.total_is_exact));
        }
        let step = Duration::from_mins(1);
        let bars = store
            .log_histogram("common".to_owned(), range, step, PATIENCE)
            .await
            .unwrap();
        let field = "service".to_owned();
        let top = store
            .top_values(String::new(), range, field, 9)
            .await
            .unwrap();
        let trace = store.trace(trace, PATIENCE).await.unwrap();
        let one = store.log("7-3".parse().unwrap()).await.unwrap();
        (pages, bars, top, trace, one)
    };
    let before = ask().await;
    store.compact().await.unwrap();
    assert_eq!(splits(&store), 1);
    assert_eq!(store.stats()[2].1.splits, 1);
    assert_eq!(store.stats()[0].1.split_records, 600);
    assert_eq!(ask().await, before);
    drop(store);
    let folders = fs::read_dir(dir.path().join("logs")).unwrap().count();
    let store = open(dir.path());
    assert_eq!(folders, splits(&store) + 1, "the old files are gone");
    assert_eq!(store.checkpoint(), BatchSeq(29));
}

#[tokio::test]
async fn a_page_goes_on_where_it_ended_although_splits_were_merged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    splits_of(&store, 1, parts(16, 20)).await;
    let expected: Vec<_> = page(&store, "common").await.records;
    let mut search = asking("common");
    search.limit = 23;
    let mut seen = Vec::new();
    for round in 0.. {
        let page = store.search_logs(search.clone()).await.unwrap();
        seen.extend(page.records);
        if round == 2 {
            store.compact().await.unwrap();
            assert_eq!(splits(&store), 1);
        }
        match page.next {
            Some(next) => search.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

/// A copy as a crash would leave it: while it was made, the manifest was the same.
fn crashed(live: &Path, copied: &Path) {
    let manifest = || fs::read(live.join("logs/manifest.json")).unwrap();
    loop {
        let before = manifest();
        drop(fs::remove_dir_all(copied));
        copy(live, copied);
        if before == manifest() && fs::read(copied.join("logs/manifest.json")).unwrap() == before {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_moment_of_a_merge_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let log = numbered(0..160);
    let store = open(&live);
    for part in 0..16 {
        append_each(
            &store,
            part * 10 + 1,
            log[part as usize * 10..][..10].to_vec(),
        );
        store.close().await;
    }
    let mut merging = JoinSet::new();
    let merged = Arc::clone(&store);
    merging.spawn(async move { merged.compact().await.unwrap() });
    for moment in 0.. {
        let finished = merging.try_join_next().is_some();
        let copied = dir.path().join(format!("copy{moment}"));
        crashed(&live, &copied);
        let restarted = open(&copied);
        replay(&restarted, &log);
        holds_each_once(&restarted, 160).await;
        if finished {
            assert!(moment > 0);
            assert_eq!(splits(&restarted), 1);
            break;
        }
    }
}
