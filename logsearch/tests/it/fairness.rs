//! Queries that try to hurt are answered or refused, and hurt nobody else.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use watchfire_logsearch::{Entry, EventStore, QueryError, ValueSearch};
use watchfire_schemas::{BatchSeq, LogRecord, TimeRange};

use crate::store::{NOON, PATIENCE, asking, open, record, with};

/// In each split.
const RECORDS: i64 = 1_000;

/// Many different words, in several splits and the tail.
async fn filled(dir: &Path) -> Arc<EventStore> {
    let store = open(dir);
    let letter = |n: i64| char::from(b'a' + u8::try_from(n % 26).unwrap());
    for batch in 0..6 {
        let one = |n: i64| -> LogRecord {
            let n = batch * RECORDS + n;
            let message = format!(
                "{}{n} {}{} the quick common",
                letter(n),
                letter(n * 7),
                n % 97
            );
            with(
                record(n % 600, &message),
                &serde_json::json!({"n": n, "name": format!("{}{n}", letter(n))}),
            )
        };
        let records = (0..RECORDS).map(one).collect();
        store.append(BatchSeq(batch.unsigned_abs() + 1), Entry::Logs(records));
        if batch < 5 {
            store.close().await;
        }
    }
    store
}

fn many(count: usize, one: impl Fn(usize) -> String, between: &str) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(between)
}

fn letter(n: usize) -> char {
    char::from(b'a' + u8::try_from(n % 26).unwrap())
}

/// What somebody might send who means harm, or knows no better.
fn hurtful() -> Vec<String> {
    vec![
        "*".to_owned(),
        "a*".to_owned(),
        many(10_000, |n| format!("{}*", letter(n)), " OR "),
        many(999, |n| format!("{}{n}*", letter(n)), " OR "),
        many(99, |n| format!("{}*", letter(n)), " "),
        many(500, |n| format!("-{}*", letter(n)), " "),
        many(900, |n| format!("n:>{n}"), " OR "),
        many(900, |n| format!("n:>{n}"), " "),
        many(900, |n| format!("name:{}*", letter(n)), " OR "),
        format!("\"{}\"", "the quick common ".repeat(2_000)),
        format!("\"{}\"", "the quick ".repeat(300)),
        format!("{}a*", "the-quick-".repeat(30)),
        "(".repeat(10_000),
        format!("{}common{}", "(".repeat(60), ")".repeat(60)),
        "not ".repeat(50_000),
        many(500, |n| format!("nosuchfield{n}:x"), " OR "),
        "x".repeat(1 << 20),
    ]
}

fn values(query: &str, range: TimeRange, deadline: Duration) -> ValueSearch {
    ValueSearch {
        query: query.to_owned(),
        range,
        field: "name".to_owned(),
        limit: 10,
        deadline,
    }
}

/// Whether it was answered in time or refused with a reason.
fn is_fair<T>(answer: &Result<T, QueryError>) -> bool {
    match answer {
        Ok(_) | Err(QueryError::TimedOut) => true,
        Err(QueryError::Parse { reason, .. } | QueryError::TooCostly { reason }) => {
            !reason.is_empty()
        }
        Err(QueryError::Busy { retry_after, .. }) => !retry_after.is_zero(),
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_answered_or_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let year = TimeRange {
        start: NOON - Duration::from_hours(24 * 365),
        end: NOON + Duration::from_hours(24),
    };
    for query in hurtful() {
        let shown: String = query.chars().take(60).collect();
        for deadline in [Duration::from_millis(20), Duration::from_millis(500)] {
            let mut search = asking(&query);
            (search.range, search.limit, search.deadline) = (year, usize::MAX, deadline);
            let page = store.search_logs(search).await;
            assert!(is_fair(&page), "{shown}: {page:?}");
            let (text, step) = (query.clone(), Duration::from_hours(1));
            let bars = store.log_histogram(text, year, step, deadline).await;
            assert!(is_fair(&bars), "{shown}: {bars:?}");
            let top = store.field_values(values(&query, year, deadline)).await;
            assert!(is_fair(&top), "{shown}: {top:?}");
        }
    }
}

#[tokio::test]
async fn without_time_a_count_is_partial_and_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let range = TimeRange {
        start: NOON,
        end: NOON + Duration::from_hours(1),
    };
    let (query, step) = ("common".to_owned(), Duration::from_mins(1));
    let bars = store.log_histogram(query.clone(), range, step, Duration::ZERO);
    let bars = bars.await.unwrap();
    assert!(bars.partial && bars.bars.len() == 60);
    let top = store.field_values(values(&query, range, Duration::ZERO));
    assert!(top.await.unwrap().partial);
}

/// Bare alternatives are looked up together; the answer is that of each by itself.
#[tokio::test]
async fn alternatives_of_beginnings_find_what_each_finds() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let total = async |query: &str| store.search_logs(asking(query)).await.unwrap().total;
    let both = total("a1* or ab* or a1 or message:b2*").await;
    let (a, b) = (total("a1*").await, total("message:b2*").await);
    assert_eq!(both, a + b - total("a1* message:b2*").await);
    assert!(a > 0 && b > 0);
    assert_eq!(total("a* or a1* or a12*").await, total("a*").await);
    assert_eq!(
        total("not (a* or b*)").await,
        u64::try_from(6 * RECORDS).unwrap() - total("a* or b*").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cheap_query_is_answered_while_eight_expensive_ones_run() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let (done, ran) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut expensive = JoinSet::new();
    for n in 0..8 {
        let (store, done, ran) = (Arc::clone(&store), Arc::clone(&done), Arc::clone(&ran));
        expensive.spawn(async move {
            let clauses = many(900, |clause| format!("n:>{}", clause * n), " OR ");
            while !done.load(Ordering::Relaxed) {
                let mut search = asking(&format!("({clauses}) nosuchword*"));
                search.deadline = Duration::from_secs(2);
                assert!(is_fair(&store.search_logs(search).await));
                ran.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for n in 0..20 {
        let mut search = asking(&format!("common n:{n}"));
        search.deadline = PATIENCE;
        let page = store.search_logs(search).await.unwrap();
        assert_eq!(
            (page.total, page.total_is_exact, page.partial),
            (1, true, false)
        );
    }
    while ran.load(Ordering::Relaxed) < 8 {
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Relaxed);
    while let Some(ended) = expensive.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_nobody_waits_for_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let clauses = many(900, |clause| format!("n:>{clause}"), " OR ");
    // More than may be under way at once: were they not ended, the last would not begin.
    for _ in 0..40 {
        let mut search = asking(&format!("({clauses}) nosuchword*"));
        search.deadline = Duration::from_hours(1);
        let asked = store.search_logs(search);
        drop(tokio::time::timeout(Duration::from_millis(5), asked).await);
    }
    assert_eq!(
        store.search_logs(asking("common n:5")).await.unwrap().total,
        1
    );
}
