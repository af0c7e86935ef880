use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use watchfire_schemas::{
    Attributes, Contract, LogRecord, SeverityNumber, Span, TimeRange, Timestamp, TraceId,
};
use watchfire_services::ServiceName;

use crate::stage::{Emitted, Stage};

pub(crate) type Shapes = BTreeSet<Vec<String>>;

/// What a span looks like, apart from ids, times and values.
pub(crate) fn span_shapes(emitted: &Emitted) -> Shapes {
    let shape = |span: &Span| {
        let head = [
            &*span.service,
            &span.name,
            span.kind.as_str(),
            span.status.as_label(),
            &span.scope,
        ];
        with_keys(&head, &[&span.attributes, &span.resource])
    };
    emitted.spans.iter().map(shape).collect()
}

/// What a record looks like. The lines that tell of a start are not part of a quiet hour, nor are
/// the warnings that a busy machine makes of slow statements.
fn log_shapes(emitted: &Emitted) -> Shapes {
    let in_trace = emitted
        .logs
        .iter()
        .filter(|record| record.trace_id.is_some() && record.severity == SeverityNumber::INFO);
    let shape = |record: &LogRecord| {
        let words = record.message.split(' ');
        let masked: Vec<&str> = words
            .map(|word| {
                if word.contains(|c: char| c.is_ascii_digit()) {
                    "#"
                } else {
                    word
                }
            })
            .collect();
        let target = record.attributes["log.target"].as_str().expect("a target");
        with_keys(
            &[
                &record.service,
                record.severity.as_str(),
                target,
                &masked.join(" "),
            ],
            &[&record.attributes],
        )
    };
    in_trace.map(shape).collect()
}

/// The spans that one request makes, by name.
fn trace_shapes(emitted: &Emitted) -> Shapes {
    let mut traces: BTreeMap<TraceId, Vec<String>> = BTreeMap::new();
    for span in &emitted.spans {
        let of_trace = traces.entry(span.trace_id).or_default();
        of_trace.push(format!("{} {}", span.service, span.name));
    }
    let mut shapes: Shapes = traces.into_values().collect();
    shapes = shapes
        .into_iter()
        .map(|mut names| {
            names.sort();
            names
        })
        .collect();
    // A round of the sync depends on what the source changed.
    shapes.retain(|names| !names.iter().any(|name| name.starts_with("content-sync")));
    shapes
}

fn with_keys(head: &[&str], maps: &[&Attributes]) -> Vec<String> {
    let head = head.iter().map(|part| (*part).to_owned());
    let keys = maps.iter().flat_map(|map| map.keys().cloned());
    head.chain(keys).collect()
}

fn told(requests_per_second: f64) -> Emitted {
    let range = TimeRange::last(Duration::from_mins(5), Timestamp::from_secs(1_795_000_000));
    let mut told = Emitted::default();
    watchfire_services::history(range, requests_per_second, 3).for_each(|batch| told.take(batch));
    told
}

/// Of content, its sync and the gateway before it alone; the others are told from a recording.
fn of_content(mut told: Emitted) -> Emitted {
    let content = |service: &str| service.starts_with("content");
    let own = told.spans.iter().filter(|span| content(&span.service));
    let own: BTreeSet<TraceId> = own.map(|span| span.trace_id).collect();
    told.spans.retain(|span| own.contains(&span.trace_id));
    told.logs
        .retain(|record| record.trace_id.is_none_or(|trace| own.contains(&trace)));
    told
}

async fn live() -> Emitted {
    let stage = Stage::of(&[ServiceName::Content, ServiceName::Gateway], 60.0).await;
    let traffic = [("user-agent", "watchfire-traffic/1.0")];
    for path in [
        "places/moved-1",
        "places/moved-1/parent",
        "places/moved-1/points-of-interest",
        "points-of-interest/moved-1",
        "points-of-interest/moved-1/place",
    ] {
        let path = format!("/api/{path}");
        let answer = stage.send(http::Method::GET, &path, &traffic, "").await;
        assert_eq!(answer.status, 404);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.strike().await
}

#[tokio::test]
async fn the_past_has_the_shape_of_the_present() {
    let (live, told) = (live().await, of_content(told(60.0)));
    let differing = |live: &Shapes, told: &Shapes| -> Vec<String> {
        let only_live = live
            .difference(told)
            .map(|shape| format!("only live: {shape:?}"));
        let only_told = told
            .difference(live)
            .map(|shape| format!("only told: {shape:?}"));
        only_live.chain(only_told).collect()
    };
    let nothing: [String; 0] = [];
    assert_eq!(differing(&span_shapes(&live), &span_shapes(&told)), nothing);
    assert_eq!(differing(&log_shapes(&live), &log_shapes(&told)), nothing);
    // Requests that were under way at the end are cut off, live as in the past.
    let whole = |shapes: Shapes| -> Shapes {
        let is_whole = |names: &Vec<String>| {
            names
                .iter()
                .any(|name| name.starts_with("gateway GET /api"))
                && names
                    .iter()
                    .filter(|name| name.starts_with("content "))
                    .count()
                    > 1
        };
        shapes.into_iter().filter(is_whole).collect()
    };
    assert_eq!(
        differing(&whole(trace_shapes(&live)), &whole(trace_shapes(&told))),
        nothing
    );
}

#[test]
fn every_line_of_the_past_keeps_the_contract() {
    let contract = Contract::log_record_v1();
    let told = told(5.0);
    assert!(told.logs.len() > 1_000);
    for record in &told.logs {
        let line = serde_json::from_str(&record.to_line()).expect("a line is JSON");
        assert_eq!(contract.violations(&line), [], "{line}");
    }
}
