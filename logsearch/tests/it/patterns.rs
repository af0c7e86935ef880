//! Patterns from intake to the answer.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use watchfire_logsearch::{
    Entry, EventStore, PatternChange, PatternList, PatternSearch, PatternSummary,
};
use watchfire_schemas::{BatchSeq, LogRecord, SeverityNumber, SeverityRange, TimeRange, Timestamp};

use crate::store::{NOON, found, open, record};

fn at(seconds: u64) -> Timestamp {
    NOON + Duration::from_secs(seconds)
}

fn between(start: u64, end: u64) -> TimeRange {
    TimeRange {
        start: at(start),
        end: at(end),
    }
}

/// Takes records in as the collector does.
fn take_in(store: &EventStore, batch: u64, mut records: Vec<LogRecord>) -> Vec<LogRecord> {
    store.assign_patterns(&mut records);
    store.append(BatchSeq(batch), Entry::Logs(records.clone()));
    records
}

fn search(query: &str, range: TimeRange) -> PatternSearch {
    PatternSearch {
        query: query.to_owned(),
        range,
        against: None,
        limit: 100,
        buckets: 4,
        deadline: Duration::from_secs(30),
    }
}

async fn patterns(store: &Arc<EventStore>, search: PatternSearch) -> PatternList {
    store.log_patterns(search).await.unwrap()
}

fn told(list: &PatternList) -> Vec<(&str, u64, u64, PatternChange)> {
    let tell = |one: &PatternSummary| (one.count, one.count_against, one.change);
    let patterns = list.patterns.iter();
    patterns
        .map(|one| {
            let (count, against, change) = tell(one);
            (one.template.as_str(), count, against, change)
        })
        .collect()
}

/// Two services, three patterns, forty seconds.
fn traffic() -> Vec<LogRecord> {
    let mut records = Vec::new();
    for n in 0..40 {
        records.push(record(n, &format!("tile {n} sent in {n} ms")));
        if n % 4 == 0 {
            let mut slow = record(n, &format!("query of 10.0.0.{n} was slow"));
            "places".clone_into(&mut slow.service);
            slow.severity = SeverityNumber::WARN;
            records.push(slow);
        }
    }
    records.push(record(39, "going down"));
    records
}

#[tokio::test]
async fn tail_and_splits_give_the_same_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    take_in(&store, 1, traffic());
    let range = between(0, 40);
    let in_tail = patterns(&store, search("", range)).await;
    assert_eq!(
        told(&in_tail),
        [
            (
                "tile <num> sent in <duration>",
                40,
                0,
                PatternChange::Steady
            ),
            ("query of <ip> was slow", 10, 0, PatternChange::Steady),
            ("going down", 1, 0, PatternChange::Steady),
        ]
    );
    let slow = &in_tail.patterns[1];
    assert_eq!(slow.trend, [3, 2, 3, 2]);
    assert_eq!((slow.first_seen, slow.last_seen), (at(0), at(36)));
    assert_eq!(slow.services, ["places"]);
    assert_eq!(slow.severity, SeverityRange::Warn);
    assert_eq!((in_tail.records, in_tail.unpatterned), (51, 0));
    assert!(!in_tail.partial);

    store.close().await;
    assert_eq!(patterns(&store, search("", range)).await, in_tail);
    take_in(&store, 2, vec![record(5, "tile 9 sent in 2 s")]);
    let both = patterns(&store, search("sent", between(4, 6))).await;
    assert_eq!(both.patterns[0].count, 3);
    assert_eq!(both.patterns.len(), 1);

    let id = &slow.id;
    assert_eq!(found(&store, &format!("pattern_id:{id}")).await.len(), 10);
}

#[tokio::test]
async fn what_is_new_and_what_has_vanished_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut records = Vec::new();
    for n in 0..100 {
        records.push(record(n, "heartbeat received"));
        records.push(record(100 + n, "heartbeat received"));
        if n < 20 {
            records.push(record(n, "old path taken"));
        }
        if n < 30 {
            records.push(record(100 + n, "disk is full"));
        }
        if n < 5 {
            records.push(record(n, "retrying now"));
        }
        if n < 60 {
            records.push(record(100 + n, "retrying now"));
        }
    }
    take_in(&store, 1, records);
    let compared = PatternSearch {
        against: Some(between(0, 100)),
        ..search("", between(100, 200))
    };
    let expected = [
        ("disk is full", 30, 0, PatternChange::New),
        ("old path taken", 0, 20, PatternChange::Vanished),
        ("retrying now", 60, 5, PatternChange::Grown),
        ("heartbeat received", 100, 100, PatternChange::Steady),
    ];
    let list = patterns(&store, compared.clone()).await;
    assert_eq!(told(&list), expected);
    assert_eq!(list.patterns[1].last_seen, at(19));
    assert_eq!(list.patterns[1].trend, [0; 4]);
    store.close().await;
    assert_eq!(patterns(&store, compared.clone()).await, list);

    // Where a record has no pattern, it may have been any.
    store.append(BatchSeq(2), Entry::Logs(vec![record(7, "disk is full")]));
    let list = patterns(&store, compared).await;
    assert!(
        list.patterns
            .iter()
            .all(|one| one.change == PatternChange::Steady)
    );
}

