mod fellow;
mod traceparent;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};

use self::fellow::{Baggage, TRACESTATE, VendorState};
use self::traceparent::IsRandom;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The labels of an exemplar: the trace in which a value was observed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceExemplar {
    trace_id: TraceId,
    span_id: SpanId,
}

/// It is written when it is read, since most are replaced before.
impl EncodeLabelSet for TraceExemplar {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let labels = [
            ("trace_id", self.trace_id.to_string()),
            ("span_id", self.span_id.to_string()),
        ];
        EncodeLabelSet::encode(&labels, encoder)
    }
}

impl TraceExemplar {
    /// Of the span that is active here; none outside of a sampled span.
    pub fn current() -> Option<Self> {
        let context = current_span_context().filter(SpanContext::is_sampled)?;
        Some(Self::of(&context))
    }

    pub(crate) fn of(context: &SpanContext) -> Self {
        Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
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
pub(crate) fn random_id() -> Arc<str> {
    let mut bytes = RandomIdGenerator::default().new_trace_id().to_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut digits = [0; 32];
    traceparent::write_hex(&bytes, &mut digits);
    let mut id = [b'-'; 36];
    for (from, to) in [
        (0..8, 0),
        (8..12, 9),
        (12..16, 14),
        (16..20, 19),
        (20..32, 24),
    ] {
        id[to..to + from.len()].copy_from_slice(&digits[from]);
    }
    str::from_utf8(&id).expect("digits and hyphens").into()
}

/// What a caller says of its context, by W3C Trace Context: `traceparent`, `tracestate` and `baggage`.
/// What is not valid is as if it were not there. Without a valid parent a new trace begins, and no
/// `tracestate` belongs to it.
pub(crate) fn extract(headers: &HeaderMap) -> Context {
    let mut context = Context::new();
    if let Some(baggage) = Baggage::read(headers) {
        context = context.with_value(baggage);
    }
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else {
        return context;
    };
    let parent = parent.to_str().unwrap_or_default();
    let Some((trace, span, flags)) = traceparent::parse(parent.trim_matches([' ', '\t'])) else {
        return context;
    };
    let state = VendorState::read(headers);
    let known = state.as_ref().map(VendorState::as_str).unwrap_or_default();
    // For the span's record only; what goes on is our own.
    let known = TraceState::from_str(known).unwrap_or(TraceState::NONE);
    let parent = SpanContext::new(trace, span, flags, true, known);
    context = context.with_remote_span_context(parent);
    if let Some(state) = state {
        context = context.with_value(state);
    }
    if traceparent::is_random(flags) {
        context = context.with_value(IsRandom);
    }
    context
}

/// Writes a context in place of what the headers tell; nothing if it has no span.
pub(crate) fn inject_context(context: &Context, headers: &mut HeaderMap) {
    inject(context.span().span_context(), context, headers);
}

/// Writes a span and what else is handed on of the context that it was begun in.
pub(crate) fn inject(span: &SpanContext, context: &Context, headers: &mut HeaderMap) {
    if !span.is_valid() {
        return;
    }
    if let Ok(parent) = HeaderValue::from_bytes(&traceparent::write(span, context.get())) {
        headers.insert(TRACEPARENT, parent);
    }
    headers.remove(TRACESTATE);
    if let Some(state) = context.get::<VendorState>() {
        state.write(headers);
    }
    if let Some(baggage) = context.get::<Baggage>() {
        baggage.write(headers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// What goes on of what came, as it is written on a line each.
    fn check(came: &[(&'static str, &str)], expected: &[(&str, &str)]) {
        let mut out = headers(&[("tracestate", "of=before")]);
        inject_context(&extract(&headers(came)), &mut out);
        let mut found: Vec<(&str, &str)> = out
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{came:?}");
    }

    #[test]
    fn a_callers_context_goes_on() {
        check(&[("traceparent", PARENT)], &[("traceparent", PARENT)]);
        let state = "foo@@bar=1,bar=2";
        check(
            &[
                ("traceparent", &format!(" {PARENT}\t")),
                ("tracestate", "foo@@bar=1"),
                ("tracestate", "bar=2"),
                ("baggage", "tier=gold"),
            ],
            &[
                ("baggage", "tier=gold"),
                ("traceparent", PARENT),
                ("tracestate", state),
            ],
        );
        check(
            &[("traceparent", PARENT), ("tracestate", "not a list")],
            &[("traceparent", PARENT)],
        );
    }

    #[test]
    fn without_one_valid_parent_nothing_goes_on_but_baggage() {
        for came in [
            &[("tracestate", "foo=1")][..],
            &[("traceparent", PARENT), ("traceparent", PARENT)],
            &[("traceparent", "00-é"), ("tracestate", "foo=1")],
        ] {
            let context = extract(&headers(came));
            assert!(!context.has_active_span(), "{came:?}");
            assert!(context.get::<VendorState>().is_none());
        }
        let context = extract(&headers(&[("baggage", "tier=gold")]));
        assert!(context.get::<Baggage>().is_some());
    }

    #[test]
    fn random_ids_are_uuids_and_differ() {
        let id = random_id();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert_ne!(id, random_id());
    }
}
