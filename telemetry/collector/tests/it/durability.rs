use serde_json::json;
use watchfire_schemas::{Batch, Exception, LogRecord, SeverityNumber, Timestamp};

use crate::stage::{NOW, Stage, crashed_copy};

fn record(n: i64) -> LogRecord {
    let mut record = LogRecord::new(
        Timestamp::from_secs(NOW - 60 + n),
        SeverityNumber::ERROR,
        "shop",
        format!("order {n}"),
    );
    record.attributes.insert("order".to_owned(), json!(n));
    record.exception = Some(Exception {
        kind: "CaptureError".to_owned(),
        message: format!("order {n} failed"),
        stacktrace: String::new(),
    });
    record
}

#[tokio::test]
async fn after_a_crash_every_acknowledged_record_is_there_once() {
    let stage = Stage::new().await;
    for n in 0..30 {
        stage
            .collector
            .accept("test", Batch::Logs(vec![record(n)]))
            .await
            .unwrap();
    }
    assert_eq!(
        stage.logs("").await.len(),
        30,
        "searchable as soon as acknowledged"
    );
    // The time series store has a snapshot of the first part, the event store has nothing sealed.
    stage.tsdb.snapshot().unwrap();
    for n in 30..50 {
        stage
            .collector
            .accept("test", Batch::Logs(vec![record(n)]))
            .await
            .unwrap();
    }
    let again = Stage::in_dir(crashed_copy(stage.dir.path())).await;
    let logs = again.logs("").await;
    assert_eq!(logs.len(), 50);
    assert_eq!(logs[0].message, "order 49");
    for expr in [
        r#"sum(log_records_total{service="shop",severity="ERROR"})"#,
        r#"sum(exceptions_total{service="shop",type="CaptureError"})"#,
    ] {
        assert!(
            (again.value(expr) - 50.0).abs() < 1e-9,
            "{expr} {}",
            again.value(expr)
        );
    }
    again
        .collector
        .accept("test", Batch::Logs(vec![record(50)]))
        .await
        .unwrap();
    assert_eq!(again.logs("").await.len(), 51);
}

#[tokio::test]
async fn after_a_clean_stop_nothing_is_behind_or_doubled() {
    let stage = Stage::new().await;
    for n in 0..10 {
        stage
            .collector
            .accept("test", Batch::Logs(vec![record(n)]))
            .await
            .unwrap();
    }
    stage.events.close().await;
    stage.collector.close().await;
    let again = Stage::in_dir(crashed_copy(stage.dir.path())).await;
    assert_eq!(again.logs("").await.len(), 10);
    assert_eq!(again.collector.status().batches_behind, 0);
    again
        .collector
        .accept("test", Batch::Logs(vec![record(11)]))
        .await
        .unwrap();
    assert_eq!(again.logs("").await.len(), 11);
}

#[tokio::test]
async fn all_occurrences_of_an_exception_share_a_group_and_are_told() {
    let mut stage = Stage::new().await;
    stage
        .collector
        .accept("test", Batch::Logs(vec![record(1), record(2)]))
        .await
        .unwrap();
    let seen = stage.exceptions.recv().await.unwrap().seen;
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].group, seen[1].group);
    let found = stage
        .logs(&format!("exception_group:{}", seen[0].group))
        .await;
    assert_eq!(found.len(), 2);
}
