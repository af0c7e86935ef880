use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use watchfire_logsearch::{EventStore, LogTableSearch, SpanSearch};
use watchfire_schemas::{Span, SpanEvent, SpanId, SpanLink, SpanStatus, TimeRange};

use super::{hour, stores};
use crate::store::{NOON, PATIENCE, span};

async fn found(store: &Arc<EventStore>, query: &str) -> Vec<u64> {
    let search = SpanSearch {
        query: query.to_owned(),
        range: TimeRange::ALL,
        limit: 100,
        cursor: None,
        deadline: PATIENCE,
    };
    let page = store.search_spans(search).await.unwrap();
    let ids = page.spans.iter().map(|(_, span)| span.span_id.bytes());
    let mut ids: Vec<u64> = ids.map(u64::from_be_bytes).collect();
    ids.sort_unstable();
    ids
}

fn event(name: &str, attributes: Value) -> SpanEvent {
    let Value::Object(attributes) = attributes else {
        panic!("attributes are an object");
    };
    SpanEvent {
        timestamp: NOON,
        name: name.to_owned(),
        attributes,
    }
}

/// A root that failed twice, its child, and a root that links to it.
fn family() -> Vec<Span> {
    let (mut root, mut child, mut linked) = (span(7, 1, 250), span(7, 2, 9), span(8, 3, 90));
    root.status = SpanStatus::Error {
        message: "upstream".to_owned(),
    };
    root.events = vec![
        event(
            "exception",
            json!({"exception.type": "java.net.Gone", "exception.message": "the wire is cut"}),
        ),
        event("retry", json!({})),
        event(
            "exception",
            json!({"exception.type": "Timeout", "exception.message": "waited 5 s"}),
        ),
    ];
    child.parent_span_id = Some(root.span_id);
    child.events = vec![event("retry", json!({"attempt": 2}))];
    linked.links = vec![SpanLink {
        trace_id: root.trace_id,
        span_id: SpanId::from_bytes([9; 8]).unwrap(),
        attributes: watchfire_schemas::Attributes::new(),
    }];
    vec![root, child, linked]
}

#[tokio::test]
async fn roots_events_exceptions_and_links_can_be_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let family = family();
    for store in stores(dir.path(), &family).await {
        for (query, expected) in [
            ("root:true", vec![1, 3]),
            ("root:false", vec![2]),
            ("-root:true", vec![2]),
            ("events:exception", vec![1]),
            ("events:retry", vec![1, 2]),
            ("events:*", vec![1, 2]),
            ("exception.type:Timeout", vec![1]),
            ("exception.type:java.net.*", vec![1]),
            ("exception.message:\"wire is\"", vec![1]),
            ("waited", vec![1]),
            ("link.trace_id:00000000000000000000000000000007", vec![3]),
            ("status.message:upstream or name:none", vec![1]),
        ] {
            assert_eq!(found(&store, query).await, expected, "{query}");
        }
        // What can be asked for is no part of the span.
        let trace = store.trace(family[0].trace_id, PATIENCE).await.unwrap();
        assert_eq!(trace.spans, family[..2]);
    }
}

#[tokio::test]
async fn a_pipe_makes_a_table_of_spans() {
    let dir = tempfile::tempdir().unwrap();
    for store in stores(dir.path(), &super::spans(800)).await {
        let table = |query: &str| {
            let search = LogTableSearch {
                query: query.to_owned(),
                range: hour(),
                limit: 100,
                deadline: PATIENCE,
            };
            let store = Arc::clone(&store);
            async move { store.span_table(search).await.unwrap() }
        };
        let counted = table("kind:server | count by service, status").await;
        assert_eq!(counted.columns, ["service", "status", "count"]);
        let sum: u64 = counted.rows.iter().filter_map(|row| row[2].as_u64()).sum();
        assert_eq!(sum, counted.records);
        let top = table("| top 2 service.version").await;
        assert_eq!(top.rows[0][0], json!("v1"));
        let steps = table("| hist duration by 100ms").await;
        let told: Vec<&str> = steps
            .rows
            .iter()
            .filter_map(|row| row[0].as_str())
            .collect();
        assert_eq!(told, ["0s", "100ms", "200ms", "300ms", "400ms"]);
        let sum: u64 = steps.rows.iter().filter_map(|row| row[1].as_u64()).sum();
        assert_eq!((sum, steps.records), (800, 800));
        let by_time = table("| hist timestamp by 10m").await;
        assert_eq!(by_time.rows.len(), 6);
    }
}

#[tokio::test]
async fn a_span_with_attributes_of_a_megabyte_is_kept_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut large = span(7, 1, 5);
    let text = "abcdefghij ".repeat(95_000);
    large.attributes.insert("payload".to_owned(), json!(text));
    large
        .attributes
        .insert("list".to_owned(), json!(vec![7; 100_000]));
    large.end = large.start + Duration::from_millis(1);
    for store in stores(dir.path(), &[large.clone()]).await {
        let trace = store.trace(large.trace_id, PATIENCE).await.unwrap();
        assert_eq!(trace.spans, [large.clone()]);
        assert_eq!(found(&store, "payload:abcdefghij*").await, [1]);
        assert_eq!(found(&store, "list:7").await, [1]);
    }
}
