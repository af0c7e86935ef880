//! Pages never repeat or miss a record, whatever is sealed between them.

use std::collections::BTreeSet;
use std::time::Duration;

use watchfire_logsearch::Entry;
use watchfire_schemas::{BatchSeq, RecordId};

use crate::store::{append_each, asking, open, page, record};

#[tokio::test]
async fn pages_are_stable_while_the_tail_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    // Times repeat, so that the cursor has to break ties, and are not in order of arrival.
    let records: Vec<_> = (0..300)
        .map(|n| record(n * 7 % 10, &format!("n{n}")))
        .collect();
    append_each(&store, 1, records);
    let expected: Vec<RecordId> = page(&store, "")
        .await
        .records
        .iter()
        .map(|r| r.id)
        .collect();
    assert_eq!(expected.len(), 300);

    let mut search = asking("");
    search.limit = 7;
    let mut seen = Vec::new();
    for round in 0.. {
        let page = store.search_logs(search.clone()).await.unwrap();
        assert_eq!(page.total, 300 + round.min(2), "what came later is counted");
        seen.extend(page.records.iter().map(|found| found.id));
        match round {
            // What is newer than the cursor does not show up any more.
            0 | 1 => append_each(&store, 301 + round, vec![record(1_000, "newer")]),
            5 | 20 => store.close().await,
            _ => {}
        }
        match page.next {
            Some(next) => search.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn late_and_future_records_are_in_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let century = 3_000_000_000;
    let rounds = [[5, -century, 1], [century, 2, 4], [3, 1, 5]];
    for (batch, seconds) in (1..).zip(rounds) {
        let records = seconds.map(|s| record(s, &s.to_string())).to_vec();
        store.append(BatchSeq(batch), Entry::Logs(records));
        if batch < 3 {
            store.close().await;
        }
    }
    let page = page(&store, "").await;
    let found: Vec<i64> = page
        .records
        .iter()
        .map(|r| r.record.message.parse().unwrap())
        .collect();
    assert_eq!(found, [century, 5, 5, 4, 3, 2, 1, 1, -century]);
    let ids: BTreeSet<_> = page.records.iter().map(|r| r.id).collect();
    assert_eq!(ids.len(), 9);
    assert!(
        page.records[1].id > page.records[2].id,
        "ties: the last to come is first"
    );
}

#[tokio::test]
async fn a_search_stops_early_and_leaves_splits_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for hour in 0..4 {
        let mut records: Vec<_> = (0..50)
            .map(|s| record(hour * 3_600 + s, "tick tock"))
            .collect();
        records[0].service = format!("only{hour}");
        store.append(BatchSeq(hour as u64 + 1), Entry::Logs(records));
        store.close().await;
    }
    let everything = page(&store, "service:only2 tock").await;
    assert_eq!((everything.total, everything.explain.splits_pruned), (1, 3));
    let mut last = asking("");
    last.limit = 10;
    let page = store.search_logs(last.clone()).await.unwrap();
    assert_eq!(
        (page.total, page.total_is_exact, page.records.len()),
        (200, true, 10)
    );
    assert_eq!(
        page.explain.rows_scanned, 11,
        "one more than the page, to know that there is more"
    );
    last.range.start = page.records[0].record.timestamp;
    let newest = store.search_logs(last).await.unwrap();
    assert_eq!((newest.total, newest.explain.splits_pruned), (1, 3));
}

#[tokio::test]
async fn without_time_the_answer_is_marked_as_partial() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, (0..5).map(|n| record(n, "tick")).collect());
    store.close().await;
    let mut hurried = asking("tick");
    hurried.deadline = Duration::ZERO;
    let page = store.search_logs(hurried).await.unwrap();
    assert!(page.partial && !page.total_is_exact, "{page:?}");
    assert_eq!(page.records, []);
}
