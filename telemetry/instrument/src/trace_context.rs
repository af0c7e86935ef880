use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use prometheus_client::encoding::EncodeLabelSet;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The labels of an exemplar: the trace in which a value was observed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TraceExemplar {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
}

impl TraceExemplar {
    /// Of the span that is active here; none outside of a sampled span.
    pub fn current() -> Option<Self> {
        let context = current_span_context().filter(SpanContext::is_sampled)?;
        Some(Self::of(&context))
    }

    pub(crate) fn of(context: &SpanContext) -> Self {
        Self {
            trace_id: context.trace_id().to_string(),
            span_id: context.span_id().to_string(),
        }
    }
}

/// The trace that is active here, to tell a caller in an error.
pub fn current_trace_id() -> Option<watchfire_schemas::TraceId> {
    let context = current_span_context()?;
    watchfire_schemas::TraceId::from_bytes(context.trace_id().to_bytes())
}

/// The span that is active here. Entering a `tracing` span of ours makes it so.
pub(crate) fn current_span_context() -> Option<SpanContext> {
    Context::map_current(|context| {
        let span = context.span();
        let context = span.span_context();
        context.is_valid().then(|| context.clone())
    })
}

/// A random id in the form of a UUID, version 4.
pub(crate) fn random_id() -> String {
    let mut bytes = RandomIdGenerator::default().new_trace_id().to_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = TraceId::from_bytes(bytes).to_string();
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

/// Reads `traceparent` and `tracestate` by W3C Trace Context, level 1. What is not valid is as if
/// it were not there: a new trace begins.
pub(crate) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() {
        return None;
    }
    let (trace, span, flags) = parse_traceparent(parent.trim())?;
    Some(SpanContext::new(
        trace,
        span,
        flags,
        true,
        trace_state(headers),
    ))
}

/// Writes the context as `traceparent` and `tracestate`, in place of what is there.
pub(crate) fn inject(context: &SpanContext, headers: &mut HeaderMap) {
    let parent = format!(
        "00-{}-{}-{:02x}",
        context.trace_id(),
        context.span_id(),
        context.trace_flags().to_u8() & TraceFlags::SAMPLED.to_u8()
    );
    if let Ok(parent) = HeaderValue::from_str(&parent) {
        headers.insert(TRACEPARENT, parent);
    }
    headers.remove(TRACESTATE);
    let state = context.trace_state().header();
    if let Some(state) = HeaderValue::from_str(&state)
        .ok()
        .filter(|state| !state.is_empty())
    {
        headers.insert(TRACESTATE, state);
    }
}

/// `version-traceid-spanid-flags`. A version above 0 may go on after a hyphen; `ff` is none.
fn parse_traceparent(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (head, rest) = text.split_at_checked(55)?;
    let mut parts = head.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let version = hex_byte(version)?;
    let ends_well = if version == 0 {
        rest.is_empty()
    } else {
        rest.is_empty() || rest.starts_with('-')
    };
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    if version == 0xff || !ends_well || !is_hex(trace, 32) || !is_hex(span, 16) {
        return None;
    }
    let trace = TraceId::from_hex(trace)
        .ok()
        .filter(|id| *id != TraceId::INVALID)?;
    let span = SpanId::from_hex(span)
        .ok()
        .filter(|id| *id != SpanId::INVALID)?;
    let flags = TraceFlags::new(hex_byte(flags)?) & TraceFlags::SAMPLED;
    Some((trace, span, flags))
}

/// Two lower-case hexadecimal digits.
fn hex_byte(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    digits.then(|| u8::from_str_radix(text, 16).ok())?
}

/// Several headers are one list. A list that is not valid is dropped, the parent stays.
fn trace_state(headers: &HeaderMap) -> TraceState {
    let parts: Vec<&str> = headers
        .get_all(TRACESTATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|member| !member.is_empty())
        .collect();
    if parts.len() > 32 {
        return TraceState::NONE;
    }
    TraceState::from_str(&parts.join(",")).unwrap_or(TraceState::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn check(parents: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.append(TRACEPARENT, HeaderValue::from_str(parent).unwrap());
        }
        let context = extract(&headers);
        assert_eq!(context.is_some(), expected, "{parents:?}");
        if let Some(context) = context {
            assert_eq!(context.trace_id().to_string(), TRACE);
            assert_eq!(context.span_id().to_string(), SPAN);
            assert!(context.is_remote());
        }
    }

    #[test]
    fn a_parent_is_read_by_the_letter_of_the_standard() {
        let valid = format!("00-{TRACE}-{SPAN}-01");
        check(&[&valid], true);
        check(&[&format!(" {valid} ")], true);
        check(&[&format!("01-{TRACE}-{SPAN}-01")], true);
        check(&[&format!("cc-{TRACE}-{SPAN}-01-what-comes-later")], true);
        check(&[], false);
        check(&[&valid, &valid], false);
        check(&[&format!("00-{TRACE}-{SPAN}-01-more")], false);
        check(&[&format!("cc-{TRACE}-{SPAN}-01.more")], false);
        check(&[&format!("ff-{TRACE}-{SPAN}-01")], false);
        check(&[&format!("00-{}-{SPAN}-01", TRACE.to_uppercase())], false);
        check(&[&format!("00-{}-{SPAN}-01", "0".repeat(32))], false);
        check(&[&format!("00-{TRACE}-{}-01", "0".repeat(16))], false);
        check(&[&format!("00-{TRACE}-{SPAN}-0g")], false);
        check(&[&format!("00-{TRACE}{SPAN}-01-")], false);
        check(&["00-é"], false);
    }

    #[test]
    fn states_of_several_headers_are_one_list_and_go_on() {
        let mut headers = HeaderMap::new();
        headers.insert(
            TRACEPARENT,
            HeaderValue::from_str(&format!("00-{TRACE}-{SPAN}-03")).unwrap(),
        );
        headers.append(TRACESTATE, HeaderValue::from_static("a=1, b=2"));
        headers.append(TRACESTATE, HeaderValue::from_static("c=3"));
        let context = extract(&headers).unwrap();
        let mut out = HeaderMap::new();
        inject(&context, &mut out);
        assert_eq!(out[TRACEPARENT], format!("00-{TRACE}-{SPAN}-01"));
        assert_eq!(out[TRACESTATE], "a=1,b=2,c=3");
        headers.insert(TRACESTATE, HeaderValue::from_static("not a list"));
        assert_eq!(extract(&headers).unwrap().trace_state().header(), "");
    }

    #[test]
    fn random_ids_are_uuids_and_differ() {
        let id = random_id();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert_ne!(id, random_id());
    }
}
