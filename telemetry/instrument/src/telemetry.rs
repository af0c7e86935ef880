use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method, Uri};
use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus_client::registry::Registry;
use tracing::{Dispatch, Span, dispatcher};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use watchfire_schemas::{SeverityNumber, Timestamp};

use crate::builder::{Builder, LogOutput, StartError};
use crate::client_call::{ClientCall, ClientMetrics};
use crate::dropped::Dropped;
use crate::exposition;
use crate::fact_span::{FactRecord, FactSpan, Facts};
use crate::filter::EventFilter;
use crate::http_layer::{HTTP_TARGET, HttpLayer, ServerMetrics};
use crate::log_layer::LogLayer;
use crate::log_writer::LogWriter;
use crate::panics;
use crate::pipeline::{Pipeline, Worker};
use crate::process_metrics::register_process_metrics;
use crate::registry_snapshot::RegistrySnapshot;
use crate::resource::Resource;
use crate::runtime_metrics::register_runtime_metrics;
use crate::scoped::Scoped;
use crate::sink::Destination;
use crate::span_maker::{SpanMaker, Taker};
use crate::span_queue::SpanQueue;
use crate::trace_context::{extract, inject_context};

/// How long [`Telemetry::flush`] and [`Telemetry::shutdown`] wait at most for each of lines and export.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running pipeline of one service. Cheap to clone. Several may live in one process.
#[derive(Debug, Clone)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dispatch: Dispatch,
    tracers: SdkTracerProvider,
    registry: Arc<Mutex<Registry>>,
    pipeline: Arc<Pipeline>,
    worker: Worker,
    lines: Option<Arc<LogWriter>>,
    server: ServerMetrics,
    client: ClientMetrics,
    maker: SpanMaker,
    resource: Resource,
    is_disabled: bool,
    wanted: WantedLines,
}

/// Which lines of requests the filter lets through. It is asked once, since it does not change.
#[derive(Debug, Clone, Copy)]
struct WantedLines {
    answers: bool,
    errors: bool,
}

impl Telemetry {
    /// Describes a service's pipeline.
    pub fn service(name: &str) -> Builder {
        Builder::new(name)
    }

    pub(crate) fn start(mut builder: Builder) -> Result<Self, StartError> {
        let is_disabled = builder.is_disabled();
        let filter = EventFilter::parse(&builder.directive(), !is_disabled)?;
        let mut registry = Registry::default();
        let dropped = Dropped::register(&mut registry);
        let server = ServerMetrics::register(&mut registry);
        let client = ClientMetrics::register(&mut registry);
        register_process_metrics(&mut registry, Arc::clone(&builder.clock));
        register_runtime_metrics(&mut registry);
        let registry = Arc::new(Mutex::new(registry));
        let destination = builder.destination()?;
        let is_taken = !matches!(destination, Destination::Nowhere);

        let resource = builder.resource;
        let encoder = destination.encoder(&resource);
        let lines = start_lines(builder.output, &resource.service, &dropped)?;
        let pipeline = Arc::new(Pipeline::new(dropped));
        let snapshot = RegistrySnapshot {
            registry: Arc::clone(&registry),
            resource: resource.clone(),
            clock: Arc::clone(&builder.clock),
            last: Timestamp::MIN,
        };
        let worker = Worker::start(
            Arc::clone(&pipeline),
            destination,
            snapshot,
            builder.distortion.clone(),
        )?;
        let taker = is_taken.then(|| Arc::clone(&pipeline));
        let tracers = tracer_provider(&resource, taker.clone());
        let maker = SpanMaker::new(
            Arc::clone(&builder.clock),
            match (taker.clone(), encoder) {
                (None, _) => Taker::Nobody,
                (Some(pipeline), None) => Taker::Collector(pipeline),
                (Some(pipeline), Some(encoder)) => Taker::Otlp(pipeline, encoder),
            },
            builder.distortion,
            resource.clone(),
        );
        let logs = LogLayer {
            resource: resource.clone(),
            clock: builder.clock,
            lines: lines.clone(),
            pipeline: taker,
        };
        let spans = (!is_disabled).then(|| maker.clone());
        let dispatch = dispatch(filter, &tracers, logs, spans);
        let wanted = dispatcher::with_default(&dispatch, || WantedLines {
            answers: tracing::enabled!(target: HTTP_TARGET, tracing::Level::INFO),
            errors: tracing::enabled!(target: HTTP_TARGET, tracing::Level::ERROR),
        });
        Ok(Self {
            inner: Arc::new(Inner {
                dispatch,
                tracers,
                registry,
                pipeline,
                worker,
                lines,
                server,
                client,
                maker,
                resource,
                is_disabled,
                wanted,
            }),
        })
    }

