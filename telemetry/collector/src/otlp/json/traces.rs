use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::JsonError;
use super::attributes::{attributes, resource, scope};
use super::fields::Fields;

pub(super) fn resource_spans(fields: Fields<'_>) -> Result<ResourceSpans, JsonError> {
    Ok(ResourceSpans {
        resource: fields.message("resource", resource)?,
        scope_spans: fields.list("scopeSpans", |fields| {
            Ok(ScopeSpans {
                scope: fields.message("scope", scope)?,
                spans: fields.list("spans", span)?,
                schema_url: fields.text("schemaUrl")?,
            })
        })?,
        schema_url: fields.text("schemaUrl")?,
    })
}

fn span(fields: Fields<'_>) -> Result<Span, JsonError> {
    Ok(Span {
        trace_id: fields.hex("traceId")?,
        span_id: fields.hex("spanId")?,
        trace_state: fields.text("traceState")?,
        parent_span_id: fields.hex("parentSpanId")?,
        flags: fields.whole("flags")?,
        name: fields.text("name")?,
        kind: fields.whole("kind")?,
        start_time_unix_nano: fields.whole("startTimeUnixNano")?,
        end_time_unix_nano: fields.whole("endTimeUnixNano")?,
        attributes: attributes(fields, "attributes")?,
        dropped_attributes_count: fields.whole("droppedAttributesCount")?,
        events: fields.list("events", event)?,
        dropped_events_count: fields.whole("droppedEventsCount")?,
        links: fields.list("links", link)?,
        dropped_links_count: fields.whole("droppedLinksCount")?,
        status: fields.message("status", |fields| {
            Ok(Status {
                message: fields.text("message")?,
                code: fields.whole("code")?,
            })
        })?,
    })
}

fn event(fields: Fields<'_>) -> Result<Event, JsonError> {
    Ok(Event {
        time_unix_nano: fields.whole("timeUnixNano")?,
        name: fields.text("name")?,
        attributes: attributes(fields, "attributes")?,
        dropped_attributes_count: fields.whole("droppedAttributesCount")?,
    })
}

fn link(fields: Fields<'_>) -> Result<Link, JsonError> {
    Ok(Link {
        trace_id: fields.hex("traceId")?,
        span_id: fields.hex("spanId")?,
        trace_state: fields.text("traceState")?,
        attributes: attributes(fields, "attributes")?,
        dropped_attributes_count: fields.whole("droppedAttributesCount")?,
        flags: fields.whole("flags")?,
    })
}
