//! Export to a receiver of OTLP that speaks the real protocol.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use watchfire_telemetry::{LogOutput, StartError, Telemetry};

#[derive(Debug, Default)]
struct Received {
    logs: Vec<ExportLogsServiceRequest>,
    traces: Vec<ExportTraceServiceRequest>,
    metrics: Vec<ExportMetricsServiceRequest>,
    /// How many requests are still to be refused, so that they are sent again.
    to_refuse: usize,
    tokens: usize,
}

#[derive(Debug, Clone, Default)]
struct Receiver(Arc<Mutex<Received>>);

impl Receiver {
    fn lock(&self) -> MutexGuard<'_, Received> {
        self.0.lock().expect("no holder panics")
    }

    /// Whether this request is refused; counts those that carry our token.
    fn refuses(&self, token: Option<&[u8]>) -> bool {
        let mut received = self.lock();
        received.tokens += usize::from(token == Some(b"s3cret"));
        let is_refused = received.to_refuse > 0;
        received.to_refuse -= usize::from(is_refused);
        is_refused
    }

    fn refusal<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let token = request.metadata().get("x-token");
        if self.refuses(token.map(tonic::metadata::MetadataValue::as_bytes)) {
            return Err(Status::unavailable("later"));
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.refusal(&request)?;
        self.lock().logs.push(request.into_inner());
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.refusal(&request)?;
        self.lock().traces.push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.refusal(&request)?;
        self.lock().metrics.push(request.into_inner());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// Takes the body as a message of the kind that the path names.
fn take<M: Message + Default>(
    receiver: &Receiver,
    headers: &HeaderMap,
    body: Bytes,
    keep: fn(&mut Received, M),
) -> StatusCode {
    if receiver.refuses(
        headers
            .get("x-token")
            .map(axum::http::HeaderValue::as_bytes),
    ) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    if headers
        .get("content-type")
        .is_none_or(|kind| kind != "application/x-protobuf")
    {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    match M::decode(body) {
        Ok(message) => {
            keep(&mut receiver.lock(), message);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// A receiver on a runtime of its own, so that the service may block.
fn serve(protocol: &str, receiver: Receiver) -> (Runtime, String) {
    let runtime = Runtime::new().expect("a runtime");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it can");
    let entered = runtime.enter();
    let listener = TcpListener::from_std(listener).expect("it is ready");
    drop(entered);
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    if protocol == "grpc" {
        let server = tonic::transport::Server::builder()
            .add_service(LogsServiceServer::new(receiver.clone()))
            .add_service(TraceServiceServer::new(receiver.clone()))
            .add_service(MetricsServiceServer::new(receiver));
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    } else {
        let router = axum::Router::new()
            .route(
                "/v1/logs",
                post(async |State(receiver), headers, body| {
                    take(&receiver, &headers, body, |r, m| r.logs.push(m))
                }),
            )
            .route(
                "/v1/traces",
                post(async |State(receiver), headers, body| {
                    take(&receiver, &headers, body, |r, m| r.traces.push(m))
                }),
            )
            .route(
                "/v1/metrics",
                post(async |State(receiver), headers, body| {
                    take(&receiver, &headers, body, |r, m| r.metrics.push(m))
                }),
            )
            .with_state(receiver);
        runtime.spawn(async move { axum::serve(listener, router).await });
    }
    (runtime, address)
}

fn start(protocol: &str, address: &str) -> Result<Telemetry, StartError> {
    Telemetry::service("payments")
        .version("1.2.3")
        .instance("i-1")
        .log_output(LogOutput::Nowhere)
        .filter("trace")
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        .variable("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "x-token=s3cret")
        .variable("OTEL_EXPORTER_OTLP_TIMEOUT", "2000")
        .start()
}

fn strings(attributes: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |value: &AnyValue| match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        other => format!("{other:?}"),
    };
    attributes
        .iter()
        .map(|pair| {
            (
                pair.key.as_str(),
                pair.value.as_ref().map(text).unwrap_or_default(),
            )
        })
        .collect()
}

fn emit(telemetry: &Telemetry) {
    telemetry.in_scope(|| {
        let span = tracing::info_span!("capture", order.id = 7);
        span.in_scope(|| {
            tracing::error!(
                event_name = "capture.failed",
                "exception.type" = "Timeout",
                "exception.message" = "no answer",
                tries = 3,
                "capture failed"
            );
        });
        tracing::info!("the last line");
    });
}

fn check_logs(received: &Received) {
    assert!(
        received
            .logs
            .iter()
            .all(|request| request.resource_logs.len() == 1)
    );
    let resource = received.logs[0].resource_logs[0]
        .resource
        .as_ref()
        .expect("it is there");
    assert_eq!(strings(&resource.attributes)["service.name"], "payments");
    let scopes = received
        .logs
        .iter()
        .flat_map(|request| &request.resource_logs[0].scope_logs);
    let records: Vec<_> = scopes.flat_map(|scope| &scope.log_records).collect();
    assert_eq!(
        records.len(),
        2,
        "what the exporters say never enters: {records:#?}"
    );
    let failed = records[0];
    let attributes = strings(&failed.attributes);
    assert_eq!(
        (failed.severity_number, failed.event_name.as_str()),
        (17, "capture.failed")
    );
    assert_eq!(
        failed.body.as_ref().expect("it is there").value,
        Some(Value::StringValue("capture failed".to_owned()))
    );
    assert_eq!(
        (
            attributes["exception.type"].as_str(),
            attributes["tries"].as_str()
        ),
        ("Timeout", "Some(IntValue(3))")
    );
    assert!(
        !attributes.contains_key("service.version"),
        "the resource says it"
    );
    let span = &received.traces[0].resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(
        (span.name.as_str(), span.events[0].name.as_str()),
        ("capture", "exception")
    );
    assert_eq!(
        (&failed.trace_id, &failed.span_id),
        (&span.trace_id, &span.span_id)
    );
}

fn check_metrics(received: &Received) {
    let last = received.metrics.last().expect("it is there");
    let metrics = &last.resource_metrics[0].scope_metrics[0].metrics;
    let find = |name: &str| {
        metrics
            .iter()
            .find(|metric| metric.name == name)
            .and_then(|metric| metric.data.as_ref())
    };
    let Some(Data::Sum(dropped)) = find("watchfire_telemetry_dropped") else {
        panic!("{metrics:#?}")
    };
    assert!(dropped.is_monotonic);
    assert!(
        dropped
            .data_points
            .iter()
            .all(|point| point.start_time_unix_nano > 0
                && point.start_time_unix_nano <= point.time_unix_nano)
    );
    assert!(matches!(find("process_open_fds"), Some(Data::Gauge(_))));
    let Some(Data::Histogram(calls)) = find("http_client_request_duration_seconds") else {
        panic!("{metrics:#?}")
    };
    let call = &calls.data_points[0];
    assert_eq!((call.count, call.bucket_counts.iter().sum::<u64>()), (1, 1));
    assert_eq!(
        call.explicit_bounds,
        watchfire_telemetry::HTTP_DURATION_BUCKETS
    );
    assert_eq!(call.exemplars[0].trace_id.len(), 16);
}

fn check(protocol: &str) {
    let receiver = Receiver::default();
    receiver.lock().to_refuse = 1;
    let (_runtime, address) = serve(protocol, receiver.clone());
    let telemetry = start(protocol, &address).expect("it is there");
    emit(&telemetry);
    let call = telemetry.client_call(&axum::http::Method::GET, "http://ledger/");
    let answer = async |_| Ok::<_, String>(StatusCode::OK);
    let sent = call.send(answer, |status| *status);
    Runtime::new()
        .expect("it is there")
        .block_on(sent)
        .expect("it is there");
    telemetry.shutdown();
    let seen = receiver.lock();
    check_logs(&seen);
    check_metrics(&seen);
    assert!(
        seen.tokens >= 4,
        "each request carries the headers asked for, the repeated one too"
    );
    assert!(
        !telemetry
            .exposition()
            .lines()
            .any(|line| line.contains("dropped_total{") && !line.ends_with(" 0"))
    );
}

#[test]
fn all_signals_go_by_grpc() {
    check("grpc");
}

#[test]
fn all_signals_go_by_http() {
    check("http/protobuf");
}

#[test]
fn a_dead_receiver_costs_records_and_bounded_time() {
    for protocol in ["grpc", "http/protobuf"] {
        // Nothing listens there: the port is taken and given back.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let telemetry = start(protocol, &address).unwrap();
        emit(&telemetry);
        let began = tokio::time::Instant::now();
        telemetry.shutdown();
        assert!(
            began.elapsed() < Duration::from_secs(12),
            "{:?}",
            began.elapsed()
        );
        let lost = r#"dropped_total{signal="logs",reason="export_failed"} 2"#;
        assert!(
            telemetry.exposition().contains(lost),
            "{protocol}: {}",
            telemetry.exposition()
        );
    }
}

#[test]
fn settings_that_cannot_work_are_refused_at_the_start() {
    let error = start("carrier/pigeon", "http://localhost:4318").unwrap_err();
    let expected = r#"the exporter for http://localhost:4318 could not be made: the protocol "carrier/pigeon" is neither grpc nor http/protobuf"#;
    assert_eq!(error.to_string(), expected);
    assert!(start("grpc", "https://localhost:4317").is_err());
}

#[tokio::test]
async fn a_service_may_start_and_stop_within_a_runtime() {
    for protocol in ["grpc", "http/protobuf"] {
        let receiver = Receiver::default();
        let (runtime, address) = serve(protocol, receiver.clone());
        let telemetry = start(protocol, &address).unwrap();
        telemetry
            .scope(async { tracing::info!("from a task") })
            .await;
        tokio::task::spawn_blocking(move || telemetry.shutdown())
            .await
            .unwrap();
        assert_eq!(receiver.lock().logs.len(), 1, "{protocol}");
        runtime.shutdown_background();
    }
}
