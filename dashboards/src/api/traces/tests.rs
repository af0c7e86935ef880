//! The routes as a client asks them, over a store in a folder of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use watchfire_logsearch::{Config, Entry, EventStore};
use watchfire_schemas::{BatchSeq, Clock, ManualClock, Span};

use super::super::problem::Problem;
use super::super::schemas::tests::check;
use super::*;
use crate::gallery::samples;

struct House {
    routes: Router,
    trace: String,
    spans: Vec<Span>,
    _dir: tempfile::TempDir,
}

/// The sample trace and forty quick spans besides, half of them in a split.
async fn house() -> House {
    let now = samples::now();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(now));
    let dir = tempfile::tempdir().unwrap();
    let mut registry = prometheus_client::registry::Registry::default();
    let config = Config::default();
    let events = EventStore::open(dir.path(), config, Arc::clone(&clock), &mut registry).unwrap();
    let spans = samples::trace();
    events.append(BatchSeq(1), Entry::Spans(spans.clone()));
    events.close().await;
    let quick = (1..=40_u8).map(|n| {
        let mut span = spans[0].clone();
        span.trace_id = watchfire_schemas::TraceId::from_bytes([n; 16]).unwrap();
        span.name = "GET /quick".to_owned();
        span.start = now - Duration::from_secs(u64::from(n));
        span.end = span.start + Duration::from_micros(700);
        span.status = watchfire_schemas::SpanStatus::Unset;
        span.attributes.insert("shard".to_owned(), json!("b"));
        span
    });
    events.append(BatchSeq(2), Entry::Spans(quick.collect()));
    let traces = Events { events, clock };
    House {
        routes: router::<Events>().with_state(traces),
        trace: spans[0].trace_id.to_string(),
        spans,
        _dir: dir,
    }
}

impl House {
    async fn ask(&self, path: &str) -> axum::response::Response {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.routes.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.ask(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let body = axum::body::to_bytes(response.into_body(), 1 << 22).await;
        serde_json::from_slice(&body.unwrap()).unwrap()
    }

    /// What is complained about.
    async fn refused(&self, path: &str) -> Value {
        let response = self.ask(path).await;
        assert!(response.status().is_client_error(), "{path}");
        let problem = response.extensions().get::<Problem>().unwrap();
        serde_json::from_str(&problem.body_with("ab")).unwrap()
    }
}

#[tokio::test]
async fn spans_are_found_and_gathered_by_trace() {
    let house = house().await;
    let page = house.get("/api/v1/traces?q=service:gateway&limit=5").await;
    check("span_page.v1", &page);
    assert_eq!(page["traces"].as_array().unwrap().len(), 5);
    let cursor = page["next"].as_str().unwrap();
    let rest = house
        .get(&format!(
            "/api/v1/traces?q=service:gateway&cursor={cursor}&limit=1000"
        ))
        .await;
    check("span_page.v1", &rest);
    let traces = rest["traces"].as_array().unwrap().iter();
    let spans: usize = traces
        .map(|one| one["spans"].as_array().unwrap().len())
        .sum();
    assert_eq!(page["total_spans"], json!(spans + 5));
    let unknown = house.get("/api/v1/traces?q=servce:gateway").await;
    let hint = unknown["hints"][0].as_str().unwrap();
    assert!(hint.contains("did you mean service"), "{hint}");
}

#[tokio::test]
async fn a_pipe_makes_a_table_of_spans() {
    let house = house().await;
    let page = house
        .get("/api/v1/traces?q=shard:b+%7C+count+by+name,root")
        .await;
    check("span_page.v1", &page);
    assert_eq!(page["table"]["columns"], json!(["name", "root", "count"]));
    assert_eq!(page["table"]["rows"], json!([["GET /quick", true, 40]]));
    assert_eq!(page["total_spans"], 40);
    let hist = house
        .get("/api/v1/traces?q=shard:b+%7C+hist+duration+by+500us")
        .await;
    assert_eq!(hist["table"]["rows"], json!([["500us", 40]]));
    let refused = house
        .refused("/api/v1/traces?q=%7C+count&cursor=1_1-1")
        .await;
    assert_eq!(refused["parameter"], "cursor");
}

#[tokio::test]
async fn one_trace_comes_whole_and_as_an_outline() {
    let house = house().await;
    let whole = house.get(&format!("/api/v1/traces/{}", house.trace)).await;
    check("trace.v1", &whole);
    assert_eq!(whole["total_spans"], json!(house.spans.len()));
    assert_eq!(whole["duplicate_span_ids"], json!([]));
    let outline = house
        .get(&format!("/api/v1/traces/{}/outline", house.trace))
        .await;
    check("trace_outline.v1", &outline);
    let count = outline["spans"].as_array().unwrap().len();
    assert_eq!(count, house.spans.len());
    let id = "0123456789abcdef0123456789abcdef";
    for path in [
        format!("/api/v1/traces/{id}"),
        format!("/api/v1/traces/{id}/outline"),
    ] {
        let missing = house.refused(&path).await;
        assert_eq!(missing["status"], 404);
    }
    let bad = house.refused("/api/v1/traces/xyz").await;
    assert_eq!(bad["parameter"], "trace_id");
}

#[tokio::test]
async fn figures_scatter_and_comparison() {
    let house = house().await;
    let groups = house.get("/api/v1/traces/groups?limit=1").await;
    check("span_groups.v1", &groups);
    let first = &groups["groups"][0];
    assert_eq!(
        first["values"],
        json!({"service": "gateway", "name": "GET /quick"})
    );
    assert_eq!(
        (&first["spans"], &first["max_ms"]),
        (&json!(40), &json!(0.7))
    );
    assert_eq!(groups["other_spans"], json!(house.spans.len()));

    let scatter = house.get("/api/v1/traces/scatter?last=1h&columns=10&rows=5&outliers=3");
    let scatter = scatter.await;
    check("span_scatter.v1", &scatter);
    let cells = scatter["cells"].as_array().unwrap().iter();
    let spans: u64 = cells.filter_map(|cell| cell["spans"].as_u64()).sum();
    assert_eq!(scatter["total_spans"], json!(spans));
    assert_eq!(scatter["rows"].as_array().unwrap().len(), 5);

    let comparison = house.get("/api/v1/traces/comparison?region=duration:%3C1ms");
    let comparison = comparison.await;
    check("span_comparison.v1", &comparison);
    assert_eq!(comparison["inside"], 40);
    let differences = comparison["differences"].as_array().unwrap().iter();
    let fields: Vec<_> = differences.map(|one| &one["field"]).collect();
    assert!(fields.contains(&&json!("shard")), "{comparison:#}");
    let refused = house.refused("/api/v1/traces/comparison").await;
    assert_eq!(refused["parameter"], "region");
    let refused = house.refused("/api/v1/traces/groups?by=a,b,c,d,e").await;
    assert!(refused["detail"].as_str().unwrap().contains("at most 4"));
}

#[tokio::test]
async fn fields_and_values_of_spans() {
    let house = house().await;
    let fields = house.get("/api/v1/traces/fields?q=shard:b").await;
    check("log_fields.v1", &fields);
    assert_eq!(fields["records"], 40);
    let values = house.get("/api/v1/traces/values?field=name&limit=1").await;
    check("log_values.v1", &values);
    assert_eq!(
        values["values"],
        json!([{"value": "GET /quick", "count": 40}])
    );
    let refused = house.refused("/api/v1/traces/values").await;
    assert_eq!(refused["parameter"], "field");
    let refused = house.refused("/api/v1/traces/scatter?q=(a").await;
    assert_eq!(refused["column"], 3);
}
