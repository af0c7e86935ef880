//! The spans that the HTTP layer and client calls make: one of each request is made whatever it is
//! about, so what they cost is what tracing every request costs. They hold plain facts, and are
//! written as attributes on the thread that exports them. Spans of the service's own within them
//! are those of `tracing`, and have them as parents.

mod facts;
mod record;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SamplingDecision, ShouldSample};
use watchfire_schemas::Timestamp;

pub(crate) use self::facts::{Asked, ClientFacts, Facts, ServerFacts};
pub(crate) use self::record::{HttpRecord, Val};

/// A span that has begun.
#[derive(Debug)]
pub(crate) struct HttpSpan {
    pub(crate) context: SpanContext,
    pub(crate) parent: SpanId,
    pub(crate) is_parent_remote: bool,
    pub(crate) began: Timestamp,
    pub(crate) facts: Facts,
    /// What the service adds. Locked for that, and to write it.
    added: Mutex<Added>,
}

/// What the service itself says of a span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Added {
    pub(crate) name: Option<String>,
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) events: Vec<Event>,
    pub(crate) links: Vec<Link>,
    pub(crate) status: Option<Status>,
    /// `user.id` and `session.id`, which the log records within repeat.
    pub(crate) identity: Vec<(&'static str, String)>,
}

/// So much of each kind is kept, as of other spans.
const MOST: usize = 128;

impl HttpSpan {
    /// Begins a span within `parent`, and gives the context that is active in it.
    pub(crate) fn begin(
        parent: &Context,
        sampler: &dyn ShouldSample,
        began: Timestamp,
        facts: Facts,
    ) -> (Arc<Self>, Context) {
        let ids = RandomIdGenerator::default();
        let above = parent.span();
        let above = above.span_context();
        let is_root = !above.is_valid();
        let trace = if is_root {
            ids.new_trace_id()
        } else {
            above.trace_id()
        };
        let kind = facts.kind();
        let verdict = sampler.should_sample(Some(parent), trace, facts.method(), &kind, &[], &[]);
        let flags = match verdict.decision {
            SamplingDecision::RecordAndSample => TraceFlags::SAMPLED,
            _ => TraceFlags::default(),
        };
        let state = if is_root {
            TraceState::NONE
        } else {
            above.trace_state().clone()
        };
        let span = Arc::new(Self {
            context: SpanContext::new(trace, ids.new_span_id(), flags, false, state),
            parent: if is_root {
                SpanId::INVALID
            } else {
                above.span_id()
            },
            is_parent_remote: above.is_remote(),
            began,
            facts,
            added: Mutex::default(),
        });
        let context = parent.with_span(Handle(Arc::clone(&span)));
        let context = match kind {
            SpanKind::Server => context.with_value(Request(Arc::clone(&span))),
            _ => context,
        };
        (span, context)
    }

    pub(crate) fn added(&self) -> MutexGuard<'_, Added> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request that is being answered, in the context of all that is done for it.
struct Request(Arc<HttpSpan>);

/// Runs `look` with the request that is being answered here, if there is one.
pub(crate) fn with_request<T>(look: impl FnOnce(&HttpSpan) -> T) -> Option<T> {
    Context::map_current(|context| context.get::<Request>().map(|request| look(&request.0)))
}

/// Says who the request that is being answered here is for: `user.id` of its span and of the log
/// records that follow. Nothing outside of a request.
pub fn note_user(id: &str) {
    note("user.id", id);
}

/// Says which session it belongs to: `session.id`.
pub fn note_session(id: &str) {
    note("session.id", id);
}

fn note(key: &'static str, value: &str) {
    with_request(|span| {
        let identity = &mut span.added().identity;
        identity.retain(|(known, _)| *known != key);
        identity.push((key, value.to_owned()));
    });
}

/// The span as OpenTelemetry's context holds it. It is ended by who began it.
struct Handle(Arc<HttpSpan>);

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.context.fmt(f)
    }
}

impl opentelemetry::trace::Span for Handle {
    fn add_event_with_timestamp<T>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) where
        T: Into<std::borrow::Cow<'static, str>>,
    {
        let events = &mut self.0.added().events;
        if events.len() < MOST {
            events.push(Event::new(name, timestamp, attributes, 0));
        }
    }

    fn span_context(&self) -> &SpanContext {
        &self.0.context
    }

    fn is_recording(&self) -> bool {
        self.0.context.is_sampled()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        let attributes = &mut self.0.added().attributes;
        attributes.retain(|known| known.key != attribute.key);
        if attributes.len() < MOST {
            attributes.push(attribute);
        }
    }

    fn set_status(&mut self, status: Status) {
        self.0.added().status = Some(status);
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<std::borrow::Cow<'static, str>>,
    {
        self.0.added().name = Some(new_name.into().into_owned());
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        let links = &mut self.0.added().links;
        if links.len() < MOST {
            links.push(Link::new(span_context, attributes, 0));
        }
    }

    fn end_with_timestamp(&mut self, _: SystemTime) {}
}
