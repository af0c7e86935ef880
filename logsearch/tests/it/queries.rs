//! What queries find, in the tail and in splits alike.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use watchfire_logsearch::{Entry, EventStore, QueryError, SpanSearch};
use watchfire_schemas::{
    BatchSeq, Exception, LogRecord, SeverityNumber, SpanStatus, TimeRange, Timestamp,
};

use crate::store::{NOON, PATIENCE, append_each, asking, found, open, page, record, span, with};

fn records() -> Vec<LogRecord> {
    let mut failed = record(3, "capture failed: connection reset by 10.0.0.1");
    failed.severity = SeverityNumber::ERROR;
    "gateway".clone_into(&mut failed.service);
    failed.exception = Some(Exception {
        kind: "java.net.SocketTimeoutException".to_owned(),
        message: "Read timed out".to_owned(),
        stacktrace: "at com.example.Pay.capture(Pay.java:7)".to_owned(),
    });
    failed.exception_group = Some("00112233aabbccdd".to_owned());
    failed.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok();
    failed.observed_timestamp = NOON + Duration::from_nanos(77);
    vec![
        with(
            record(1, "started"),
            &json!({"user.id": 5, "ok": true, "tags": ["a", "b"]}),
        ),
        with(
            record(2, "reset done"),
            &json!({"user.id": "5", "http.route": "/pois", "load": 0.5}),
        ),
        failed,
        with(
            record(4, "sync_in_progress"),
            &json!({"user.id": 7.5, "deep": [{"x": 1}], "host.name": "n1"}),
        ),
        with(
            record(5, "DONE"),
            &json!({"user.id": 6, "a\\b": "c", "date": "2026-11-22T05:57:27Z"}),
        ),
    ]
}

/// The first letters of what is found, oldest first: in the tail, and again in a split.
async fn check(query: &str, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, records());
    let in_tail = found(&store, query).await;
    store.close().await;
    assert_eq!(store.stats()[0].1.tail_records, 0);
    let in_split = found(&store, query).await;
    assert_eq!(in_tail, in_split, "{query}");
    let mut letters: Vec<_> = in_tail.iter().map(|message| &message[..1]).collect();
    letters.reverse();
    assert_eq!(letters.concat(), expected, "{query}");
}

#[tokio::test]
async fn words_and_phrases() {
    check("", "srcsD").await;
    check("reset", "rc").await;
    check("RESET connection", "c").await;
    check("\"reset by\"", "c").await;
    check("\"by reset\"", "").await;
    check("timed", "c").await;
    check("sockettimeoutexception", "c").await;
    check("sync", "").await;
    check("sync_in_progress", "s").await;
    check("sync*", "s").await;
    check("star* or don*", "srD").await;
    check("10.0.0*", "c").await;
    check("-reset", "ssD").await;
    check("not (reset or done)", "ss").await;
    check("reset -", "rc").await;
    check("message:read", "").await;
    check("exception.message:\"read timed\"", "c").await;
    check("exception.stacktrace:capture*", "c").await;
    check("exception.message:*", "c").await;
}

#[tokio::test]
async fn fields_and_attributes() {
    check("service:gateway", "c").await;
    check("service.name:(pay* not x)", "srsD").await;
    check("severity:>=WARN", "c").await;
    check("level:info", "srsD").await;
    check("exception.type:java.net.SocketTimeoutException", "c").await;
    check("exception.type:*", "c").await;
    check("exception_group:00112233aabbccdd", "c").await;
    check("trace_id:4BF92f3577b34da6a3ce929d0e0e4736", "c").await;
    check("trace_id:*", "c").await;
    check("span_id:*", "").await;
    check("timestamp:>2026-11-25T12:00:03Z", "sD").await;
    check("id:3-0", "c").await;
    check("user.id:5", "sr").await;
    check("user.id:>5", "sD").await;
    check("user.id:[5 TO 6]", "sD").await;
    check("user.id:{5 TO *}", "sD").await;
    check("user.id:7.50", "s").await;
    check("user.id:*", "srsD").await;
    check("not user.id:*", "c").await;
    check("ok:true", "s").await;
    check("tags:b", "s").await;
    check("deep.x:1", "s").await;
    check("route:/pois", "r").await;
    check("http.route:/p*", "r").await;
    check("host:n1", "s").await;
    check("load < 0.6", "r").await;
    check("a\\\\b:c", "D").await;
    check("date:2026-11*", "D").await;
}

