//! The records around one, whatever is in the tail and whatever in splits.

use std::time::Duration;

use serde_json::json;
use watchfire_logsearch::{ContextBy, ContextSearch, FoundLog, LogContext};
use watchfire_schemas::{BatchSeq, LogRecord, RecordId, Timestamp};

use crate::store::{append_each, open, record, with};

/// Records of two services and hosts, several at the same time, every third in one trace.
fn records() -> Vec<LogRecord> {
    (0..400_u64)
        .map(|n| {
            // Not in order: the second half happened before the first.
            let at = (n + 200) % 400 / 4;
            let host = if n % 5 == 0 { "n1" } else { "n2" };
            let mut record = with(
                record(at as i64, &format!("line {n}")),
                &json!({ "host.name": host }),
            );
            if n % 2 == 0 {
                "gateway".clone_into(&mut record.service);
            }
            if n % 3 == 0 {
                record.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok();
            }
            record
        })
        .collect()
}

fn asking(id: RecordId, time: Timestamp, by: ContextBy) -> ContextSearch {
    ContextSearch {
        id,
        time,
        by,
        before: 7,
        after: 5,
        deadline: Duration::from_secs(20),
    }
}

fn messages(found: &[FoundLog]) -> Vec<String> {
    found.iter().map(|f| f.record.message.clone()).collect()
}

fn has(record: &LogRecord, by: ContextBy, middle: &LogRecord) -> bool {
    match by {
        ContextBy::All => true,
        ContextBy::Service => record.service == middle.service,
        ContextBy::Trace => record.trace_id == middle.trace_id,
        ContextBy::Host => record.attributes["host.name"] == middle.attributes["host.name"],
    }
}

/// What the answer must be, read off the records.
fn check(context: &LogContext, records: &[LogRecord], middle: usize, by: ContextBy) {
    let mut ordered: Vec<_> = (0..records.len()).collect();
    ordered.sort_by_key(|n| (records[*n].timestamp, *n));
    let is_meant = |n: &usize| *n == middle || has(&records[*n], by, &records[middle]);
    ordered.retain(is_meant);
    let place = ordered.iter().position(|n| *n == middle).unwrap();
    let names =
        |of: &[usize]| -> Vec<String> { of.iter().map(|n| records[*n].message.clone()).collect() };
    let before = &ordered[place.saturating_sub(7)..place];
    let after = &ordered[place + 1..(place + 6).min(ordered.len())];
    assert_eq!(messages(&context.before), names(before), "{middle} {by:?}");
    assert_eq!(messages(&context.after), names(after), "{middle} {by:?}");
    let record = context.record.as_ref().unwrap();
    assert_eq!(record.record, records[middle]);
    assert!(!context.partial);
}

#[tokio::test]
async fn context_is_exact_over_tail_and_splits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let records = records();
    append_each(&store, 1, records[..150].to_vec());
    store.close().await;
    append_each(&store, 151, records[150..260].to_vec());
    store.close().await;
    append_each(&store, 261, records[260..].to_vec());
    for middle in [0, 3, 77, 151, 200, 255, 261, 399] {
        let id = RecordId::new(BatchSeq(middle as u64 + 1), 0);
        let time = records[middle].timestamp;
        for by in [ContextBy::All, ContextBy::Service, ContextBy::Host] {
            let context = store.log_context(asking(id, time, by)).await.unwrap();
            check(&context, &records, middle, by);
        }
        let context = store
            .log_context(asking(id, time, ContextBy::Trace))
            .await
            .unwrap();
        if middle % 3 == 0 {
            check(&context, &records, middle, ContextBy::Trace);
        } else {
            assert_eq!(context.hints, ["the record has no trace_id"]);
            assert!(context.before.is_empty() && context.after.is_empty());
        }
    }
}

#[tokio::test]
async fn a_wrong_time_is_put_right_and_a_missing_record_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let records = records();
    append_each(&store, 1, records.clone());
    let id = RecordId::new(BatchSeq(10), 0);
    let wrong = Timestamp::from_secs(5);
    let context = store
        .log_context(asking(id, wrong, ContextBy::Service))
        .await
        .unwrap();
    check(&context, &records, 9, ContextBy::Service);
    let unknown = RecordId::new(BatchSeq(9_999), 0);
    let time = records[0].timestamp;
    let context = store
        .log_context(asking(unknown, time, ContextBy::All))
        .await
        .unwrap();
    assert!(context.record.is_none());
    assert_eq!(context.hints, [format!("there is no record {unknown}")]);
    assert_eq!(context.before.len(), 7, "what happened around then is told");
    let none = ContextSearch {
        before: 0,
        after: 0,
        ..asking(id, time, ContextBy::All)
    };
    let context = store.log_context(none).await.unwrap();
    assert!(context.before.is_empty() && context.after.is_empty() && context.record.is_some());
}
