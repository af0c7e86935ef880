use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};
use watchfire_logsearch::{SpanOutline, TraceOutline};
use watchfire_schemas::{SpanId, TraceId};

/// A trace in a line of a list; none without spans. Its root is the earliest span without a parent.
pub(super) fn summary(id: TraceId, outline: &TraceOutline) -> Option<Value> {
    let spans = &outline.spans;
    let start = spans.iter().map(|span| span.start).min()?;
    let end = spans.iter().map(|span| span.end).max()?;
    let known: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    let is_orphan = |span: &&SpanOutline| {
        span.parent_span_id
            .is_some_and(|parent| !known.contains(&parent))
    };
    let service = |span: &SpanOutline| outline.services.get(span.service as usize);
    let root = spans.iter().find(|span| span.parent_span_id.is_none());
    let mut services: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for span in spans {
        let name = service(span).map(String::as_str).unwrap_or_default();
        let counts = services.entry(name).or_default();
        counts.0 += 1;
        counts.1 += u64::from(span.is_error);
    }
    let errors: u64 = services.values().map(|(_, errors)| errors).sum();
    let services = services.iter().map(|(name, (spans, errors))| {
        json!({"name": name, "spanCount": spans, "errorSpanCount": errors})
    });
    Some(json!({
        "traceId": id,
        "rootServiceName": root.and_then(service).map_or("", String::as_str),
        "rootOperationName": root
            .and_then(|span| outline.names.get(span.name as usize))
            .map_or("", String::as_str),
        "minStartTimeUnixNano": start.nanos().max(0).to_string(),
        "maxEndTimeUnixNano": end.nanos().max(0).to_string(),
        "spanCount": outline.total,
        "errorSpanCount": errors,
        "orphanSpanCount": spans.iter().filter(is_orphan).count(),
        "services": services.collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::{SpanKind, Timestamp};

    use super::*;

    #[test]
    fn a_trace_is_summed_up() {
        let span = |id: u8, parent: u8, service: u32, start: i64, is_error| SpanOutline {
            id: format!("1-{id:x}").parse().unwrap(),
            span_id: SpanId::from_bytes([id; 8]).unwrap(),
            parent_span_id: SpanId::from_bytes([parent; 8]),
            service,
            name: service,
            kind: SpanKind::Server,
            start: Timestamp::from_nanos(start),
            end: Timestamp::from_nanos(start + 10),
            is_error,
        };
        let outline = TraceOutline {
            spans: vec![
                span(2, 1, 1, 100, true),
                span(1, 0, 0, 101, false),
                span(3, 9, 1, 105, false),
            ],
            services: vec!["web".to_owned(), "shop".to_owned()],
            names: vec!["GET /".to_owned(), "sell".to_owned()],
            total: 3,
            partial: false,
        };
        let id = TraceId::from_bytes([7; 16]).unwrap();
        let expected = json!({
            "traceId": id, "rootServiceName": "web", "rootOperationName": "GET /",
            "minStartTimeUnixNano": "100", "maxEndTimeUnixNano": "115",
            "spanCount": 3, "errorSpanCount": 1, "orphanSpanCount": 1,
            "services": [
                {"name": "shop", "spanCount": 2, "errorSpanCount": 1},
                {"name": "web", "spanCount": 1, "errorSpanCount": 0},
            ],
        });
        assert_eq!(summary(id, &outline), Some(expected));
        assert_eq!(summary(id, &TraceOutline::default()), None);
    }
}
