//! A service's pipeline into a collector in the same process.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::routing::{get, post};
use tokio::sync::mpsc;
use tower::ServiceExt;
use tracing::Instrument;
use watchfire_schemas::{
    Batch, Contract, LogRecord, ManualClock, SeriesSamples, SeverityNumber, Span, SpanKind,
    SpanStatus, Timestamp,
};
use watchfire_telemetry::{LogOutput, RequestId, Telemetry};

/// What the collector received.
#[derive(Debug, Default)]
struct Received {
    logs: Vec<LogRecord>,
    spans: Vec<Span>,
    series: Vec<SeriesSamples>,
}

impl Received {
    fn drain(batches: &mut mpsc::Receiver<Batch>) -> Self {
        let mut received = Self::default();
        while let Ok(batch) = batches.try_recv() {
            match batch {
                Batch::Logs(logs) => received.logs.extend(logs),
                Batch::Spans(spans) => received.spans.extend(spans),
                Batch::Metrics(series) => received.series.extend(series),
            }
        }
        received
    }

    fn log(&self, message: &str) -> &LogRecord {
        let found = self.logs.iter().find(|log| log.message == message);
        found.unwrap_or_else(|| panic!("no {message:?} in {:#?}", self.logs))
    }

    fn span(&self, name: &str) -> &Span {
        let found = self.spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no {name:?} in {:#?}", self.spans))
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let fits = |series: &&SeriesSamples| {
            series.labels.name() == name
                && labels
                    .iter()
                    .all(|(key, value)| series.labels.get(key) == Some(value))
        };
        Some(self.series.iter().find(fits)?.samples.first()?.v)
    }
}

fn started(name: &str) -> (Telemetry, mpsc::Receiver<Batch>) {
    let (collector, batches) = mpsc::channel(64);
    let telemetry = Telemetry::service(name)
        .version("1.2.3")
        .environment("test")
        .instance("i-1")
        .log_output(LogOutput::Nowhere)
        .filter("info")
        .hand_over(collector)
        .start()
        .expect("the pipeline starts");
    (telemetry, batches)
}

#[derive(Debug, thiserror::Error)]
#[error("capture failed")]
struct CaptureFailed {
    #[source]
    source: std::fmt::Error,
}

#[test]
fn an_event_becomes_a_record_under_contract() {
    let (collector, mut batches) = mpsc::channel(8);
    let at: Timestamp = "2026-11-22T05:57:27.5Z".parse().unwrap();
    let telemetry = Telemetry::service("payments")
        .version("1.2.3")
        .log_output(LogOutput::Nowhere)
        .hand_over(collector)
        .clock(Arc::new(ManualClock::at(at)))
        .start()
        .unwrap();
    telemetry.in_scope(|| {
        let error = CaptureFailed {
            source: std::fmt::Error,
        };
        tracing::error!(
            error = &error as &(dyn Error + 'static),
            order.id = 7,
            ratio = f64::NAN,
            severity = "FATAL",
            trace_id = "mine",
            "http.response.status_code" = 7,
            "http.route" = 5,
            "capture of order {} failed",
            7
        );
        tracing::info!(
            error = "timeout",
            event_name = "capture.retried",
            "trying again"
        );
        tracing::debug!("not wanted");
        tracing::error!(target: "hyper::client", "never wanted");
    });
    telemetry.flush();
    let received = Received::drain(&mut batches);
    assert_eq!(received.logs.len(), 2, "{received:#?}");

    let failed = received.log("capture of order 7 failed");
    let exception = failed.exception.as_ref().unwrap();
    assert_eq!(exception.kind, "CaptureFailed");
    assert!(
        exception
            .message
            .starts_with("capture failed: an error occurred"),
        "{exception:?}"
    );
    assert_eq!(
        (failed.timestamp, failed.severity),
        (at, SeverityNumber::FATAL)
    );
    assert_eq!(failed.attributes["order.id"], 7);
    assert_eq!(failed.attributes["ratio"], "NaN");
    assert_eq!(failed.attributes["field.trace_id"], "mine");
    assert_eq!(failed.attributes["http.route"], "5");
    assert_eq!(failed.version(), Some("1.2.3"));
    let retried = received.log("trying again");
    assert_eq!(retried.event_name.as_deref(), Some("capture.retried"));
    assert_eq!(
        (retried.attributes["error"].as_str(), &retried.exception),
        (Some("timeout"), &None)
    );

    let contract = Contract::log_record_v1();
    for record in &received.logs {
        let line = serde_json::from_str(&record.to_line()).unwrap();
        assert_eq!(contract.violations(&line), []);
    }
}

#[test]
fn services_of_one_process_do_not_mix() {
    let (one, mut to_one) = started("one");
    let (two, mut to_two) = started("two");
    one.in_scope(|| tracing::info!("from one"));
    two.in_scope(|| tracing::info!("from two"));
    one.shutdown();
    two.shutdown();
    let (one, two) = (Received::drain(&mut to_one), Received::drain(&mut to_two));
    assert_eq!((one.logs.len(), one.logs[0].service.as_str()), (1, "one"));
    assert_eq!(
        (two.logs.len(), two.logs[0].message.as_str()),
        (1, "from two")
    );
}

fn app(telemetry: &Telemetry) -> Router {
    Router::new()
        .route(
            "/places/{id}",
            get(async |id: axum::Extension<RequestId>| id.as_str().to_owned()),
        )
        .route(
            "/panic",
            get(async || -> StatusCode { panic!("the shelf is empty") }),
        )
        .route(
            "/refuse",
            post(async |body: String| (StatusCode::BAD_GATEWAY, body)),
        )
        .layer(telemetry.http_layer())
}

async fn ask(app: &Router, request: Request<Body>) -> (StatusCode, axum::http::HeaderMap, String) {
    let response = app
        .clone()
        .oneshot(request)
        .await
        .expect("a router does not fail");
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("it ends");
    (
        parts.status,
        parts.headers,
        String::from_utf8(body.to_vec()).expect("a text"),
    )
}

async fn flushed(telemetry: &Telemetry, batches: &mut mpsc::Receiver<Batch>) -> Received {
    let telemetry = telemetry.clone();
    tokio::task::spawn_blocking(move || telemetry.flush())
        .await
        .expect("a body");
    Received::drain(batches)
}

#[tokio::test]
async fn a_request_is_seen_as_span_record_and_series() {
    let (telemetry, mut batches) = started("content");
    let app = app(&telemetry);
    let request = Request::get("/places/7?lang=de")
        .header("host", "content:8080")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .header("x-request-id", "r-1")
        .body(Body::empty())
        .unwrap();
    let (status, headers, body) = ask(&app, request).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "r-1"));
    assert_eq!(headers["x-request-id"], "r-1");

