use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use tokio::sync::mpsc;

use super::*;
use crate::alert_state::{AlertStates, TrackedAlert};
use crate::rules::read_rules;
use crate::{AlertInstance, AlertState};

const PATIENCE: Duration = Duration::from_mins(1);

type Inbox = mpsc::UnboundedSender<Value>;

/// An Alertmanager that answers 503 first, and its address.
async fn alertmanager() -> (String, mpsc::UnboundedReceiver<Value>) {
    let (to, inbox) = mpsc::unbounded_channel();
    let router = Router::new()
        .route("/prefix/api/v2/alerts", post(take))
        .with_state((to, Arc::new(Mutex::new(0))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await });
    tasks.detach_all();
    (format!("http://user:hushhush@{address}/prefix/"), inbox)
}

async fn take(
    State((to, asked)): State<(Inbox, Arc<Mutex<u32>>)>,
    body: axum::Json<Value>,
) -> StatusCode {
    let mut asked = asked.lock().unwrap();
    *asked += 1;
    if *asked == 1 {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    to.send(body.0).unwrap();
    StatusCode::OK
}

fn board(key: &str, resolved_at: Option<Timestamp>) -> Board {
    let labels = LabelSet::new([("alertname", "Down"), ("job", "a")]);
    let alert = AlertInstance {
        rule: "Down".to_owned(),
        labels: labels.clone(),
        annotations: LabelSet::new([("summary", "a is down")]),
        state: match resolved_at {
            None => AlertState::Firing,
            Some(_) => AlertState::Inactive,
        },
        value: 0.0,
        active_at: Timestamp::from_secs(100),
        fired_at: Some(Timestamp::from_secs(160)),
        kept_since: None,
        resolved_at,
    };
    let states = AlertStates::from([(labels, TrackedAlert { alert })]);
    Board::restored(BTreeMap::from([(key.to_owned(), states)]))
}

#[tokio::test]
async fn an_alertmanager_is_told_what_fires_and_what_is_over() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let (url, mut inbox) = alertmanager().await;
    let mut registry = Registry::default();
    let peers = Alertmanagers::open(&[url.as_str().into()], &mut registry).unwrap();
    assert!(!format!("{peers:?}").contains("hushhush"));
    let rules = "groups: [{name: g, rules: [{alert: Down, expr: up == 0}]}]";
    let group = read_rules("r.yml", rules).unwrap().remove(0);
    let outside = LabelSet::new([("region", "eu"), ("job", "other")]);
    let frame = Frame {
        external_url: "http://fire.example",
        external_labels: &outside,
    };
    let every = Duration::from_secs(30);
    let second = Timestamp::from_secs;
    let cancel = CancellationToken::new();
    let (peers, told) = (Arc::new(peers), cancel.clone());
    let mut tasks = JoinSet::new();
    let running = Arc::clone(&peers);
    tasks.spawn(async move { running.run(told).await });

    peers.tell(&board("g/Down", None), &group, (second(160), every), frame);
    let first = tokio::time::timeout(PATIENCE, inbox.recv()).await.unwrap();
    assert_eq!(
        first.unwrap(),
        serde_json::json!([{
            "labels": {"alertname": "Down", "job": "a", "region": "eu"},
            "annotations": {"summary": "a is down"},
            "startsAt": "1970-01-01T00:02:40Z",
            "endsAt": "1970-01-01T00:06:40Z",
            "generatorURL": "http://fire.example/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        }])
    );
    let over = board("g/Down", Some(second(190)));
    peers.tell(&over, &group, (second(190), every), frame);
    let last = tokio::time::timeout(PATIENCE, inbox.recv()).await.unwrap();
    let last = last.unwrap();
    assert_eq!(last[0]["startsAt"], "1970-01-01T00:02:40Z");
    assert_eq!(last[0]["endsAt"], "1970-01-01T00:03:10Z");
    cancel.cancel();
    while tasks.join_next().await.is_some() {}
}

#[test]
fn an_address_that_is_none_is_refused_without_telling_it() {
    let urls = ["ftp://hushhush".into()];
    let error = Alertmanagers::open(&urls, &mut Registry::default()).unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(
        told.contains("http or https") && !told.contains("hushhush"),
        "{told}"
    );
}
