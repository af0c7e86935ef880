//! What pipes and lists of fields tell, in the tail and in splits alike.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use watchfire_logsearch::{
    EventStore, FieldKind, LogTable, LogTableSearch, QueryError, ValueSearch, has_pipe,
};
use watchfire_schemas::{LogRecord, SeverityNumber, TimeRange};

use crate::store::{append_each, open, record, with};

fn records() -> Vec<LogRecord> {
    let mut failed = with(
        record(61, "failed"),
        &json!({"dur_ms": 250.5, "tags": ["a", "b", "a"], "took": "1.5s"}),
    );
    failed.severity = SeverityNumber::ERROR;
    "gateway".clone_into(&mut failed.service);
    failed.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok();
    failed.span_id = "00f067aa0ba902b7".parse().ok();
    let mut again = failed.clone();
    again.timestamp = record(200, "").timestamp;
    vec![
        with(
            record(1, "started"),
            &json!({"dur_ms": 5, "ok": true, "host.name": "n1", "took": "20ms"}),
        ),
        with(
            record(2, "served"),
            &json!({"dur_ms": 12, "ok": false, "http.route": "/a", "took": "25ms"}),
        ),
        failed,
        again,
        with(
            record(130, "odd"),
            &json!({"dur_ms": "slow", "deep": {"x": 1}}),
        ),
    ]
}

async fn table(store: &Arc<EventStore>, query: &str) -> LogTable {
    let search = LogTableSearch {
        query: query.to_owned(),
        range: TimeRange::ALL,
        limit: 100,
        deadline: Duration::from_secs(20),
    };
    assert!(has_pipe(query), "{query}");
    let table = store.log_table(search).await.unwrap();
    assert!(!table.partial && table.error == 0, "{query}: {table:?}");
    table
}

/// In the tail and again in a split, without what differs by nature.
async fn check(query: &str, expected: Value) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, records());
    let in_tail = table(&store, query).await;
    store.close().await;
    assert_eq!(store.stats()[0].1.tail_records, 0);
    let in_split = table(&store, query).await;
    assert_eq!(in_tail.rows, in_split.rows, "{query}");
    assert_eq!(in_tail.hints, in_split.hints, "{query}");
    assert_eq!(in_tail.records, in_split.records, "{query}");
    let told = json!({"columns": in_tail.columns, "rows": in_tail.rows, "hints": in_tail.hints});
    assert_eq!(told, expected, "{query}");
}

#[tokio::test]
async fn records_are_counted_by_fields() {
    check(
        "| count",
        json!({"columns": ["count"], "rows": [[5]], "hints": []}),
    )
    .await;
    check(
        "* | count by service",
        json!({"columns": ["service", "count"], "rows": [["payments", 3], ["gateway", 2]], "hints": []}),
    )
    .await;
    check(
        "-odd | count by service.name, level",
        json!({
            "columns": ["service.name", "level", "count"],
            "rows": [["gateway", "ERROR", 2], ["payments", "INFO", 2]],
            "hints": [],
        }),
    )
    .await;
    check(
        "| count by ok, trace_id",
        json!({
            "columns": ["ok", "trace_id", "count"],
            "rows": [
                [null, "4bf92f3577b34da6a3ce929d0e0e4736", 2],
                [null, null, 1],
                [false, null, 1],
                [true, null, 1],
            ],
            "hints": [],
        }),
    )
    .await;
    check(
        "| count by tags",
        json!({
            "columns": ["tags", "count"],
            "rows": [[null, 3], ["a", 2], ["b", 2]],
            "hints": [],
        }),
    )
    .await;
}

#[tokio::test]
async fn any_field_has_top_values() {
    check(
        "| top span_id",
        json!({"columns": ["span_id", "count"], "rows": [["00f067aa0ba902b7", 2]], "hints": []}),
    )
    .await;
    check(
        "| top 2 dur_ms",
        json!({"columns": ["dur_ms", "count"], "rows": [[250.5, 2], [5, 1]], "hints": []}),
    )
    .await;
    check(
        "| top 1 timestamp",
        json!({"columns": ["timestamp", "count"], "rows": [["2026-11-25T12:00:01Z", 1]], "hints": []}),
    )
    .await;
    check(
        "| top deep.x",
        json!({"columns": ["deep.x", "count"], "rows": [[1, 1]], "hints": []}),
    )
    .await;
    check(
        "| top dur_mss",
        json!({
            "columns": ["dur_mss", "count"],
            "rows": [],
            "hints": ["no record has the field dur_mss; did you mean dur_ms?"],
        }),
    )
    .await;
    check(
        "| top message",
        json!({
            "columns": ["message", "count"],
            "rows": [],
            "hints": ["message is free text: its words can be searched, its values are not counted"],
        }),
    )
    .await;
}

