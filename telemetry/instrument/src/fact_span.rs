//! Spans that hold plain facts: of requests, of calls to other services and of statements. One of
//! each is made whatever a request is about, so what they cost is what tracing every request costs.
//! They become attributes when they end, in the form that goes out. Spans of the service's own
//! within them are those of `tracing`, and have them as parents.

mod client_facts;
mod facts;
mod record;

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SamplingDecision, ShouldSample};
use watchfire_schemas::Timestamp;

pub(crate) use self::client_facts::ClientFacts;
pub(crate) use self::facts::{Asked, DatabaseFacts, Facts, ServerFacts};
pub(crate) use self::record::{FactRecord, Val};

/// A span that has begun.
#[derive(Debug)]
pub(crate) struct FactSpan {
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

impl FactSpan {
    /// Begins a span within `parent`.
    pub(crate) fn begin(
        parent: &Context,
        sampler: &dyn ShouldSample,
        began: Timestamp,
        facts: Facts,
    ) -> Arc<Self> {
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
        let verdict = sampler.should_sample(Some(parent), trace, facts.verb(), &kind, &[], &[]);
        let flags = match verdict.decision {
            SamplingDecision::RecordAndSample => TraceFlags::SAMPLED,
            _ => TraceFlags::default(),
        };
        let (parent, state) = if is_root {
            (SpanId::INVALID, TraceState::NONE)
        } else {
            (above.span_id(), above.trace_state().clone())
        };
        Arc::new(Self {
            context: SpanContext::new(trace, ids.new_span_id(), flags, false, state),
            parent,
            is_parent_remote: above.is_remote(),
            began,
            facts,
            added: Mutex::default(),
        })
    }

    /// The context that is active within the span.
    pub(crate) fn within(span: &Arc<Self>, parent: &Context) -> Context {
        parent.with_span(Handle(Arc::clone(span)))
    }

    pub(crate) fn added(&self) -> MutexGuard<'_, Added> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The request that is being answered on this thread. It does not lie in the context, which
    /// would have to be made anew for it with each request.
    static REQUEST: RefCell<Option<Arc<FactSpan>>> = const { RefCell::new(None) };
}

/// While it is there, what is done on this thread is done for a request. What that spawns is not.
pub(crate) struct Entered<'a>(&'a mut Option<Arc<FactSpan>>);

impl<'a> Entered<'a> {
    /// Lends the span of the request.
    pub(crate) fn into(request: &'a mut Option<Arc<FactSpan>>) -> Self {
        let mut entered = Self(request);
        entered.swap();
        entered
    }

    fn swap(&mut self) {
        REQUEST.with_borrow_mut(|active| std::mem::swap(active, self.0));
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.swap();
    }
}

/// Runs `look` with the request that is being answered here, if there is one.
pub(crate) fn with_request<T>(look: impl FnOnce(&FactSpan) -> T) -> Option<T> {
    let active = REQUEST.with_borrow(Option::clone);
    active.map(|request| look(&request))
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
struct Handle(Arc<FactSpan>);

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
