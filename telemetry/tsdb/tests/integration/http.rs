//! The HTTP API in the shapes of Prometheus.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;
use watchfire_schemas::{Exemplar, LabelSet};
use watchfire_tsdb::{Config, ServerFacts, http_router};

use crate::store::{START, Store, delta, state};

fn router() -> (tempfile::TempDir, Router) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Config::default());
    store.at(100);
    let mut series = delta("events_total", &[(10, 1.0)]);
    series.exemplars.push(Exemplar {
        t: (START + 10) * 1000,
        v: 0.25,
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok(),
        labels: LabelSet::default(),
    });
    store.append(&[
        series,
        state("odd_total", &[(10, f64::INFINITY), (20, 1e-7)]),
    ]);
    (dir, http_router(store.tsdb, ServerFacts::default()))
}

async fn get(router: &Router, path: &str) -> (u16, Value) {
    let request = Request::get(format!("/prometheus/api/v1/{path}"));
    answer(router, request.body(Body::empty()).unwrap()).await
}

async fn answer(router: &Router, request: Request<Body>) -> (u16, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn an_instant_query_is_answered_with_a_vector() {
    let (_dir, router) = router();
    let (status, body) = get(&router, "query?query=odd_total&time=1699999215.5").await;
    let expected = json!({"status": "success", "data": {"resultType": "vector", "result": [
        {"metric": {"__name__": "odd_total", "service": "shop"}, "value": [1_699_999_215.5, "+Inf"]}
    ]}});
    assert_eq!((status, body), (200, expected));
    let (_, body) = get(&router, "query?query=odd_total&time=2023-11-14T22:00:30Z").await;
    assert_eq!(
        body["data"]["result"][0]["value"],
        json!([1_699_999_230, "1e-07"])
    );
    let (_, body) = get(&router, "query?query=1%2B1&time=1").await;
    assert_eq!(
        body["data"],
        json!({"resultType": "scalar", "result": [1, "2"]})
    );
    let (_, body) = get(&router, "query?query=%22a%22&time=1").await;
    assert_eq!(
        body["data"],
        json!({"resultType": "string", "result": [1, "a"]})
    );
}

#[tokio::test]
async fn a_range_query_can_be_posted() {
    let (_dir, router) = router();
    let form = "query=events_total&start=1699999205&end=1699999225&step=10s";
    let request = Request::post("/prometheus/api/v1/query_range")
        .header("content-type", "application/x-www-form-urlencoded");
    let (status, body) = answer(&router, request.body(Body::from(form)).unwrap()).await;
    let values = json!([[1_699_999_215, "1"], [1_699_999_225, "1"]]);
    assert_eq!(status, 200);
    assert_eq!(body["data"]["resultType"], "matrix");
    assert_eq!(body["data"]["result"][0]["values"], values);
}

#[tokio::test]
async fn errors_have_prometheus_types() {
    let (_dir, router) = router();
    let cases = [
        ("query?query=sum(", 400, "bad_data"),
        ("query?query=", 400, "bad_data"),
        ("query?query=up&time=soon", 400, "bad_data"),
        ("query_range?query=up&start=0&end=10", 400, "bad_data"),
        (
            "query_range?query=up&start=0&end=10&step=0",
            400,
            "bad_data",
        ),
        (
            "query_range?query=up&start=10&end=0&step=1",
            400,
            "bad_data",
        ),
        (
            "query_range?query=up&start=0&end=20000&step=1",
            400,
            "bad_data",
        ),
        (
            "query_range?query=up[5m]&start=0&end=10&step=1",
            400,
            "bad_data",
        ),
        (
            "query?query=topk(NaN,events_total)&time=1699999215",
            422,
            "execution",
        ),
        ("query?query=events_total&timeout=0", 503, "timeout"),
        ("series", 400, "bad_data"),
        ("series?match[]=sum(up)", 400, "bad_data"),
        ("labels?limit=-1", 400, "bad_data"),
        ("metadata?limit=x", 400, "bad_data"),
        ("query_exemplars?query=up", 400, "bad_data"),
        ("targets/metadata?metric=events_total", 404, "not_found"),
    ];
    for (path, status, kind) in cases {
        let (found, body) = get(&router, path).await;
        assert_eq!(
            (found, body["errorType"].as_str()),
            (status, Some(kind)),
            "{path}: {body}"
        );
        assert_eq!(body["status"], "error");
    }
}

#[tokio::test]
async fn names_and_values_are_listed() {
    let (_dir, router) = router();
    let cases = [
        ("labels", json!(["__name__", "service"])),
        (
            "label/__name__/values",
            json!(["events_total", "odd_total"]),
        ),
        (
            "label/__name__/values?match[]=odd_total",
            json!(["odd_total"]),
        ),
        ("label/__name__/values?limit=1", json!(["events_total"])),
        ("label/nope/values", json!([])),
        ("label/U__service/values", json!(["shop"])),
        ("label/U___73_ervice/values", json!(["shop"])),
        (
            "series?match[]=odd_total&start=1699999200&end=1699999210",
            json!([{"__name__": "odd_total", "service": "shop"}]),
        ),
        ("series?match[]=odd_total&start=1699999221", json!([])),
        (
            "metadata?metric=odd_total",
            json!({"odd_total": [{"type": "counter", "help": "", "unit": ""}]}),
        ),
        (
            "format_query?query=sum(up)by(job)",
            json!("sum by (job) (up)"),
        ),
    ];
    for (path, expected) in cases {
        let (status, body) = get(&router, path).await;
        assert_eq!((status, &body["data"]), (200, &expected), "{path}");
    }
}

#[tokio::test]
async fn exemplars_are_found_by_the_expression_that_shows_their_series() {
    let (_dir, router) = router();
    let path = "query_exemplars?query=rate(events_total[5m])&start=1699999200&end=1699999300";
    let (_, body) = get(&router, path).await;
    let expected = json!([{
        "seriesLabels": {"__name__": "events_total", "service": "shop"},
        "exemplars": [{
            "labels": {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"},
            "value": "0.25",
            "timestamp": 1_699_999_210,
        }],
    }]);
    assert_eq!(body["data"], expected);
}

#[tokio::test]
async fn what_is_cut_is_said() {
    let (_dir, router) = router();
    for path in [
        "query?query={service=\"shop\"}&time=1699999215&limit=1",
        "query_range?query={service=\"shop\"}&start=1699999215&end=1699999220&step=5&limit=1",
        "series?match[]={service=\"shop\"}&limit=1",
        "label/__name__/values?limit=1",
        "labels?limit=1",
    ] {
        let path = path
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22");
        let (_, body) = get(&router, &path).await;
        assert_eq!(
            body["warnings"],
            json!(["results truncated due to limit"]),
            "{path}: {body}"
        );
    }
    let (_, body) = get(&router, "labels?limit=2").await;
    assert_eq!(body.get("warnings"), None);
}

#[tokio::test]
async fn the_server_tells_of_itself() {
    let (_dir, router) = router();
    let cases = [
        ("status/buildinfo", "/version", json!("3.5.0")),
        ("status/runtimeinfo", "/storageRetention", json!("90d")),
        ("status/flags", "", json!({})),
        ("status/config", "/yaml", json!("")),
        ("status/tsdb?limit=3", "/headStats/numSeries", json!(2)),
        ("status/walreplay", "/current", json!(0)),
        ("alertmanagers", "/activeAlertmanagers", json!([])),
        ("targets", "/activeTargets", json!([])),
        ("scrape_pools", "/scrapePools", json!([])),
    ];
    for (path, pointer, expected) in cases {
        let (status, body) = get(&router, path).await;
        let found = body["data"].pointer(pointer);
        assert_eq!((status, found), (200, Some(&expected)), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_page_reads_only_from_an_origin_we_were_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let facts = ServerFacts {
        allowed_origins: vec!["http://grafana.example".to_owned()],
        ..ServerFacts::default()
    };
    let router = http_router(Store::open(dir.path(), Config::default()).tsdb, facts);
    for (origin, allowed) in [
        ("http://grafana.example", Some("http://grafana.example")),
        ("http://evil.example", None),
    ] {
        let request = Request::options("/prometheus/api/v1/query").header("origin", origin);
        let request = request.body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let header = response.headers().get("access-control-allow-origin");
        assert_eq!(response.status().as_u16(), 204);
        assert_eq!(header.map(|value| value.to_str().unwrap()), allowed);
    }
}
