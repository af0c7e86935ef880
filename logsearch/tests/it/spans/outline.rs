use std::time::Duration;

use watchfire_logsearch::{Entry, QueryError, ValueSearch};
use watchfire_schemas::{BatchSeq, RecordId, Span, TimeRange, TraceId};

use super::{hour, spans, stores};
use crate::store::{NOON, PATIENCE, open, span};

fn trace(number: u128) -> TraceId {
    span(number, 1, 0).trace_id
}

/// All spans as one trace, in the order in which a page shows them.
fn one_trace(mut spans: Vec<Span>) -> Vec<Span> {
    for span in &mut spans {
        span.trace_id = trace(7);
    }
    spans
}

#[tokio::test]
async fn an_outline_says_what_the_spans_say() {
    let dir = tempfile::tempdir().unwrap();
    let mut spans = one_trace(spans(500));
    // Sent twice, and with a clock that went back.
    spans[9].span_id = spans[8].span_id;
    spans[10].end = spans[10].start - Duration::from_secs(5);
    let mut expected: Vec<&Span> = spans.iter().collect();
    expected.sort_by_key(|span| span.start);
    for store in stores(dir.path(), &spans).await {
        let found = store.trace_outline(trace(7), PATIENCE).await.unwrap();
        assert_eq!((found.total, found.partial), (500, false));
        assert_eq!((found.services.len(), found.names.len()), (3, 5));
        assert_eq!(found.spans.len(), expected.len());
        for (found_span, own) in found.spans.iter().zip(&expected) {
            assert_eq!(found_span.span_id, own.span_id);
            assert_eq!(found_span.parent_span_id, own.parent_span_id);
            assert_eq!(found.services[found_span.service as usize], own.service);
            assert_eq!(found.names[found_span.name as usize], own.name);
            assert_eq!(
                (found_span.kind, found_span.is_error),
                (own.kind, own.is_error())
            );
            assert_eq!(
                (found_span.start, found_span.end),
                (own.start, own.end.max(own.start))
            );
        }
        let ids: Vec<RecordId> = found.spans.iter().map(|span| span.id).collect();
        let gone = RecordId::new(BatchSeq(99), 3);
        let asked = vec![ids[400], gone, ids[0], ids[10]];
        let whole = store.trace_spans(trace(7), asked, PATIENCE).await.unwrap();
        let told: Vec<RecordId> = whole.iter().map(|(id, _)| *id).collect();
        assert_eq!(told, [ids[400], ids[0], ids[10]]);
        assert_eq!(whole[1].1.attributes, expected[0].attributes);

        let other = store
            .trace_spans(trace(8), ids[..5].to_vec(), PATIENCE)
            .await;
        assert_eq!(other.unwrap(), []);
        let refused = store
            .trace_spans(trace(7), vec![gone; 1_001], PATIENCE)
            .await;
        assert!(matches!(refused, Err(QueryError::TooCostly { .. })));
        let none = store.trace_outline(trace(8), PATIENCE).await.unwrap();
        assert_eq!((none.total, none.partial, none.spans.len()), (0, false, 0));
        let hurried = store.trace_outline(trace(7), Duration::ZERO).await.unwrap();
        assert!(hurried.partial);
    }
}

#[tokio::test]
async fn spans_that_come_hours_late_join_their_trace() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let hours = |n: u64| Duration::from_hours(n);
    for (batch, (id, late)) in (1..).zip([(1, 0), (3, 5), (2, 30)]) {
        let mut one = span(7, id, 10);
        one.start = NOON + hours(late);
        one.end = one.start + hours(1);
        // Others came meanwhile.
        let others = (0..50).map(|n| span(100 + n, n as u64 + 1, 5));
        store.append(BatchSeq(batch), Entry::Spans(others.chain([one]).collect()));
        store.close().await;
    }
    let found = store.trace_outline(trace(7), PATIENCE).await.unwrap();
    let ids: Vec<u64> = found
        .spans
        .iter()
        .map(|span| u64::from_be_bytes(span.span_id.bytes()))
        .collect();
    assert_eq!(ids, [1, 3, 2]);
}

#[tokio::test]
async fn a_trace_of_more_than_an_outline_holds_keeps_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for batch in 0..6_u64 {
        let first = batch * 20_000 + 1;
        let part = (first..first + 20_000).map(|n| span(7, n, 1)).collect();
        store.append(BatchSeq(batch + 1), Entry::Spans(part));
        if batch % 2 == 0 {
            store.close().await;
        }
    }
    let found = store.trace_outline(trace(7), PATIENCE).await.unwrap();
    assert_eq!(
        (found.total, found.spans.len(), found.partial),
        (120_000, 100_000, false)
    );
    assert_eq!(found.spans[0].start, NOON + Duration::from_millis(1));
    assert!(found.spans.is_sorted_by_key(|span| span.start));
    assert_eq!(found.spans[99_999].start, NOON + Duration::from_secs(100));
    let whole = store.trace(trace(7), PATIENCE).await.unwrap();
    assert_eq!((whole.total, whole.spans.len()), (120_000, 10_000));
}

#[tokio::test]
async fn fields_and_their_values_are_those_of_the_spans() {
    let dir = tempfile::tempdir().unwrap();
    let spans = spans(300);
    for store in stores(dir.path(), &spans).await {
        let list = store
            .span_fields("service:pay".to_owned(), hour(), PATIENCE)
            .await;
        let list = list.unwrap();
        let own = spans.iter().filter(|span| span.service == "pay");
        let (all, tagged) = own.fold((0, 0), |(all, tagged), span| {
            (
                all + 1,
                tagged + u64::from(span.attributes.contains_key("tags")),
            )
        });
        assert_eq!(list.records, all);
        let of = |name: &str| list.fields.iter().find(|field| field.name == name);
        assert_eq!(of("tags").map(|field| field.records), Some(tagged));
        assert_eq!(of("duration").map(|field| field.records), Some(all));
        assert!(of("name.words").is_none());
        let search = |field: &str| ValueSearch {
            query: "kind:server".to_owned(),
            range: TimeRange::ALL,
            field: field.to_owned(),
            limit: 10,
            deadline: PATIENCE,
        };
        let values = store.span_values(search("service.version")).await.unwrap();
        for value in &values.values {
            let own = spans.iter().filter(|span| {
                span.kind.as_str() == "server" && span.resource["service.version"] == value.value
            });
            assert_eq!(value.count, own.count() as u64, "{value:?}");
        }
        assert_eq!(values.values.len(), 2);
        let unknown = store.span_values(search("servce")).await.unwrap();
        assert!(unknown.hints[0].contains("did you mean service"));
    }
}