#[tokio::test]
async fn an_unknown_field_gives_a_hint_and_a_wrong_query_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, records());
    for _ in 0..2 {
        let page = page(&store, "usr.id:5").await;
        assert_eq!(page.records, []);
        assert_eq!(
            page.hints,
            ["no record has the field usr.id; did you mean user.id?"]
        );
        store.close().await;
    }
    let error = store.search_logs(asking("a (b")).await.unwrap_err();
    assert!(
        matches!(error, QueryError::Parse { column: 5, .. }),
        "{error}"
    );
    let deep = store
        .search_logs(asking(&"(".repeat(100_000)))
        .await
        .unwrap_err();
    assert!(matches!(deep, QueryError::Parse { .. }), "{deep}");
    let mut bad_cursor = asking("");
    bad_cursor.cursor = Some("yesterday".to_owned());
    let error = store.search_logs(bad_cursor).await.unwrap_err();
    assert!(matches!(error, QueryError::Cursor), "{error}");
}

#[tokio::test]
async fn a_record_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, records());
    for _ in 0..2 {
        let page = page(&store, "").await;
        let mut back: Vec<_> = page.records.into_iter().map(|found| found.record).collect();
        back.reverse();
        assert_eq!(back, records());
        let id = "3-0".parse().unwrap();
        let one = store.log(id).await.unwrap().unwrap();
        assert_eq!((one.id, one.record), (id, records().remove(2)));
        assert_eq!(store.log("9-0".parse().unwrap()).await.unwrap(), None);
        store.close().await;
    }
}

async fn counts(
    store: &Arc<EventStore>,
    query: &str,
    range: TimeRange,
    step: u64,
) -> Vec<[u64; 6]> {
    let step = Duration::from_secs(step);
    let bars = store
        .log_histogram(query.to_owned(), range, step, PATIENCE)
        .await
        .unwrap();
    assert!(!bars.partial);
    bars.bars.into_iter().map(|bar| bar.counts).collect()
}

#[tokio::test]
async fn a_histogram_counts_the_whole_range() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut records: Vec<_> = (0..240).map(|s| record(s, "tick")).collect();
    records[70].severity = SeverityNumber::ERROR;
    append_each(&store, 1, records);
    let range = TimeRange {
        start: NOON + Duration::from_secs(30),
        end: NOON + Duration::from_secs(150),
    };
    for _ in 0..2 {
        let info = |n| [0, 0, n, 0, 0, 0];
        let bars = counts(&store, "", range, 60).await;
        assert_eq!(bars, [info(30), [0, 0, 59, 0, 1, 0], info(30)]);
        assert_eq!(
            counts(&store, "tick service:payments", range, 60).await,
            bars
        );
        assert_eq!(
            counts(&store, "severity:error", range, 60).await[1],
            [0, 0, 0, 0, 1, 0]
        );
        assert_eq!(
            counts(&store, "service:other", range, 60).await,
            [[0; 6]; 3]
        );
        assert_eq!(counts(&store, "", range, 30).await.len(), 4);
        store.close().await;
    }
    let steps = store
        .log_histogram(
            String::new(),
            TimeRange::ALL,
            Duration::from_secs(1),
            PATIENCE,
        )
        .await;
    assert!(
        matches!(steps, Err(QueryError::TooCostly { .. })),
        "{steps:?}"
    );
    let none = store
        .log_histogram(String::new(), range, Duration::ZERO, PATIENCE)
        .await;
    assert!(
        matches!(none, Err(QueryError::TooCostly { .. })),
        "{none:?}"
    );
}

