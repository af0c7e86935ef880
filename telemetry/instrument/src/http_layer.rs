mod body;
mod catch_panic;
mod exchange;
mod metrics;
mod request_id;

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Request};
use opentelemetry::context::FutureExt as _;
use tower::{Layer, Service};

use self::body::Counted;
use self::catch_panic::CatchPanic;
use self::exchange::{Exchange, Outcome, problem};
use self::request_id::X_REQUEST_ID;

pub use self::metrics::HTTP_DURATION_BUCKETS;
pub(crate) use self::metrics::{Durations, HttpDurations, ServerMetrics, method_label, observe};
pub use self::request_id::RequestId;

use crate::scoped::Scoped;
use crate::telemetry::Telemetry;

/// The target of the records that [`HttpLayer`] makes, by which a filter can name them.
pub const HTTP_TARGET: &str = "watchfire_telemetry::http";

/// The longest path, query or user agent that an attribute keeps.
const LONGEST: usize = 1024;

pub(crate) fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// In an answer's extensions: its log line is not worth writing, as of one of thousands that are
/// refused at once and told of in sum. It is traced and counted as any other.
#[derive(Debug, Clone, Copy)]
pub struct Unlogged;

/// See [`Telemetry::http_layer`].
#[derive(Debug, Clone)]
pub struct HttpLayer {
    telemetry: Telemetry,
}

impl HttpLayer {
    pub(crate) fn new(telemetry: Telemetry) -> Self {
        Self { telemetry }
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> HttpService<S> {
        HttpService {
            inner,
            telemetry: self.telemetry.clone(),
        }
    }
}

/// A service whose requests are seen. Made by [`HttpLayer`].
#[derive(Debug, Clone)]
pub struct HttpService<S> {
    inner: S,
    telemetry: Telemetry,
}

impl<S> Service<Request<Body>> for HttpService<S>
where
    S: Service<Request<Body>, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if self.telemetry.is_disabled() {
            return self.call_unseen(request);
        }
        let dispatch = self.telemetry.dispatch().clone();
        let (exchange, request) = Exchange::begin(&self.telemetry, request);
        let context = exchange.context().clone();
        let inner = {
            let _active = context.clone().attach();
            self.inner.call(request)
        };
        let answered = async move {
            match CatchPanic::of(inner).await {
                Ok(Ok(response)) => Ok(exchange.end(Outcome::Answered(response))),
                Ok(Err(error)) => {
                    exchange.end(Outcome::Refused);
                    Err(error)
                }
                Err(panic) => Ok(exchange.end(Outcome::Panicked(panic))),
            }
        };
        Box::pin(Scoped::new(answered.with_context(context), dispatch))
    }
}

impl<S> HttpService<S>
where
    S: Service<Request<Body>, Response = Response>,
    S::Future: Send + 'static,
{
    /// Without telemetry a request has its id all the same, and a panic its answer.
    fn call_unseen(
        &mut self,
        mut request: Request<Body>,
    ) -> <Self as Service<Request<Body>>>::Future {
        let id = RequestId::of(request.headers());
        request.extensions_mut().insert(id.clone());
        let inner = self.inner.call(request);
        let answered = async move {
            let mut response = match CatchPanic::of(inner).await {
                Ok(answered) => answered?,
                Err(panic) => {
                    tracing::error!(target: HTTP_TARGET, "panicked: {}", panic.message);
                    problem(&id, None)
                }
            };
            if let Ok(id) = HeaderValue::from_str(id.as_str()) {
                response.headers_mut().insert(X_REQUEST_ID, id);
            }
            Ok(response)
        };
        Box::pin(Scoped::new(answered, self.telemetry.dispatch().clone()))
    }
}
