//! What a caller sends along with its context, through a service to what that calls.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::routing::get;
use tokio::sync::mpsc;
use tower::ServiceExt;
use tracing::Instrument;
use watchfire_schemas::{Batch, Span};
use watchfire_telemetry::{LogOutput, Telemetry};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// The headers of a call that a request with these causes, deep within the service, and the spans
/// that were made.
async fn called(came: &[(&'static str, &str)]) -> (HeaderMap, Vec<Span>) {
    let (collector, mut batches) = mpsc::channel(64);
    let telemetry = Telemetry::service("middle")
        .log_output(LogOutput::Nowhere)
        .hand_over(collector)
        .start()
        .expect("the pipeline starts");
    let (calls, mut made) = mpsc::channel(1);
    let caller = telemetry.clone();
    let handler = async move || {
        let call = caller.client_call(&Method::GET, "http://below/");
        let sent = call.send(
            |headers| async {
                drop(calls.send(headers).await);
                Ok::<_, Infallible>(StatusCode::OK)
            },
            |status| *status,
        );
        let Ok(status) = sent.instrument(tracing::info_span!("inner")).await;
        status
    };
    let app = Router::new()
        .route("/", get(handler))
        .layer(telemetry.http_layer());
    let mut request = Request::get("/").body(Body::empty()).expect("a request");
    for (name, value) in came {
        let value = HeaderValue::from_str(value).expect("a header's value");
        request.headers_mut().append(*name, value);
    }
    let response = app.oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    drop(response);
    tokio::task::spawn_blocking(move || telemetry.shutdown())
        .await
        .expect("it stops");
    let mut spans = Vec::new();
    while let Ok(batch) = batches.try_recv() {
        if let Batch::Spans(more) = batch {
            spans.extend(more);
        }
    }
    (made.recv().await.expect("a call"), spans)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().expect("ASCII"))
}

#[tokio::test]
async fn state_and_baggage_reach_a_call_from_an_inner_span() {
    let (headers, spans) = called(&[
        ("traceparent", &format!("00-{TRACE}-{CALLER}-03")),
        ("tracestate", "vendor@@x=1"),
        ("tracestate", "other=2"),
        ("baggage", "tier=gold"),
    ])
    .await;
    let call = spans.iter().find(|span| span.name == "GET").unwrap();
    assert_eq!(
        text(&headers, "traceparent"),
        format!("00-{TRACE}-{}-03", call.span_id)
    );
    assert_eq!(text(&headers, "tracestate"), "vendor@@x=1,other=2");
    assert_eq!(text(&headers, "baggage"), "tier=gold");
    assert_eq!(spans.len(), 3);
    assert!(spans.iter().all(|span| span.trace_id.to_string() == TRACE));
}

#[tokio::test]
async fn a_trace_that_is_not_sampled_goes_on_without_spans() {
    let (headers, spans) = called(&[
        ("traceparent", &format!("00-{TRACE}-{CALLER}-02")),
        ("tracestate", "vendor=1"),
    ])
    .await;
    let parent = text(&headers, "traceparent");
    assert!(parent.starts_with(&format!("00-{TRACE}-")), "{parent}");
    assert!(parent.ends_with("-02"), "{parent}");
    assert!(!parent.contains(CALLER), "{parent}");
    assert_eq!(text(&headers, "tracestate"), "vendor=1");
    assert_eq!(spans, []);
}

#[tokio::test]
async fn without_a_valid_parent_a_new_trace_begins() {
    let (headers, spans) = called(&[
        ("traceparent", &format!("00-{TRACE}-{CALLER}-1")),
        ("tracestate", "vendor=1"),
        ("baggage", "tier=gold"),
    ])
    .await;
    let parent = text(&headers, "traceparent");
    assert!(
        !parent.contains(TRACE) && parent.ends_with("-01"),
        "{parent}"
    );
    assert_eq!(text(&headers, "tracestate"), "");
    assert_eq!(text(&headers, "baggage"), "tier=gold");
    assert_eq!(spans.len(), 3);
    assert!(spans.iter().any(|span| span.parent_span_id.is_none()));
}
