mod answering;
mod body;
mod durations;
mod exchange;
mod metrics;
mod request_id;

use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use http::Request;
use tower::{Layer, Service};

use self::answering::Seen;
use self::body::Counted;
use self::exchange::Exchange;
use self::request_id::X_REQUEST_ID;

pub use self::answering::Answering;
pub use self::durations::HTTP_DURATION_BUCKETS;
pub(crate) use self::durations::{Durations, HttpDurations, Observed};
pub(crate) use self::metrics::{ServerMetrics, method_label};
pub use self::request_id::RequestId;

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
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if self.telemetry.is_disabled() {
            let id = RequestId::of(request.headers());
            request.extensions_mut().insert(id.clone());
            let seen = Seen::Id(id);
            return Answering::new(self.telemetry.clone(), seen, || self.inner.call(request));
        }
        let (exchange, request) = Exchange::begin(&self.telemetry, request);
        let seen = Seen::Exchange(exchange);
        Answering::new(self.telemetry.clone(), seen, || self.inner.call(request))
    }
}