    /// Makes this service's subscriber the process' default, unless there is one, and hooks
    /// panics: each becomes an exception record, then goes to the hook that was there before.
    pub fn install_global(&self) {
        if dispatcher::set_global_default(self.inner.dispatch.clone()).is_err() {
            self.in_scope(|| tracing::warn!("a default subscriber was installed before, it stays"));
        }
        panics::hook();
    }

    /// Runs a future with this service's subscriber. A span made within must not outlive it on a
    /// thread where another subscriber is the default: its parent would never end.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        Scoped::new(future, self.inner.dispatch.clone())
    }

    /// Runs a function with this service's subscriber.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        dispatcher::with_default(&self.inner.dispatch, work)
    }

    /// The service's instruments, to register more. Do not hold the guard.
    pub fn registry(&self) -> MutexGuard<'_, Registry> {
        self.inner
            .registry
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// OpenMetrics text of the registry; nothing if an instrument has no text form.
    pub fn exposition(&self) -> String {
        exposition::openmetrics_text(&self.registry()).unwrap_or_default()
    }

    /// What `GET /metrics` answers, in the form that the request's headers ask for.
    pub fn metrics_response(&self, request: &HeaderMap) -> axum::response::Response {
        exposition::metrics_response(request, &self.registry())
    }

    /// Server side: trace context in, server span, request id, `http.server.request.duration`, body
    /// bytes, in-flight gauge, one log line a request; a panic becomes a 500 and an exception record.
    /// It runs what is inside with this service's subscriber. Add it by `Router::layer` after
    /// the routes: only then is the matched route known.
    pub fn http_layer(&self) -> HttpLayer {
        panics::hook();
        HttpLayer::new(self.clone())
    }

    /// Client side: a call to another service in a client span of its own. See [`ClientCall`].
    pub fn client_call(&self, method: &Method, url: &str) -> ClientCall {
        ClientCall::new(self.clone(), method, url)
    }

    /// The same for an address that is parsed already.
    pub fn client_call_to(&self, method: &Method, url: &Uri) -> ClientCall {
        ClientCall::to(self.clone(), method, url)
    }

    /// Puts the context of the active span into a request's headers, as `traceparent`, `tracestate`
    /// and `baggage`. [`Self::client_call`] does more.
    pub fn propagate(&self, headers: &mut HeaderMap) {
        inject_context(&Context::current(), headers);
    }

    /// A span whose parent is the context that [`Self::propagate`] wrote: of a message that was kept
    /// in between. The span must not have been entered before.
    pub fn follow(&self, headers: &HeaderMap, span: impl FnOnce() -> Span) -> Span {
        let span = self.in_scope(span);
        // It fails only if the span has begun.
        drop(span.set_parent(extract(headers)));
        span
    }

    /// Links a span to the context that [`Self::propagate`] wrote: of one of many messages, each of
    /// which goes on in a trace of its own.
    pub fn link(&self, headers: &HeaderMap, span: &Span) {
        self.in_scope(|| span.add_link(extract(headers).span().span_context().clone()));
    }

    /// Hands over or exports all that waits. Blocks up to a bound; call it off the runtime's threads.
    pub fn flush(&self) {
        self.inner.flush();
    }

    /// Flushes and stops. What is emitted later is dropped and counted.
    /// Blocks up to a bound; call it off the runtime's threads.
    pub fn shutdown(&self) {
        // The worker delivers all that waits before it ends.
        self.inner.pipeline.stop();
        self.inner.worker.join(PATIENCE);
        if let Some(lines) = &self.inner.lines {
            lines.stop(PATIENCE);
        }
        // It has nothing to flush: its spans are in the pipeline.
        drop(self.inner.tracers.shutdown());
    }

    /// Whether `OTEL_SDK_DISABLED` says that nothing is to be traced, measured or exported.
    pub(crate) fn is_disabled(&self) -> bool {
        self.inner.is_disabled
    }

    /// Begins a span of facts within `parent`.
    pub(crate) fn begin_span(&self, parent: &Context, facts: Facts) -> Arc<FactSpan> {
        self.inner.maker.begin(parent, facts)
    }

    /// Whether the line of a request that ends so is wanted.
    pub(crate) fn logs_requests(&self, severity: SeverityNumber) -> bool {
        if severity >= SeverityNumber::ERROR {
            self.inner.wanted.errors
        } else {
            self.inner.wanted.answers
        }
    }

    /// Takes a finished span of facts, and writes the line that goes with it.
    pub(crate) fn emit(&self, record: FactRecord) {
        let inner = &self.inner;
        if let Some(lines) = &inner.lines
            && let Some(log) = record.to_log(&inner.resource)
        {
            lines.line(|out| log.write_line(out));
        }
        inner.maker.emit(record);
    }

    pub(crate) fn dispatch(&self) -> &Dispatch {
        &self.inner.dispatch
    }

    pub(crate) fn server_metrics(&self) -> &ServerMetrics {
        &self.inner.server
    }

    pub(crate) fn client_metrics(&self) -> &ClientMetrics {
        &self.inner.client
    }
}

