use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as proto;
use serde_json::Value;
use watchfire_schemas::{
    Attributes, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Timestamp, TraceId,
};

use super::{Rejections, UNKNOWN_SERVICE, attributes, time_of};
use crate::drop_reason::DropReason;

/// The spans of a request. One without valid ids is none, and is counted.
pub(crate) fn spans(
    request: ExportTraceServiceRequest,
    received_at: Timestamp,
) -> (Vec<Span>, Rejections) {
    let (mut spans, mut rejections) = (Vec::new(), Rejections::default());
    for of_resource in request.resource_spans {
        let mut resource = attributes::resource(of_resource.resource.as_ref());
        let service = match resource.remove("service.name") {
            Some(Value::String(name)) if !name.is_empty() => name,
            _ => UNKNOWN_SERVICE.to_owned(),
        };
        for of_scope in of_resource.scope_spans {
            let mut scope = attributes::scope(of_scope.scope.as_ref());
            let origin = Origin {
                service: &service,
                resource: &resource,
                scope: match scope.remove("otel.scope.name") {
                    Some(Value::String(name)) => name,
                    _ => String::new(),
                },
                scope_attributes: scope,
                received_at,
            };
            spans.reserve(of_scope.spans.len());
            for span in of_scope.spans {
                spans.extend(origin.span(span, &mut rejections));
            }
        }
    }
    (spans, rejections)
}

/// What the spans of one scope share.
struct Origin<'a> {
    service: &'a str,
    resource: &'a Attributes,
    scope: String,
    scope_attributes: Attributes,
    received_at: Timestamp,
}

impl Origin<'_> {
    fn span(&self, span: proto::Span, rejections: &mut Rejections) -> Option<Span> {
        let ids = TraceId::from_slice(&span.trace_id).zip(SpanId::from_slice(&span.span_id));
        let Some((trace_id, span_id)) = ids else {
            rejections.add(DropReason::InvalidSpan, 1, || {
                format!("span {:?} has no valid trace id and span id", span.name)
            });
            return None;
        };
        let end = [span.end_time_unix_nano, span.start_time_unix_nano];
        let end = time_of(&end, self.received_at);
        let start = time_of(&[span.start_time_unix_nano], end).min(end);
        let own = attributes::attributes_of(span.attributes);
        let mut all = if self.scope_attributes.is_empty() {
            own
        } else {
            let mut all = self.scope_attributes.clone();
            all.extend(own);
            all
        };
        let dropped = [
            (
                "otel.dropped_attributes_count",
                span.dropped_attributes_count,
            ),
            ("otel.dropped_events_count", span.dropped_events_count),
            ("otel.dropped_links_count", span.dropped_links_count),
        ];
        for (key, count) in dropped.into_iter().filter(|(_, count)| *count > 0) {
            all.insert(key.to_owned(), count.into());
        }
        Some(Span {
            trace_id,
            span_id,
            parent_span_id: SpanId::from_slice(&span.parent_span_id),
            trace_state: span.trace_state,
            name: span.name,
            kind: kind(span.kind),
            start,
            end,
            status: status(span.status),
            service: self.service.to_owned(),
            resource: self.resource.clone(),
            scope: self.scope.clone(),
            attributes: all,
            events: span
                .events
                .into_iter()
                .map(|event| self.event(event, end))
                .collect(),
            links: links(span.links, rejections),
        })
    }

    fn event(&self, event: proto::span::Event, end: Timestamp) -> SpanEvent {
        let mut all = attributes::attributes_of(event.attributes);
        // Ours to say, whatever came.
        all.remove("exception.group");
        SpanEvent {
            timestamp: time_of(&[event.time_unix_nano], end.min(self.received_at)),
            name: event.name,
            attributes: all,
        }
    }
}

