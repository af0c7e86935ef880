//! What a store of thousands of splits costs to ask. Takes minutes; prints, and asserts nothing
//! about time: `cargo test --release -p watchfire-logsearch -- --ignored --nocapture many_splits`.

use std::time::Duration;

use tokio::time::Instant;
use watchfire_logsearch::Entry;
use watchfire_schemas::{BatchSeq, TraceId};

use crate::store::{PATIENCE, asking, open, record, span};

const SPLITS: u64 = 2_000;

fn trace(n: u64) -> TraceId {
    TraceId::from_bytes((u128::from(n) << 64 | u128::from(n * n)).to_be_bytes()).unwrap()
}

#[tokio::test]
#[ignore = "a measurement over 2,000 splits that takes minutes, to be read by hand from a release build"]
async fn many_splits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for split in 1..=SPLITS {
        let line = |n: u64| {
            let mut record = record((split * 60 + n).cast_signed(), "request took 12 ms");
            record.trace_id = Some(trace(split * 100 + n));
            record
        };
        store.append(
            BatchSeq(2 * split - 1),
            Entry::Logs((0..50).map(line).collect()),
        );
        let spans = (0..50).map(|n| span(u128::from(split * 100 + n), split * 100 + n, 5));
        store.append(BatchSeq(2 * split), Entry::Spans(spans.collect()));
        store.close().await;
    }
    let mut samples = Vec::new();
    for round in 0..5 {
        for split in (1..=SPLITS).step_by(97) {
            let began = Instant::now();
            let id = trace(split * 100 + 7);
            let page = store
                .search_logs(asking(&format!("trace_id:{id}")))
                .await
                .unwrap();
            let log = began.elapsed();
            assert_eq!(page.total, 1);
            let began = Instant::now();
            let id = TraceId::from_bytes(u128::from(split * 100 + 7).to_be_bytes()).unwrap();
            let spans = store.trace(id, PATIENCE).await.unwrap().spans;
            assert_eq!(spans.len(), 1);
            if round > 0 {
                samples.push((log, began.elapsed()));
            }
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let (logs, spans) = samples.into_iter().unzip();
    println!(
        "{SPLITS} splits: logs of a trace {:?}, spans {:?}",
        median(logs),
        median(spans)
    );
    let began = Instant::now();
    store.compact().await.unwrap();
    let (splits, records) = (store.stats()[0].1.splits, 100 * SPLITS);
    println!(
        "merged {records} records in {:?}; {splits} splits of logs are left",
        began.elapsed()
    );
}
