use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::response::Response;
use http::HeaderValue;
use opentelemetry::ContextGuard;
use tracing::dispatcher;

use super::exchange::{Exchange, Outcome, problem};
use super::{HTTP_TARGET, RequestId, X_REQUEST_ID};
use crate::fact_span::{Entered, FactSpan};
use crate::panics::{self, Panic};
use crate::telemetry::Telemetry;

/// A request that is being answered: within its span, with the service's subscriber; a panic has its
/// answer, too.
pub struct Answering<F> {
    telemetry: Telemetry,
    /// Taken when it has ended.
    seen: Option<Seen>,
    span: Option<Arc<FactSpan>>,
    /// There until its end. Like [`crate::scoped::Scoped`] it is dropped with the subscriber.
    inner: Option<Pin<Box<F>>>,
}

/// What is noted of a request.
pub(super) enum Seen {
    Exchange(Exchange),
    /// Without telemetry it has its id all the same.
    Id(RequestId),
}

impl<F> Answering<F> {
    pub(super) fn new(telemetry: Telemetry, seen: Seen, call: impl FnOnce() -> F) -> Self {
        let mut span = match &seen {
            Seen::Exchange(exchange) => Some(Arc::clone(&exchange.span)),
            Seen::Id(_) => None,
        };
        let inner = {
            let _active = seen.attach();
            let _entered = Entered::into(&mut span);
            Box::pin(call())
        };
        Self {
            telemetry,
            seen: Some(seen),
            span,
            inner: Some(inner),
        }
    }
}

impl<F, E> Future for Answering<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            telemetry,
            seen,
            span,
            inner,
        } = self.get_mut();
        dispatcher::with_default(telemetry.dispatch(), || {
            let _active = seen.as_ref().and_then(Seen::attach);
            let _entered = Entered::into(span);
            let running = inner.as_mut().expect("it has not ended before");
            let ended = match panics::catching(|| running.as_mut().poll(cx)) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(ended)) => Ok(ended),
                Err(panic) => Err(panic),
            };
            *inner = None;
            let seen = seen.take().expect("it has not ended before");
            Poll::Ready(match ended {
                Ok(Ok(response)) => Ok(seen.end(Outcome::Answered(response))),
                Ok(Err(error)) => {
                    seen.end(Outcome::Refused);
                    Err(error)
                }
                Err(panic) => Ok(seen.end(Outcome::Panicked(panic))),
            })
        })
    }
}

impl<F> Drop for Answering<F> {
    fn drop(&mut self) {
        let Self { seen, inner, .. } = self;
        if seen.is_some() || inner.is_some() {
            dispatcher::with_default(self.telemetry.dispatch(), || {
                *inner = None;
                *seen = None;
            });
        }
    }
}

impl<F> fmt::Debug for Answering<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}

impl Seen {
    fn attach(&self) -> Option<ContextGuard> {
        match self {
            Self::Exchange(exchange) => Some(exchange.context().clone().attach()),
            Self::Id(_) => None,
        }
    }

    fn end(self, outcome: Outcome) -> Response {
        match self {
            Self::Exchange(exchange) => exchange.end(outcome),
            Self::Id(id) => with_id(&id, outcome),
        }
    }
}

fn with_id(id: &RequestId, outcome: Outcome) -> Response {
    let mut response = match outcome {
        Outcome::Answered(response) => response,
        Outcome::Panicked(Panic { message, .. }) => {
            tracing::error!(target: HTTP_TARGET, "panicked: {message}");
            problem(id, None)
        }
        Outcome::Refused => problem(id, None),
    };
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}