fn links(links: Vec<proto::span::Link>, rejections: &mut Rejections) -> Vec<SpanLink> {
    let all = links.len();
    let valid: Vec<SpanLink> = links
        .into_iter()
        .filter_map(|link| {
            Some(SpanLink {
                trace_id: TraceId::from_slice(&link.trace_id)?,
                span_id: SpanId::from_slice(&link.span_id)?,
                attributes: attributes::attributes_of(link.attributes),
            })
        })
        .collect();
    let invalid = all - valid.len();
    rejections.add(DropReason::InvalidLink, invalid as u64, || {
        "a link without valid ids was left out".to_owned()
    });
    valid
}

fn kind(kind: i32) -> SpanKind {
    match proto::span::SpanKind::try_from(kind) {
        Ok(proto::span::SpanKind::Server) => SpanKind::Server,
        Ok(proto::span::SpanKind::Client) => SpanKind::Client,
        Ok(proto::span::SpanKind::Producer) => SpanKind::Producer,
        Ok(proto::span::SpanKind::Consumer) => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

fn status(status: Option<proto::Status>) -> SpanStatus {
    let Some(status) = status else {
        return SpanStatus::Unset;
    };
    match proto::status::StatusCode::try_from(status.code) {
        Ok(proto::status::StatusCode::Ok) => SpanStatus::Ok,
        Ok(proto::status::StatusCode::Error) => SpanStatus::Error {
            message: status.message,
        },
        _ => SpanStatus::Unset,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::otlp::json;

    fn read(span: &Value) -> (Vec<Span>, Rejections) {
        let request = json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}},
                {"key": "service.version", "value": {"stringValue": "1.2"}}]},
            "scopeSpans": [{"scope": {"name": "lib", "version": "3"}, "spans": [span]}],
        }]});
        let request = json::traces(request.to_string().as_bytes()).unwrap();
        spans(request, Timestamp::from_secs(9))
    }

    #[test]
    fn a_span_keeps_all_that_it_says() {
        let (spans, rejections) = read(&json!({
            "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7", "parentSpanId": "",
            "name": "GET /", "kind": 2, "startTimeUnixNano": "1000000000", "endTimeUnixNano": 2_000_000_000,
            "status": {"code": 2, "message": "down"},
            "attributes": [{"key": "http.route", "value": {"stringValue": "/"}}],
            "events": [{"timeUnixNano": "1500000000", "name": "exception",
                "attributes": [{"key": "exception.type", "value": {"stringValue": "E"}}]}],
            "links": [{"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b8"}, {"traceId": "", "spanId": ""}]
        }));
        let span = &spans[0];
        assert_eq!(
            (span.kind, span.duration().as_secs(), span.is_error()),
            (SpanKind::Server, 1, true)
        );
        assert_eq!(
            (span.service.as_str(), span.scope.as_str()),
            ("shop", "lib")
        );
        assert_eq!(span.resource["service.version"], "1.2");
        assert_eq!(span.attributes["otel.scope.version"], "3");
        assert_eq!(span.events[0].timestamp, Timestamp::from_millis(1_500));
        assert_eq!(span.links.len(), 1);
        assert_eq!(
            (rejections.counts, rejections.first.is_some()),
            (vec![(DropReason::InvalidLink, 1)], true)
        );
    }

    #[test]
    fn a_span_without_ids_is_rejected_and_counted() {
        let (spans, rejections) = read(
            &json!({"name": "x", "traceId": "00000000000000000000000000000000", "spanId": "00f067aa0ba902b7"}),
        );
        assert!(spans.is_empty());
        assert_eq!(
            (rejections.records(), rejections.counts[0].0),
            (1, DropReason::InvalidSpan)
        );
    }

    #[test]
    fn a_span_that_ends_before_it_starts_takes_no_time() {
        let ids = json!({"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7",
            "startTimeUnixNano": "5", "endTimeUnixNano": "3"});
        assert_eq!(read(&ids).0[0].duration().as_nanos(), 0);
    }
}