#[tokio::test]
async fn a_search_without_time_says_that_it_is_partial() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    take_in(&store, 1, traffic());
    store.close().await;
    let hurried = PatternSearch {
        deadline: Duration::ZERO,
        against: Some(between(0, 5)),
        ..search("", between(0, 40))
    };
    let list = patterns(&store, hurried).await;
    assert!(list.partial);
    assert!(
        list.patterns
            .iter()
            .all(|one| one.change == PatternChange::Steady)
    );
}

#[tokio::test]
async fn a_pattern_without_template_shows_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut old = record(1, "\n a line of old \nmore of it");
    old.pattern_id = Some("p1".to_owned());
    store.append(BatchSeq(1), Entry::Logs(vec![old, record(2, "none")]));
    for _ in 0..2 {
        let list = patterns(&store, search("", between(0, 40))).await;
        assert_eq!(
            told(&list),
            [("a line of old ", 1, 0, PatternChange::Steady)]
        );
        assert_eq!((list.records, list.unpatterned), (2, 1));
        store.close().await;
    }
}

fn ids(records: &[LogRecord]) -> Vec<String> {
    let id = |record: &LogRecord| record.pattern_id.clone().unwrap();
    records.iter().map(id).collect()
}

/// Lines whose patterns have widened, so that their first lines alone do not name them.
fn widened() -> Vec<LogRecord> {
    let nodes = ["db-a", "cache_b", "web-c.d"];
    let lines = nodes.map(|node| record(1, &format!("connection to {node} was lost again")));
    lines.into()
}

fn one_more() -> Vec<LogRecord> {
    vec![record(2, "connection to other-z was lost again")]
}

#[tokio::test]
async fn ids_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let before = ids(&take_in(&store, 1, widened()));
    store.close().await;
    drop(store);
    let store = open(dir.path());
    let after = ids(&take_in(&store, 2, one_more()));
    assert_eq!(BTreeSet::from_iter(before), BTreeSet::from_iter(after));
    let list = patterns(&store, search("", between(0, 40))).await;
    assert_eq!(
        list.patterns[0].template,
        "connection to <*> was lost again"
    );
    assert_eq!(list.patterns[0].count, 4);
}

#[tokio::test]
async fn ids_survive_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let before = take_in(&open(elsewhere.path()), 1, widened());
    // Nothing was saved: what the log holds is handed over again.
    let store = open(dir.path());
    store.append(BatchSeq(1), Entry::Logs(before.clone()));
    let after = ids(&take_in(&store, 2, one_more()));
    assert_eq!(after[0], ids(&before)[0]);
    let list = patterns(&store, search("", between(0, 40))).await;
    assert_eq!(
        list.patterns[0].template,
        "connection to <*> was lost again"
    );
}

#[tokio::test]
async fn a_damaged_file_is_left_aside() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path()).unwrap();
    let file: &Path = &dir.path().join("patterns.json");
    std::fs::write(file, "{\"format\":1,\"patt").unwrap();
    let store = open(dir.path());
    let first = ids(&take_in(&store, 1, widened()));
    store.close().await;
    drop(store);
    assert_eq!(ids(&take_in(&open(dir.path()), 2, one_more()))[0], first[0]);
}

#[test]
fn threads_agree_on_the_ids() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let batches: Vec<Vec<LogRecord>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut all = Vec::new();
                    for _ in 0..50 {
                        let mut records = traffic();
                        records.extend(widened());
                        store.assign_patterns(&mut records);
                        all.extend(records);
                    }
                    all
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let first = ids(&batches[0]);
    assert!(batches.iter().all(|batch| ids(batch) == first));
    assert_eq!(BTreeSet::from_iter(&first).len(), 4);
}
