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

/// The main job: from the first failed request to a page, an acknowledgement, recovery and the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_paged_timed_and_closed() {
    let dir = tempfile::tempdir().unwrap();
    let (receiver, captured) = receiver().await;
    let config = dir.path().join("watchfire.toml");
    let key = "k".repeat(32);
    let destinations = format!(
        "[[destination]]\nkind = 'pagerduty'\nname = 'pd'\nrouting_key = '{key}'\nurl = '{receiver}/pagerduty'\n\
         [[destination]]\nkind = 'slack'\nname = 'chat'\nurl = '{receiver}/slack'\n\
         [[destination]]\nkind = 'webhook'\nname = 'hook'\nurl = '{receiver}/webhook'\n"
    );
    std::fs::write(&config, destinations).unwrap();
    let data = dir.path().join("data");
    let config = format!("--config={}", config.display());
    let server = Server::start(&data, &[&config, "--quiet=10s", "--group-wait=1s"]);

    // Half an hour of quiet requests, then total failure.
    let start = SystemClock.now();
    let quiet: Vec<_> = (0..9000_u64)
        .map(|n| span(start - Duration::from_millis(200 * (9000 - n)), n, false))
        .collect();
    for spans in quiet.chunks(1000) {
        send(&server, spans.to_vec()).await;
    }
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

    let id = open["id"].as_str().unwrap();
    let act = server
        .client
        .patch(server.url(&format!("/api/v1/incidents/{id}")));
    let acknowledged = act
        .json(&json!({"acknowledge": true, "by": "ada"}))
        .send()
        .await
        .unwrap();
    assert_eq!(
        acknowledged.status(),
        200,
        "{}",
        acknowledged.text().await.unwrap()
    );

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
    assert!(
        closed["ttr_seconds"].as_f64().unwrap() > 0.0
            && closed["tta_seconds"].as_f64().unwrap() >= 0.0,
        "{closed}"
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    let captured = captured.lock().unwrap().clone();
    let actions: Vec<_> = captured
        .iter()
        .filter(|(kind, _)| kind == "pagerduty")
        .map(|(_, body)| &body["event_action"])
        .collect();
    assert_eq!(actions.first(), Some(&&json!("trigger")), "{captured:?}");
    assert_eq!(actions.last(), Some(&&json!("resolve")), "{captured:?}");
    for kind in ["slack", "webhook"] {
        assert!(
            captured.iter().any(|(to, _)| to == kind),
            "nothing came to {kind}"
        );
    }
    server.stop();
}
