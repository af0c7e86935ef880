use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Event, Link, SpanKind as OtelKind, Status};
use opentelemetry::{Array, KeyValue, Value as OtelValue};
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;
use watchfire_schemas::{
    Attributes, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Timestamp, TraceId,
};

use crate::resource::Resource;

/// A finished span of the SDK as one of ours. The SDK makes no id of zeros, so it is never `None`
/// in truth; a span without an id would be worth nothing.
pub(crate) fn to_span(span: SpanData, resource: &Resource) -> Option<Span> {
    let start = timestamp(span.start_time);
    Some(Span {
        trace_id: TraceId::from_bytes(span.span_context.trace_id().to_bytes())?,
        span_id: SpanId::from_bytes(span.span_context.span_id().to_bytes())?,
        parent_span_id: SpanId::from_bytes(span.parent_span_id.to_bytes()),
        trace_state: span.span_context.trace_state().header(),
        name: span.name.into_owned(),
        kind: kind(&span.span_kind),
        start,
        end: timestamp(span.end_time).max(start),
        status: status(span.status),
        service: resource.service.clone(),
        resource: resource.attributes.clone(),
        scope: span.instrumentation_scope.name().to_owned(),
        attributes: attributes(span.attributes),
        events: span.events.events.into_iter().map(event).collect(),
        links: span.links.links.into_iter().filter_map(link).collect(),
    })
}

fn kind(kind: &OtelKind) -> SpanKind {
    match kind {
        OtelKind::Client => SpanKind::Client,
        OtelKind::Server => SpanKind::Server,
        OtelKind::Producer => SpanKind::Producer,
        OtelKind::Consumer => SpanKind::Consumer,
        OtelKind::Internal => SpanKind::Internal,
    }
}

pub(crate) fn status(status: Status) -> SpanStatus {
    match status {
        Status::Unset => SpanStatus::Unset,
        Status::Ok => SpanStatus::Ok,
        Status::Error { description } => SpanStatus::Error {
            message: description.into_owned(),
        },
    }
}

pub(crate) fn event(event: Event) -> SpanEvent {
    SpanEvent {
        timestamp: timestamp(event.timestamp),
        name: event.name.into_owned(),
        attributes: attributes(event.attributes),
    }
}

pub(crate) fn link(link: Link) -> Option<SpanLink> {
    Some(SpanLink {
        trace_id: TraceId::from_bytes(link.span_context.trace_id().to_bytes())?,
        span_id: SpanId::from_bytes(link.span_context.span_id().to_bytes())?,
        attributes: attributes(link.attributes),
    })
}

pub(crate) fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    pairs
        .into_iter()
        .map(|pair| (pair.key.into(), json(pair.value)))
        .collect()
}

fn json(value: OtelValue) -> Value {
    match value {
        OtelValue::Bool(value) => value.into(),
        OtelValue::I64(value) => value.into(),
        OtelValue::F64(value) => number(value),
        OtelValue::String(value) => Value::String(value.into()),
        OtelValue::Array(Array::Bool(values)) => values.into(),
        OtelValue::Array(Array::I64(values)) => values.into(),
        OtelValue::Array(Array::F64(values)) => values.into_iter().map(number).collect(),
        OtelValue::Array(Array::String(values)) => values
            .into_iter()
            .map(|text| Value::String(text.into()))
            .collect(),
        other => Value::String(other.to_string()),
    }
}

/// JSON has no number for what is not finite; its name is better than nothing.
pub(crate) fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value)
        .map_or_else(|| Value::String(value.to_string()), Value::Number)
}

pub(crate) fn timestamp(at: SystemTime) -> Timestamp {
    let since_epoch = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
