use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use watchfire_schemas::{Clock as _, SystemClock, Timestamp};

use crate::server::Server;

type Captured = Arc<Mutex<Vec<(String, Value)>>>;

async fn capture(
    State(captured): State<Captured>,
    Path(kind): Path<String>,
    Json(body): Json<Value>,
) -> &'static str {
    captured.lock().unwrap().push((kind, body));
    "ok"
}

/// A receiver of notifications; its address and what it got.
async fn receiver() -> (String, Captured) {
    let captured = Captured::default();
    let router = Router::new()
        .route("/{kind}", post(capture))
        .with_state(Arc::clone(&captured));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await });
    tasks.detach_all();
    (address, captured)
}

/// One request to `checkout` as an OTLP/JSON span; a failed one carries its exception.
fn span(at: Timestamp, number: u64, failed: bool) -> Value {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let exception = json!({"name": "exception", "timeUnixNano": at.nanos().to_string(), "attributes": [
        attribute("exception.type", "CardDeclined"), attribute("exception.message", "the bank does not answer"),
    ]});
    json!({
        "traceId": format!("{:032x}", number + 1), "spanId": format!("{:016x}", number + 1), "kind": 2,
        "name": "POST /checkout", "startTimeUnixNano": at.nanos().to_string(),
        "endTimeUnixNano": (at + Duration::from_millis(40)).nanos().to_string(),
        "status": if failed { json!({"code": 2, "message": "the bank does not answer"}) } else { json!({}) },
        "events": if failed { json!([exception]) } else { json!([]) },
    })
}

async fn send(server: &Server, spans: Vec<Value>) {
    let service = json!({"key": "service.name", "value": {"stringValue": "checkout"}});
    let body = json!({"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [{"spans": spans}]}]});
    let response = server
        .client
        .post(server.otlp_url("/v1/traces"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
}

/// Sends 5 requests a second until `until` likes the newest incident; gives it back.
async fn traffic_until(
    server: &Server,
    number: &mut u64,
    failed: bool,
    until: impl Fn(&Value) -> bool,
) -> Value {
    for _ in 0..120 {
        let now = SystemClock.now();
        let at = |n: u64| now - Duration::from_millis(200 * (4 - n));
        send(
            server,
            (0..5).map(|n| span(at(n), *number + n, failed)).collect(),
        )
        .await;
        *number += 5;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let incidents = server.get("/api/v1/incidents").await;
        let newest = incidents["incidents"][0].clone();
        if until(&newest) {
            return newest;
        }
    }
    panic!(
        "not within two minutes: {}",
        server.get("/api/v1/incidents").await
    );
}

fn seconds_between(later: &Value, earlier: Timestamp) -> f64 {
    let later: Timestamp = later
        .as_str()
        .unwrap_or_else(|| panic!("{later} is no time"))
        .parse()
        .unwrap();
    later.seconds_since(earlier)
}

/// A server that pages the receiver, and half an hour of quiet requests in it.
async fn quiet_server(dir: &std::path::Path, receiver: &str) -> Server {
    let config = dir.join("watchfire.toml");
    let key = "k".repeat(32);
    let destinations = format!(
        "[[destination]]\nkind = 'pagerduty'\nname = 'pd'\nrouting_key = '{key}'\nurl = '{receiver}/pagerduty'\n\
         [[destination]]\nkind = 'slack'\nname = 'chat'\nurl = '{receiver}/slack'\n\
         [[destination]]\nkind = 'webhook'\nname = 'hook'\nurl = '{receiver}/webhook'\n"
    );
    std::fs::write(&config, destinations).unwrap();
    let config = format!("--config={}", config.display());
    let server = Server::start(
        &dir.join("data"),
        &[&config, "--quiet=10s", "--group-wait=1s"],
    );
    let start = SystemClock.now();
    let at = |n: u64| start - Duration::from_millis(200 * (9000 - n));
    let quiet: Vec<_> = (0..9000_u64).map(|n| span(at(n), n, false)).collect();
    for spans in quiet.chunks(1000) {
        send(&server, spans.to_vec()).await;
    }
    server
}

async fn acknowledge(server: &Server, id: &str) {
    let act = server
        .client
        .patch(server.url(&format!("/api/v1/incidents/{id}")));
    let answer = act
        .json(&json!({"who": "ada", "status": "acknowledged"}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

/// What came: each destination was told, and the pager first to open and last to close.
fn check_pages(captured: &[(String, Value)]) {
    let to = |kind: &str| {
        captured
            .iter()
            .filter(move |(to, _)| to == kind)
            .map(|(_, body)| body)
            .collect::<Vec<_>>()
    };
    let actions: Vec<_> = to("pagerduty")
        .iter()
        .map(|body| &body["event_action"])
        .collect();
    assert_eq!(actions.first(), Some(&&json!("trigger")), "{captured:?}");
    assert_eq!(actions.last(), Some(&&json!("resolve")), "{captured:?}");
    assert!(
        !to("slack").is_empty() && !to("webhook").is_empty(),
        "{captured:?}"
    );
}

/// The main job: from the first failed request to a page, an acknowledgement, recovery and the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_paged_timed_and_closed() {
    let dir = tempfile::tempdir().unwrap();
    let (receiver, captured) = receiver().await;
    let server = quiet_server(dir.path(), &receiver).await;
    let mut number = 10_000;
    let failure = SystemClock.now();
    let open = traffic_until(&server, &mut number, true, |incident| {
        incident["notified_at"].is_string()
    })
    .await;
    assert!(
        open["title"].as_str().unwrap().contains("checkout"),
        "{open}"
    );
    let onset_error = seconds_between(&open["onset"]["at"], failure);
    assert!(
        onset_error.abs() <= 15.0,
        "onset is {onset_error} s off: {open}"
    );
    assert!(open["ttd_seconds"].as_f64().unwrap() > 0.0, "{open}");
    assert!(
        seconds_between(&open["notified_at"], failure) <= 60.0,
        "{open}"
    );
    assert_eq!(open["exceptions"][0]["type"], "CardDeclined", "{open}");
    acknowledge(&server, open["id"].as_str().unwrap()).await;

    let ended = SystemClock.now();
    let closed = traffic_until(&server, &mut number, false, |incident| {
        incident["status"] == "resolved"
    })
    .await;
    assert_eq!(closed["id"], open["id"]);
    assert!(
        seconds_between(&closed["recovered_at"], ended).abs() <= 30.0,
        "{closed}"
    );
    assert!(closed["ttr_seconds"].as_f64().unwrap() > 0.0, "{closed}");
    assert!(closed["tta_seconds"].as_f64().unwrap() >= 0.0, "{closed}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    check_pages(&captured.lock().unwrap());
    server.stop();
}
