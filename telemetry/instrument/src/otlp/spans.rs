use std::time::SystemTime;

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status};
use watchfire_schemas::Timestamp;

use super::RECORD;
use super::attribute::{key_values, pair_val};
use super::wire::Wire;
use crate::fact_span::{FactRecord, Val};
use crate::span_data::timestamp;

/// In the flags: it is known whether the parent is remote; it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// A span in a request of `TraceService`.
pub(super) fn span(out: &mut Wire, record: &FactRecord) {
    out.message::<2>(RECORD, |out| fact_span(out, record));
}

struct Head<'a> {
    context: &'a SpanContext,
    parent: SpanId,
    is_parent_remote: bool,
    name: [&'a str; 3],
    kind: &'a SpanKind,
    start: Timestamp,
    end: Timestamp,
}

fn head(out: &mut Wire, head: &Head<'_>) {
    out.bytes(1, &head.context.trace_id().to_bytes());
    out.bytes(2, &head.context.span_id().to_bytes());
    out.text(3, &head.context.trace_state().header());
    if head.parent != SpanId::INVALID {
        out.bytes(4, &head.parent.to_bytes());
    }
    out.texts(5, &head.name);
    out.varint(6, kind(head.kind));
    out.fixed64(7, nanos(head.start));
    out.fixed64(8, nanos(head.end));
    out.fixed32(16, flags(head.context, head.is_parent_remote));
}

fn fact_span(out: &mut Wire, record: &FactRecord) {
    let span = &record.span;
    let added = span.added();
    head(
        out,
        &Head {
            context: &span.context,
            parent: span.parent,
            is_parent_remote: span.is_parent_remote,
            name: record.name(&added),
            kind: &span.facts.kind(),
            start: record.began(),
            end: record.end(),
        },
    );
    record.attributes(&mut |key, value| pair_val(out, 9, key, value));
    for (key, text) in &added.identity {
        pair_val(out, 9, key, Val::Text(text));
    }
    key_values(out, 9, &added.attributes);
    events(out, &added.events);
    links(out, &added.links);
    if let Some(failed) = record.error(&added) {
        status(out, &failed);
    }
}

fn events(out: &mut Wire, events: &[Event]) {
    for event in events {
        out.message::<2>(11, |out| {
            out.fixed64(1, time(event.timestamp));
            out.text(2, &event.name);
            key_values(out, 3, &event.attributes);
            dropped(out, 4, event.dropped_attributes_count);
        });
    }
}

fn links(out: &mut Wire, links: &[Link]) {
    for link in links {
        let context = &link.span_context;
        out.message::<2>(13, |out| {
            out.bytes(1, &context.trace_id().to_bytes());
            out.bytes(2, &context.span_id().to_bytes());
            out.text(3, &context.trace_state().header());
            key_values(out, 4, &link.attributes);
            dropped(out, 5, link.dropped_attributes_count);
            out.fixed32(6, flags(context, context.is_remote()));
        });
    }
}

fn status(out: &mut Wire, status: &Status) {
    match status {
        Status::Unset => {}
        Status::Ok => out.message::<1>(15, |out| out.varint(3, 1)),
        Status::Error { description } => out.message::<1>(15, |out| {
            out.text(2, description);
            out.varint(3, 2);
        }),
    }
}

fn dropped(out: &mut Wire, field: u64, count: u32) {
    if count > 0 {
        out.varint(field, u64::from(count));
    }
}

fn flags(context: &SpanContext, is_remote: bool) -> u32 {
    let flags = u32::from(context.trace_flags().to_u8()) | HAS_IS_REMOTE;
    if is_remote { flags | IS_REMOTE } else { flags }
}

fn kind(kind: &SpanKind) -> u64 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn time(at: SystemTime) -> u64 {
    nanos(timestamp(at))
}

pub(super) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.nanos()).unwrap_or(0)
}