#[tokio::test]
async fn values_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append_each(&store, 1, records());
    for _ in 0..2 {
        for (query, field, expected) in [
            ("", "service", vec![("payments", 4), ("gateway", 1)]),
            ("reset", "service", vec![("gateway", 1), ("payments", 1)]),
            ("", "severity", vec![("INFO", 4), ("ERROR", 1)]),
            ("", "user.id", vec![("5", 2), ("6", 1), ("7.5", 1)]),
            ("", "http.route", vec![("/pois", 1)]),
            ("", "tags", vec![("a", 1), ("b", 1)]),
            ("", "ok", vec![("true", 1)]),
            ("", "message", vec![]),
            ("", "nothing", vec![]),
        ] {
            let values = store
                .top_values(query.to_owned(), TimeRange::ALL, field.to_owned(), 10)
                .await
                .unwrap();
            let found: Vec<_> = values.iter().map(|v| (v.value.as_str(), v.count)).collect();
            assert_eq!(found, expected, "{query} {field}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn spans_are_found_by_what_they_are_and_by_their_trace() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut failed = span(7, 2, 250);
    failed.status = SpanStatus::Error {
        message: "upstream gone".to_owned(),
    };
    failed
        .attributes
        .insert("http.route".to_owned(), json!("/pois"));
    failed.resource.insert("host.name".to_owned(), json!("n2"));
    let spans = vec![span(7, 1, 20), failed.clone(), span(8, 3, 90)];
    store.append(BatchSeq(1), Entry::Spans(spans.clone()));
    for _ in 0..2 {
        for (query, expected) in [
            ("duration:>100ms", vec![2]),
            ("duration:[10ms TO 0.1s]", vec![3, 1]),
            ("status:error", vec![2]),
            ("status:STATUS_CODE_UNSET kind:server", vec![3, 1]),
            ("name:\"GET /pois\"", vec![3, 2, 1]),
            ("operation:get", vec![]),
            ("upstream", vec![2]),
            ("get pois", vec![3, 2, 1]),
            ("http.route:/pois host.name:n2", vec![2]),
            ("span_id:0000000000000003", vec![3]),
            ("trace_id:00000000000000000000000000000007", vec![2, 1]),
            ("parent_span_id:*", vec![]),
        ] {
            let search = SpanSearch {
                query: query.to_owned(),
                range: TimeRange::ALL,
                limit: 10,
                cursor: None,
                deadline: Duration::from_secs(20),
            };
            let page = store.search_spans(search).await.unwrap();
            let ids = |id: [u8; 8]| u64::from_be_bytes(id);
            let found: Vec<_> = page
                .spans
                .iter()
                .map(|(_, s)| ids(s.span_id.bytes()))
                .collect();
            assert_eq!(found, expected, "{query}");
        }
        let trace = store.trace(failed.trace_id, PATIENCE).await.unwrap().spans;
        assert_eq!(trace, spans[..2]);
        store.close().await;
    }
}

#[tokio::test]
async fn quarantined_lines_stay_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let line = with(
        record(0, "{broken"),
        &json!({"quarantine.reason": "not_json"}),
    );
    store.append(BatchSeq(1), Entry::Quarantine(vec![line.clone()]));
    for _ in 0..2 {
        let page = store
            .search_quarantine(asking("quarantine.reason:not_json"))
            .await
            .unwrap();
        assert_eq!(page.records[0].record, line);
        assert_eq!(found(&store, "").await, Vec::<String>::new());
        store.close().await;
    }
    let late = TimeRange {
        start: Timestamp::MIN,
        end: NOON,
    };
    let mut before = asking("");
    before.range = late;
    assert_eq!(
        store.search_quarantine(before).await.unwrap().total,
        0,
        "the end is not inside"
    );
}