#[tokio::test]
async fn numbers_durations_and_times_fall_into_steps() {
    check(
        "| hist dur_ms by 100",
        json!({"columns": ["dur_ms", "count"], "rows": [[0, 2], [100, 0], [200, 2]], "hints": []}),
    )
    .await;
    check(
        "dur_ms:<20 | hist dur_ms",
        json!({
            "columns": ["dur_ms", "count"],
            "rows": [
                [5, 1], [5.2, 0], [5.4, 0], [5.6, 0], [5.8, 0], [6, 0], [6.2, 0], [6.4, 0], [6.6, 0],
                [6.8, 0], [7, 0], [7.2, 0], [7.4, 0], [7.6, 0], [7.8, 0], [8, 0], [8.2, 0], [8.4, 0],
                [8.6, 0], [8.8, 0], [9, 0], [9.2, 0], [9.4, 0], [9.6, 0], [9.8, 0], [10, 0],
                [10.2, 0], [10.4, 0], [10.6, 0], [10.8, 0], [11, 0], [11.2, 0], [11.4, 0], [11.6, 0],
                [11.8, 0], [12, 1]
            ],
            "hints": [],
        }),
    )
    .await;
    check(
        "| hist dur_ms by 200ms",
        json!({"columns": ["dur_ms", "count"], "rows": [["0s", 2], ["200ms", 2]], "hints": []}),
    )
    .await;
    check(
        "took:2* | hist took by 5ms",
        json!({"columns": ["took", "count"], "rows": [["20ms", 1], ["25ms", 1]], "hints": []}),
    )
    .await;
    check(
        "| hist timestamp by 1m",
        json!({
            "columns": ["timestamp", "count"],
            "rows": [
                ["2026-11-25T12:00:00Z", 2],
                ["2026-11-25T12:01:00Z", 1],
                ["2026-11-25T12:02:00Z", 1],
                ["2026-11-25T12:03:00Z", 1],
            ],
            "hints": [],
        }),
    )
    .await;
    check(
        "| hist time by 90s",
        json!({
            "columns": ["time", "count"],
            "rows": [
                ["2026-11-25T12:00:00Z", 3],
                ["2026-11-25T12:01:30Z", 1],
                ["2026-11-25T12:03:00Z", 1],
            ],
            "hints": [],
        }),
    )
    .await;
    check(
        "| hist service",
        json!({
            "columns": ["service", "count"],
            "rows": [],
            "hints": ["no value of service is a number"],
        }),
    )
    .await;
}

#[tokio::test]
async fn a_step_that_is_too_small_is_widened() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, records());
    let table = table(&store, "| hist dur_ms by 0.001").await;
    assert!(table.rows.len() <= 100);
    assert_eq!(
        table.hints,
        ["the step is 5: a smaller one makes more than 100 rows"]
    );
    let counted: u64 = table.rows.iter().map(|row| row[1].as_u64().unwrap()).sum();
    assert_eq!(counted, 4);
}

#[tokio::test]
async fn fields_are_listed_with_kind_and_coverage() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, records());
    let list = async |query: &str| {
        let deadline = Duration::from_secs(20);
        let list = store.log_fields(query.to_owned(), TimeRange::ALL, deadline);
        list.await.unwrap()
    };
    let in_tail = (list("").await, list("failed").await, list("nowhere").await);
    store.close().await;
    let in_split = (list("").await, list("failed").await, list("nowhere").await);
    assert_eq!(in_tail, in_split);
    let (all, failed, nowhere) = in_tail;
    assert_eq!((all.records, all.sampled, all.partial), (5, false, false));
    let of = |name: &str| all.fields.iter().find(|field| field.name == name);
    let told = |name: &str| of(name).map(|field| (field.kind, field.records));
    assert_eq!(told("service.name"), Some((FieldKind::Keyword, 5)));
    assert_eq!(told("message"), Some((FieldKind::Text, 5)));
    assert_eq!(told("timestamp"), Some((FieldKind::Time, 5)));
    assert_eq!(told("trace_id"), Some((FieldKind::Id, 2)));
    assert_eq!(told("ok"), Some((FieldKind::Bool, 2)));
    assert_eq!(told("tags"), Some((FieldKind::Keyword, 2)));
    assert_eq!(told("deep.x"), Some((FieldKind::Number, 1)));
    let mixed = of("dur_ms").unwrap();
    assert_eq!((mixed.kind, mixed.records), (FieldKind::Keyword, 5));
    assert!((of("ok").unwrap().coverage - 0.4).abs() < 1e-9);
    assert!(of("exception.type").is_none());
    assert_eq!(failed.records, 2);
    assert!(failed.fields.iter().all(|field| field.name != "ok"));
    assert_eq!((nowhere.records, nowhere.fields.len()), (0, 0));
}

#[tokio::test]
async fn values_are_told_and_errors_say_where() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, records());
    let asking = |query: &str, field: &str| ValueSearch {
        query: query.to_owned(),
        range: TimeRange::ALL,
        field: field.to_owned(),
        limit: 10,
        deadline: Duration::from_secs(20),
    };
    let found = store
        .field_values(asking("| top x", "@tags"))
        .await
        .unwrap();
    let pairs: Vec<_> = found
        .values
        .iter()
        .map(|v| (v.value.as_str(), v.count))
        .collect();
    assert_eq!(pairs, [("a", 2), ("b", 2)]);
    assert_eq!((found.error, found.partial), (0, false));
    let text = store.field_values(asking("", "message")).await.unwrap();
    assert!(text.values.is_empty() && text.hints[0].contains("free text"));
    let error = store.field_values(asking("(a", "x")).await.unwrap_err();
    assert!(
        matches!(error, QueryError::Parse { column: 3, .. }),
        "{error}"
    );
}
