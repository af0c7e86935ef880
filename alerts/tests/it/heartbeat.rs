use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::house::House;

const RULES: &str =
    "groups: [{name: g, rules: [{alert: Watchdog, expr: 'calls{}', labels: {severity: info}}]}]";
const PATIENCE: Duration = Duration::from_mins(1);

/// An address outside, and what it hears.
async fn listener(tasks: &mut JoinSet<()>) -> (String, mpsc::UnboundedReceiver<()>) {
    let (heard, inbox) = mpsc::unbounded_channel();
    let router = Router::new()
        .route("/ping/hushhush", post(hear))
        .with_state(heard);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ping/hushhush", listener.local_addr().unwrap());
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, inbox)
}

async fn hear(State(heard): State<mpsc::UnboundedSender<()>>) {
    heard.send(()).unwrap();
}

#[tokio::test]
async fn a_sign_of_life_is_given_only_once_rules_are_evaluated() {
    let mut tasks = JoinSet::new();
    let (url, mut inbox) = listener(&mut tasks).await;
    let mut house = House::open(RULES, 100).await;
    house.heartbeat = Some(url);
    house.restart().await;
    assert!(inbox.try_recv().is_err());
    house.step().await;
    let heard = tokio::time::timeout(PATIENCE, inbox.recv()).await;
    assert_eq!(heard.unwrap(), Some(()));
}