impl Inner {
    fn flush(&self) {
        self.pipeline.flush(PATIENCE);
        if let Some(lines) = &self.lines {
            lines.flush(PATIENCE);
        }
    }
}

impl Drop for Inner {
    /// The worker ends by itself; nobody waits for it here.
    fn drop(&mut self) {
        self.pipeline.stop();
    }
}

fn start_lines(
    output: LogOutput,
    service: &str,
    dropped: &Dropped,
) -> Result<Option<Arc<LogWriter>>, StartError> {
    let writer = match output {
        LogOutput::Stdout => LogWriter::start(service, std::io::stdout(), dropped.clone())?,
        LogOutput::Stderr => LogWriter::start(service, std::io::stderr(), dropped.clone())?,
        LogOutput::Nowhere => return Ok(None),
    };
    Ok(Some(Arc::new(writer)))
}

/// Spans are made in any case, for their ids; they are kept only if somebody takes them.
fn tracer_provider(resource: &Resource, pipeline: Option<Arc<Pipeline>>) -> SdkTracerProvider {
    let provider = SdkTracerProvider::builder().with_resource(resource.to_sdk());
    match pipeline {
        Some(pipeline) => provider
            .with_span_processor(SpanQueue::new(pipeline))
            .build(),
        None => provider.build(),
    }
}

fn is_span(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.is_span()
}

/// Events do not become span events: the log has them. Exceptions do, by the log layer.
fn dispatch(
    filter: EventFilter,
    tracers: &SdkTracerProvider,
    logs: LogLayer,
    maker: Option<SpanMaker>,
) -> Dispatch {
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracers.tracer(env!("CARGO_PKG_NAME")))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_level(false)
        .with_filter(filter_fn(is_span));
    Dispatch::new(
        tracing_subscriber::registry()
            .with(filter)
            .with(spans)
            .with(logs)
            .with(maker),
    )
}
