//! Pages against a model, whatever happens between them.

use proptest::prelude::*;
use watchfire_logsearch::Entry;
use watchfire_schemas::{BatchSeq, RecordId};

use crate::store::{asking, open, record};

#[derive(Debug, Clone)]
enum Step {
    /// Records of these seconds arrive as one batch.
    Append(Vec<u8>),
    Seal,
    Merge,
    /// The next page, of so many records.
    Page(usize),
    /// From the first page again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(0..20_u8, 1..12).prop_map(Step::Append),
        3 => Just(Step::Seal),
        1 => Just(Step::Merge),
        5 => (1..9_usize).prop_map(Step::Page),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

/// What a page must hold: the newest of all records there are that come after the last one.
fn expected(
    all: &mut [(u8, RecordId)],
    last: Option<(u8, RecordId)>,
    limit: usize,
) -> Vec<RecordId> {
    all.sort_unstable_by(|a, b| b.cmp(a));
    let after = all
        .iter()
        .filter(|record| last.is_none_or(|last| **record < last));
    after.take(limit).map(|(_, id)| *id).collect()
}

async fn follow(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut all: Vec<(u8, RecordId)> = Vec::new();
    let (mut batch, mut last, mut cursor) = (0, None, None);
    for step in steps {
        match step {
            Step::Append(seconds) => {
                batch += 1;
                let records = seconds.iter().map(|s| record(i64::from(*s), "tick"));
                store.append(BatchSeq(batch), Entry::Logs(records.collect()));
                let ids = (0..).map(|index| RecordId::new(BatchSeq(batch), index));
                all.extend(seconds.into_iter().zip(ids));
            }
            Step::Seal => store.close().await,
            Step::Merge => store.compact().await.unwrap(),
            Step::Restart => (last, cursor) = (None, None),
            Step::Page(limit) => {
                let mut search = asking("tick");
                (search.limit, search.cursor) = (limit, cursor.clone());
                let page = store.search_logs(search).await.unwrap();
                let found: Vec<RecordId> = page.records.iter().map(|found| found.id).collect();
                assert_eq!(found, expected(&mut all, last, limit));
                assert_eq!((page.total, page.total_is_exact), (all.len() as u64, true));
                let is_more = expected(&mut all, last, usize::MAX).len() > limit;
                assert_eq!(page.next.is_some(), is_more);
                if let Some(id) = found.last() {
                    last = all.iter().find(|(_, other)| other == id).copied();
                    cursor = page.next.or(cursor);
                }
                if !is_more {
                    (last, cursor) = (None, None);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn pages_are_those_of_the_model(steps in steps()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(follow(steps));
    }
}

#[tokio::test]
async fn a_list_pages_beyond_any_limit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for batch in 0..3 {
        let records = (0..1_500).map(|n| record(n % 50, "tick")).collect();
        store.append(BatchSeq(batch + 1), Entry::Logs(records));
        if batch < 2 {
            store.close().await;
        }
    }
    let mut search = asking("");
    search.limit = usize::MAX;
    assert_eq!(
        store
            .search_logs(search.clone())
            .await
            .unwrap()
            .records
            .len(),
        4_500
    );
    search.limit = 1_000;
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let page = store.search_logs(search.clone()).await.unwrap();
        seen.extend(page.records.iter().map(|found| found.id));
        search.cursor = page.next;
        if search.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 4_500);
}