    let received = flushed(&telemetry, &mut batches).await;
    let span = received.span("GET /places/{id}");
    assert_eq!(
        span.trace_id.to_string(),
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    assert_eq!(span.parent_span_id.unwrap().to_string(), "00f067aa0ba902b7");
    assert_eq!(
        (span.kind, &span.status),
        (SpanKind::Server, &SpanStatus::Unset)
    );
    assert_eq!(span.attributes["http.response.status_code"], 200);
    assert_eq!(span.attributes["url.query"], "lang=de");
    assert_eq!(span.attributes["server.address"], "content");
    assert_eq!(span.resource["service.version"], "1.2.3");

    let log = received.log("GET /places/{id} answered 200");
    assert_eq!(
        (log.trace_id, log.span_id),
        (Some(span.trace_id), Some(span.span_id))
    );
    assert_eq!(log.attributes["http.route"], "/places/{id}");
    assert_eq!(log.attributes["request.id"], "r-1");
    assert_eq!(log.attributes["http.response.status_code"], 200);

    let labels = [
        ("http_route", "/places/{id}"),
        ("job", "content"),
        ("instance", "i-1"),
    ];
    let name = "http_server_request_duration_seconds";
    assert_eq!(received.value(&format!("{name}_count"), &labels), Some(1.0));
    assert_eq!(
        received.value("http_server_response_body_bytes_total", &labels),
        Some(3.0)
    );
    assert_eq!(
        received.value("http_server_active_requests", &[]),
        Some(0.0)
    );
    let exemplars = received.series.iter().flat_map(|series| &series.exemplars);
    assert!(
        exemplars
            .into_iter()
            .any(|exemplar| exemplar.trace_id == Some(span.trace_id))
    );
}

#[tokio::test]
async fn failures_are_told_once_with_what_is_known() {
    let (telemetry, mut batches) = started("content");
    let app = app(&telemetry);
    let (status, headers, body) =
        ask(&app, Request::get("/panic").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(headers["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap();

    let refuse = Request::post("/refuse").body(Body::from("12345")).unwrap();
    assert_eq!(ask(&app, refuse).await.0, StatusCode::BAD_GATEWAY);
    let unknown = Request::builder()
        .method("BREW")
        .uri("/nothing")
        .body(Body::empty())
        .unwrap();
    assert_eq!(ask(&app, unknown).await.0, StatusCode::NOT_FOUND);

    let received = flushed(&telemetry, &mut batches).await;
    let span = received.span("GET /panic");
    assert_eq!(problem["trace_id"], span.trace_id.to_string());
    assert!(span.is_error());
    assert_eq!(span.events.len(), 1);
    assert_eq!(
        span.events[0].attributes["exception.message"],
        "the shelf is empty"
    );
    let record = received.log("GET /panic panicked: the shelf is empty");
    let exception = record.exception.as_ref().unwrap();
    assert_eq!(exception.kind, "panic");
    assert!(
        exception.stacktrace.contains("hand_over.rs"),
        "{}",
        exception.stacktrace
    );
    assert_eq!(received.log("GET /panic answered 500").exception, None);

    assert_eq!(
        received.log("POST /refuse answered 502").severity,
        SeverityNumber::ERROR
    );
    assert_eq!(
        received.value(
            "http_server_request_body_bytes_total",
            &[("http_route", "/refuse")]
        ),
        Some(5.0)
    );
    assert_eq!(
        received.span("_OTHER").attributes["http.request.method_original"],
        "BREW"
    );
    assert_eq!(received.span("_OTHER").status, SpanStatus::Unset);
}

#[tokio::test]
async fn a_request_given_up_within_a_span_of_its_own_is_not_lost() {
    let (telemetry, mut batches) = started("content");
    let forever = async || {
        let inner = tracing::info_span!("inner");
        std::future::pending::<StatusCode>().instrument(inner).await
    };
    let app = Router::new()
        .route("/slow", get(forever))
        .layer(telemetry.http_layer());
    let request = Request::get("/slow").body(Body::empty()).unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(20), app.oneshot(request))
            .await
            .is_err()
    );
    let received = flushed(&telemetry, &mut batches).await;
    assert_eq!(
        received.span("inner").parent_span_id,
        Some(received.span("GET /slow").span_id)
    );
}

#[tokio::test]
async fn a_request_that_the_client_gives_up_is_told() {
    let (telemetry, mut batches) = started("content");
    let forever = async || std::future::pending::<StatusCode>().await;
    let app = Router::new()
        .route("/slow", get(forever))
        .layer(telemetry.http_layer());
    let request = Request::get("/slow").body(Body::empty()).unwrap();
    let answer = tokio::time::timeout(Duration::from_millis(20), app.oneshot(request)).await;
    assert!(answer.is_err());
    let received = flushed(&telemetry, &mut batches).await;
    let record = received.log("GET /slow was given up by the client");
    assert_eq!(record.trace_id, Some(received.span("GET /slow").trace_id));
    assert_eq!(
        received.value("http_server_active_requests", &[]),
        Some(0.0)
    );
}

#[tokio::test]
async fn a_call_carries_the_trace_to_the_service_it_calls() {
    let (gateway, mut from_gateway) = started("gateway");
    let (content, mut from_content) = started("content");
    let app = app(&content);
    let call = async {
        let call = gateway
            .client_call(&Method::GET, "http://user:secret@content:8080/places/7")
            .template("/places/{id}");
        call.send(
            |headers| async {
                let mut request = Request::get("/places/7").body(Body::empty()).unwrap();
                *request.headers_mut() = headers;
                app.clone().oneshot(request).await
            },
            axum::http::Response::status,
        )
        .await
    };
    gateway.scope(call).await.unwrap();
    let refused = gateway.client_call(&Method::GET, "http://content:8080/");
    let result: Result<StatusCode, &str> = refused
        .send(|_| async { Err("no route to host") }, |status| *status)
        .await;
    assert_eq!(result, Err("no route to host"));

    let sent = flushed(&gateway, &mut from_gateway).await;
    let received = flushed(&content, &mut from_content).await;
    let (client, server) = (
        &sent.span("GET /places/{id}"),
        received.span("GET /places/{id}"),
    );
    assert_eq!(
        (client.kind, client.trace_id),
        (SpanKind::Client, server.trace_id)
    );
    assert_eq!(server.parent_span_id, Some(client.span_id));
    assert_eq!(
        client.attributes["url.full"],
        "http://content:8080/places/7"
    );
    let failed = sent.span("GET");
    assert_eq!(
        failed.status,
        SpanStatus::Error {
            message: "no route to host".to_owned()
        }
    );
    let name = "http_client_request_duration_seconds_count";
    assert_eq!(
        sent.value(name, &[("http_response_status_code", "200")]),
        Some(1.0)
    );
    assert_eq!(
        sent.value(name, &[("error_type", "request_failed")]),
        Some(1.0)
    );
}

#[test]
fn a_collector_that_is_gone_or_full_costs_records_not_the_service() {
    let (telemetry, batches) = started("content");
    drop(batches);
    telemetry.in_scope(|| tracing::info!("nobody hears"));
    telemetry.flush();
    let lost = r#"watchfire_telemetry_dropped_total{signal="logs",reason="collector_closed"} 1"#;
    assert!(
        telemetry.exposition().contains(lost),
        "{}",
        telemetry.exposition()
    );
    telemetry.shutdown();
    telemetry.in_scope(|| tracing::info!("too late"));
    let late = r#"watchfire_telemetry_dropped_total{signal="logs",reason="stopped"} 1"#;
    assert!(
        telemetry.exposition().contains(late),
        "{}",
        telemetry.exposition()
    );

    let (collector, _full) = mpsc::channel(1);
    collector.try_send(Batch::Logs(Vec::new())).unwrap();
    let builder = Telemetry::service("content").log_output(LogOutput::Nowhere);
    let telemetry = builder.hand_over(collector).start().unwrap();
    let began = std::thread::spawn({
        let telemetry = telemetry.clone();
        move || {
            for n in 0..40_000 {
                telemetry.in_scope(|| tracing::info!(n, "flood"));
            }
        }
    });
    began.join().unwrap();
    let full = r#"dropped_total{signal="logs",reason="queue_full"} "#;
    let text = telemetry.exposition();
    let count = text
        .lines()
        .find_map(|line| line.split_once(full))
        .map(|(_, count)| count.parse::<u64>().unwrap());
    assert!(count.is_some_and(|count| count > 20_000), "{count:?}");
}
