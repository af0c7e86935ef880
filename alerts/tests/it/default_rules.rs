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

const PARTS: &str = "
groups:
- name: one
  rules:
  - {alert: A, expr: 'calls{}', labels: {team: core}}
  - {record: r, expr: 'calls{}', labels: {team: web}}
- name: two
  limit: 5
  rules:
  - {alert: B, expr: 'calls{}'}
- {name: empty, rules: []}
";

async fn evaluated_once() -> House {
    let house = House::open(PARTS, 100).await;
    house.script.add("calls", 101..105, 1.0);
    house.step().await;
    house
}

/// The groups of an answer with the names of their rules.
async fn names(house: &House, query: &str) -> String {
    let path = format!("/prometheus/api/v1/rules?{query}");
    let answer = ask(house.shared(), &path).await;
    let groups = answer["data"]["groups"].as_array().cloned();
    let told = groups.unwrap_or_default().into_iter().map(|group| {
        let rules = group["rules"].as_array().cloned().unwrap();
        let names: Vec<String> = rules
            .iter()
            .map(|rule| rule["name"].as_str().unwrap().to_owned())
            .collect();
        format!("{}:{}", group["name"].as_str().unwrap(), names.join(","))
    });
    told.collect::<Vec<String>>().join(" ")
}

#[tokio::test]
async fn rules_can_be_asked_for_in_parts() {
    let house = evaluated_once().await;
    let check = async |query: &str, expected: &str| {
        assert_eq!(names(&house, query).await, expected, "{query}");
    };
    check("", "one:A,r two:B").await;
    check("type=record", "one:r").await;
    check("rule_name[]=A&rule_name[]=B", "one:A two:B").await;
    check("rule_group[]=two", "two:B").await;
    check("file[]=other.yml", "").await;
    check("match[]=%7Bteam%3D~%22c.%2B%22%7D", "one:A").await;
    let first = ask(house.shared(), "/prometheus/api/v1/rules?group_limit=1").await;
    let token = first["data"]["groupNextToken"].as_str().unwrap();
    let rest = format!("group_limit=1&group_next_token={token}");
    check(&rest, "two:B").await;
    for wrong in [
        "group_next_token=x",
        "group_limit=-1",
        "match[]=x(",
        "exclude_alerts=x",
    ] {
        let path = format!("/prometheus/api/v1/rules?{wrong}");
        let error = ask(house.shared(), &path).await;
        assert_eq!(error["errorType"], "bad_data", "{wrong}");
    }
}

#[tokio::test]
async fn a_rule_is_shown_with_what_became_of_it() {
    let house = evaluated_once().await;
    let all = ask(house.shared(), "/prometheus/api/v1/rules").await;
    let group = &all["data"]["groups"][0];
    let (alert, record) = (&group["rules"][0], &group["rules"][1]);
    assert_eq!(
        (&alert["type"], &alert["state"]),
        (&"alerting".into(), &"firing".into())
    );
    assert_eq!(alert["alerts"][0]["value"], "4e+00");
    let expected = serde_json::json!({
        "name": "r", "query": "calls{}", "labels": {"team": "web"}, "health": "ok",
        "type": "recording", "evaluationTime": record["evaluationTime"],
        "lastEvaluation": record["lastEvaluation"],
    });
    assert_eq!(*record, expected);
    let at = record["lastEvaluation"].as_str().unwrap();
    assert!(at.starts_with("2001-09-09T01:48:25"), "{at}");
    let quiet = ask(
        house.shared(),
        "/prometheus/api/v1/rules?exclude_alerts=true",
    )
    .await;
    let alerts = &quiet["data"]["groups"][0]["rules"][0]["alerts"];
    assert_eq!(*alerts, serde_json::json!([]));
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
