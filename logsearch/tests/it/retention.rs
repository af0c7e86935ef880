//! What goes when it is old or when room is needed.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use watchfire_logsearch::{Entry, EventStore, Evicted};
use watchfire_schemas::{BatchSeq, ManualClock, TraceId};

use crate::crash::eventually;
use crate::store::{NOON, PATIENCE, asking, clock, found, quiet, record, span};

const DAY: Duration = Duration::from_hours(24);

fn opened(dir: &std::path::Path, clock: &Arc<ManualClock>) -> Arc<EventStore> {
    let clock = Arc::<ManualClock>::clone(clock);
    EventStore::open(dir, quiet(), clock, &mut Registry::default()).unwrap()
}

#[tokio::test]
async fn the_oldest_go_first_across_datasets() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = opened(dir.path(), &clock);
    for hour in 0..3 {
        clock.set(NOON + Duration::from_hours(hour));
        let batch = BatchSeq(hour + 1);
        let at = i64::try_from(hour).unwrap() * 3_600;
        match hour {
            1 => store.append(batch, Entry::Quarantine(vec![record(at, "broken")])),
            _ => store.append(batch, Entry::Logs(vec![record(at, &format!("log{hour}"))])),
        }
        store.advance(batch);
        store.close().await;
    }
    assert_eq!(store.make_room(0).unwrap(), Evicted::default());
    let first = store.make_room(1).unwrap();
    assert_eq!((first.splits, first.records), (1, 1));
    assert_eq!(found(&store, "").await, ["log2"]);
    let more = store.make_room(1).unwrap();
    assert!(more.bytes > 0);
    assert_eq!(store.search_quarantine(asking("")).await.unwrap().total, 0);
    assert_eq!(store.make_room(u64::MAX).unwrap().splits, 1);
    assert_eq!(found(&store, "").await, Vec::<String>::new());
    let stats = store.stats();
    assert_eq!(
        (stats[0].1.evicted_records, stats[1].1.evicted_records),
        (2, 1)
    );
    for dataset in ["logs", "quarantine"] {
        let folders = std::fs::read_dir(dir.path().join(dataset)).unwrap();
        assert_eq!(folders.count(), 1, "only the manifest of {dataset} is left");
    }
    drop(store);
    assert_eq!(opened(dir.path(), &clock).checkpoint(), BatchSeq(3));
}

#[tokio::test]
async fn late_and_future_records_are_kept_as_long_as_others_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = opened(dir.path(), &clock);
    let seconds = |days: i64| days * 86_400;
    let late = record(seconds(-60), "late");
    let future = record(seconds(60), "future");
    store.append(BatchSeq(1), Entry::Logs(vec![late, future]));
    store.append(
        BatchSeq(2),
        Entry::Logs(vec![record(seconds(-13), "usual")]),
    );
    store.close().await;
    let stats = || store.stats()[0].1;
    assert_eq!((stats().late_records, stats().future_records), (1, 1));
    clock.set(NOON + 13 * DAY);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(found(&store, "").await, ["future", "usual", "late"]);
    clock.set(NOON + 15 * DAY);
    eventually("dropping by age", || stats().expired_records == 3).await;
    assert_eq!(found(&store, "").await, Vec::<String>::new());
}

#[tokio::test]
async fn of_a_huge_trace_the_earliest_spans_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = opened(dir.path(), &clock());
    let huge = |range: std::ops::Range<u64>| range.map(|id| span(5, id, 1)).collect();
    store.append(BatchSeq(1), Entry::Spans(huge(6_000..11_000)));
    store.close().await;
    store.append(BatchSeq(2), Entry::Spans(huge(1..6_000)));
    let id = TraceId::from_bytes(u128::to_be_bytes(5)).unwrap();
    let trace = store.trace(id, PATIENCE).await.unwrap();
    assert_eq!(
        (trace.total, trace.spans.len(), trace.partial),
        (10_999, 10_000, false)
    );
    assert_eq!(trace.spans[0], span(5, 1, 1));
    assert!(trace.spans.is_sorted_by_key(|span| span.start));
    let hurried = store.trace(id, Duration::ZERO).await.unwrap();
    assert!(hurried.partial);
}
