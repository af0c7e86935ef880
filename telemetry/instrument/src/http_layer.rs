mod body;
mod catch_panic;
mod exchange;
mod metrics;
mod request_id;
mod server_span;

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use http::Request;
use tower::{Layer, Service};
use tracing::Instrument;

use self::body::Counted;
use self::catch_panic::CatchPanic;
use self::exchange::{Exchange, Outcome};

pub use self::metrics::HTTP_DURATION_BUCKETS;
pub(crate) use self::metrics::{Durations, HttpDurations, ServerMetrics, method_label, observe};
pub use self::request_id::RequestId;
pub use self::server_span::HTTP_TARGET;

use crate::scoped::Scoped;
use crate::telemetry::Telemetry;

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
        let dispatch = self.telemetry.dispatch().clone();
        let (exchange, request) = Exchange::begin(&self.telemetry, request);
        let span = exchange.span().clone();
        let inner = span.in_scope(|| self.inner.call(request));
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
        Box::pin(Scoped::new(answered.instrument(span), dispatch))
    }
}
