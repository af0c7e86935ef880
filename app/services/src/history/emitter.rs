use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;
use watchfire_schemas::{
    Attributes, LogRecord, SeverityNumber, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId,
};

use crate::telemetry::{self, CONTENT, CONTENT_SYNC, GATEWAY};

/// The services that emitted.
#[derive(Debug)]
pub(super) struct Emitters {
    pub(super) gateway: Emitter,
    pub(super) content: Emitter,
    pub(super) content_sync: Emitter,
}

/// One service with its resource.
#[derive(Debug)]
pub(super) struct Emitter {
    service: String,
    resource: Attributes,
}

/// Which span something belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent: Option<SpanId>,
}

/// The name of the instrumentation library that the live services use.
const SCOPE: &str = "watchfire-telemetry";

impl Emitters {
    pub(super) fn new() -> Self {
        Self {
            gateway: Emitter::new(GATEWAY),
            content: Emitter::new(CONTENT),
            content_sync: Emitter::new(CONTENT_SYNC),
        }
    }
}

impl Emitter {
    pub(super) fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            resource: telemetry::resource(service),
        }
    }

    /// An INFO record, of a span if there is one.
    pub(super) fn log(
        &self,
        at: Timestamp,
        place: Place,
        target: &str,
        message: String,
        own: &Attributes,
    ) -> LogRecord {
        let mut record = LogRecord::new(at, SeverityNumber::INFO, self.service.as_str(), message);
        record.trace_id = Some(place.trace_id);
        record.span_id = Some(place.span_id);
        record.attributes.clone_from(&self.resource);
        record.attributes.extend(own.clone());
        let target = Value::String(target.to_owned());
        record.attributes.insert("log.target".to_owned(), target);
        record
    }

    /// A span that ended well; change what is different.
    pub(super) fn span(
        &self,
        place: Place,
        kind: SpanKind,
        name: String,
        (start, end): (Timestamp, Timestamp),
        attributes: Attributes,
    ) -> Span {
        Span {
            trace_id: place.trace_id,
            span_id: place.span_id,
            parent_span_id: place.parent,
            trace_state: String::new(),
            name,
            kind,
            start,
            end,
            status: SpanStatus::Unset,
            service: self.service.clone(),
            resource: self.resource.clone(),
            scope: SCOPE.to_owned(),
            attributes,
            events: Vec::new(),
            links: Vec::new(),
        }
    }
}

impl Place {
    /// The root of a new trace.
    pub(super) fn root(dice: &mut StdRng) -> Self {
        Self {
            trace_id: TraceId::from_bytes(dice.random()).unwrap_or_else(trace_id_of_one),
            span_id: span_id(dice),
            parent: None,
        }
    }

    /// Beneath this one.
    pub(super) fn child(self, dice: &mut StdRng) -> Self {
        Self {
            trace_id: self.trace_id,
            span_id: span_id(dice),
            parent: Some(self.span_id),
        }
    }
}

fn span_id(dice: &mut StdRng) -> SpanId {
    SpanId::from_bytes(dice.random())
        .unwrap_or_else(|| SpanId::from_bytes([1; 8]).expect("an id of ones is not zero"))
}

/// For the draw of zeros that nobody will ever see.
fn trace_id_of_one() -> TraceId {
    TraceId::from_bytes([1; 16]).expect("an id of ones is not zero")
}

/// Attributes from pairs.
pub(super) fn attributes<const N: usize>(pairs: [(&str, Value); N]) -> Attributes {
    let pairs = pairs.into_iter();
    pairs.map(|(key, value)| (key.to_owned(), value)).collect()
}
