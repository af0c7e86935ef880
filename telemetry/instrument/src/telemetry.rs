use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};

use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use watchfire_schemas::{Batch, Clock};

/// Where log lines go besides export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOutput {
    Stdout,
    Stderr,
    Nowhere,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the log filter does not parse: {0}")]
    Filter(String),
    #[error("the exporter for {endpoint} could not be made: {reason}")]
    Exporter { endpoint: String, reason: String },
}

#[derive(Debug)]
pub struct Builder {
    clock: Option<Arc<dyn Clock>>,
}

impl Builder {
    #[must_use]
    pub fn version(self, version: &str) -> Self {
        let _ = version;
        self
    }
    #[must_use]
    pub fn environment(self, name: &str) -> Self {
        let _ = name;
        self
    }
    /// `service.instance.id`; a random one if not said.
    #[must_use]
    pub fn instance(self, id: &str) -> Self {
        let _ = id;
        self
    }
    #[must_use]
    pub fn log_output(self, output: LogOutput) -> Self {
        let _ = output;
        self
    }
    /// An `EnvFilter` directive; `RUST_LOG` or `info` if not said.
    #[must_use]
    pub fn filter(self, directive: &str) -> Self {
        let _ = directive;
        self
    }
    /// Hand batches to a collector in this process. Without it, `OTEL_EXPORTER_OTLP_ENDPOINT` decides.
    #[must_use]
    pub fn hand_over(self, collector: mpsc::Sender<Batch>) -> Self {
        let _ = collector;
        self
    }
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }
    /// Starts the pipeline. The subscriber is not global: see [`Telemetry::scope`] and [`Telemetry::install_global`].
    pub fn start(self) -> Result<Telemetry, StartError> {
        unimplemented!()
    }
}

/// A running pipeline of one service. Cheap to clone. Several may live in one process.
#[derive(Debug, Clone)]
pub struct Telemetry {}

impl Telemetry {
    pub fn service(name: &str) -> Builder {
        let _ = name;
        Builder { clock: None }
    }

    /// Makes this service's subscriber the process' default and hooks panics.
    pub fn install_global(&self) {
        unimplemented!()
    }

    /// Runs a future with this service's subscriber.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        future
    }

    /// The service's instruments, to register more.
    pub fn registry(&self) -> MutexGuard<'_, Registry> {
        let _: Option<Mutex<Registry>> = None;
        unimplemented!()
    }

    /// OpenMetrics text of the registry.
    pub fn exposition(&self) -> String {
        unimplemented!()
    }

    /// Server side: trace context in, server span, request id, `http.server.request.duration`, body
    /// bytes, in-flight gauge, one log line a request; a panic becomes a 500 and an exception record.
    pub fn http_layer(&self) -> HttpLayer {
        unimplemented!()
    }

    /// Client side: a client span around `request`, its context injected as `traceparent`. `operation` names the span.
    /// (Shape to be settled by the owner: it must work for reqwest's RequestBuilder.)
    pub fn propagate(&self, headers: &mut axum::http::HeaderMap) {
        let _ = headers;
        unimplemented!()
    }

    /// Hands over or exports all that waits. Blocks up to a bound; call it off the runtime's threads.
    pub fn flush(&self) {
        unimplemented!()
    }

    /// Flushes and stops.
    pub fn shutdown(&self) {
        unimplemented!()
    }
}

/// See [`Telemetry::http_layer`].
#[derive(Debug, Clone)]
pub struct HttpLayer {}
