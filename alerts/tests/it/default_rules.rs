use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use std::sync::Arc;

use watchfire_alerts::{Alerts, check_rules};

use crate::house::House;

#[test]
fn the_default_pack_is_sound() {
    let (name, text) = Alerts::default_rules();
    assert_eq!(check_rules(&name, &text), []);
}

#[tokio::test]
async fn rules_and_alerts_are_shown_as_prometheus_does() {
    let (_, text) = Alerts::default_rules();
    let house = House::open(&text, 100).await;
    house.step().await;
    let rules = ask(house.shared(), "/prometheus/api/v1/rules?type=alert").await;
    assert_eq!(rules["status"], "success");
    let group = &rules["data"]["groups"][0];
    assert_eq!(
        (&group["name"], &group["file"]),
        (&Value::from("watchfire"), &Value::from("test.yml"))
    );
    let rule = &group["rules"][0];
    assert_eq!(
        (&rule["name"], &rule["type"]),
        (&Value::from("OperationDown"), &Value::from("alerting"))
    );
    assert_eq!(
        (&rule["health"], &rule["state"]),
        (&Value::from("ok"), &Value::from("inactive"))
    );
    let alerts = ask(house.shared(), "/prometheus/api/v1/alerts").await;
    assert!(alerts["data"]["alerts"].is_array());
    let wrong = ask(house.shared(), "/prometheus/api/v1/rules?type=nonsense").await;
    assert_eq!(wrong["errorType"], "bad_data");
}

async fn ask(alerts: Arc<Alerts>, path: &str) -> Value {
    use tower::ServiceExt;
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = watchfire_alerts::http_router(alerts)
        .oneshot(request)
        .await
        .unwrap();
    let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}
