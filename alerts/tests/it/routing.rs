//! Alerts on their way to receivers: groups, silences, and alerts that others tell of.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use watchfire_alerts::{
    AlertState, AlertmanagerFile, NewSilence, SilenceMatcher, TimelineKind, http_router,
};
use watchfire_schemas::{Clock as _, LabelSet};

use crate::house::House;
use crate::script::Script;

const RULES: &str = "
groups:
  - name: test
    interval: 1h
    rules:
      - alert: Failing
        expr: exceptions_total{service='content'} > 5
        labels: {severity: critical}
        annotations: {signal: exceptions}
";

const ROUTES: &str = "
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 1m, repeat_interval: 10m}
receivers: [{name: team, webhook_configs: [{url: 'HOOK'}]}]
inhibit_rules: [{source_matchers: [alertname=Down], target_matchers: [alertname=Slow], equal: [job]}]
";

fn file(house: &House) -> AlertmanagerFile {
    AlertmanagerFile {
        path: "alertmanager.yml".into(),
        text: ROUTES.replace("HOOK", &house.receiver.url),
    }
}

/// A house that routes, and where what the rule watches fails from second 4000 on.
async fn routed() -> House {
    let mut house = House::open(RULES, 3990).await;
    house.alertmanager = Some(file(&house));
    house.restart().await;
    house
        .script
        .add("exceptions_total content", 4000..4100, 2.0);
    house
}

/// What the receiver of groups was sent.
fn notices(house: &House) -> Vec<Value> {
    let bodies = house.receiver.bodies().into_iter();
    bodies.filter(|body| body["receiver"] == "team").collect()
}

async fn noticed(house: &House, count: usize) {
    for _ in 0..1_200 {
        if notices(house).len() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{count} were expected: {:#?}", notices(house));
}

async fn ask(
    house: &House,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/alertmanager/api/v2{path}"))
        .header("content-type", "application/json")
        .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
        .unwrap();
    let answer = http_router(house.shared()).oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

async fn post(house: &House, path: &str, body: Value) -> (StatusCode, Value) {
    ask(house, Method::POST, path, Some(body)).await
}

fn silence(house: &House, value: &str) -> NewSilence {
    let now = house.clock.now();
    NewSilence {
        id: None,
        matchers: vec![SilenceMatcher {
            name: "service".to_owned(),
            value: value.to_owned(),
            is_regex: false,
            is_equal: true,
        }],
        starts_at: now,
        ends_at: now + Duration::from_hours(2),
        created_by: "ada".to_owned(),
        comment: "works".to_owned(),
        annotations: BTreeMap::new(),
    }
}

#[tokio::test]
async fn a_group_is_told_once_whatever_restarts() {
    let mut house = routed().await;
    house.step_to(4020).await;
    house.alerts().dispatch().await.unwrap();
    house.restart().await;
    house.clock.advance(Duration::from_secs(15));
    house.alerts().dispatch().await.unwrap();
    noticed(&house, 1).await;
    let notice = notices(&house).remove(0);
    assert_eq!(notice["groupKey"], "{}:{alertname=\"Failing\"}");
    assert_eq!(notice["alerts"][0]["labels"]["service"], "content");
    assert_eq!(notice["externalURL"], "http://watchfire.test/alertmanager");
    let incident = house.incident().await;
    let timeline = incident.timeline.iter();
    assert!(
        timeline
            .clone()
            .any(|told| told.kind == TimelineKind::AlertFiring)
    );

    for _ in 0..3 {
        house.restart().await;
        house.clock.advance(Duration::from_mins(2));
        house.alerts().dispatch().await.unwrap();
    }
    house.clock.advance(Duration::from_mins(6));
    house.alerts().dispatch().await.unwrap();
    noticed(&house, 2).await;
    assert_eq!(
        notices(&house).len(),
        2,
        "once, and when the interval was over"
    );
}

#[tokio::test]
async fn a_silence_holds_the_page_until_it_ends() {
    let house = routed().await;
    let id = house
        .alerts()
        .put_silence(silence(&house, "content"))
        .await
        .unwrap();
    house.step_to(4060).await;
    house.alerts().dispatch().await.unwrap();
    let incident = house.incident().await;
    let held = |incident: &watchfire_alerts::Incident| {
        let texts = incident.timeline.iter().map(|told| told.text.clone());
        texts
            .filter(|text| text.starts_with("nobody is paged"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        held(&incident),
        [format!("nobody is paged: silenced by {id}")]
    );
    assert_eq!(house.receiver.bodies().len(), 0);

    house.alerts().expire_silence(&id).await.unwrap();
    house.step_to(4070).await;
    house.alerts().dispatch().await.unwrap();
    house.clock.advance(Duration::from_mins(1));
    house.alerts().dispatch().await.unwrap();
    noticed(&house, 1).await;
    house.delivered(2).await;
    let incident = house.incident().await;
    assert_eq!(held(&incident).len(), 1);
    assert!(incident.notified_at.is_some());
}

#[tokio::test]
async fn what_others_tell_becomes_an_incident_and_ends() {
    let house = routed().await;
    let now = house.clock.now();
    let down = json!({
        "labels": {"alertname": "Down", "job": "billing", "severity": "critical"},
        "annotations": {"summary": "billing is down"},
        "startsAt": now,
    });
    let heartbeat = json!({"labels": {"alertname": "Watchdog", "severity": "none"}});
    let (status, _) = post(&house, "/alerts", json!([down, heartbeat])).await;
    assert_eq!(status, StatusCode::OK);
    house.alerts().dispatch().await.unwrap();
    let incident = house.incident().await;
    assert_eq!(incident.title, "billing is down");
    assert_eq!(incident.services, ["billing"]);
    assert_eq!(incident.alerts[0].state, AlertState::Firing);

    let (_, listed) = ask(&house, Method::GET, "/alerts?filter=job%3Dbilling", None).await;
    assert_eq!(listed[0]["status"]["state"], "active");
    assert_eq!(listed[0]["receivers"], json!([{"name": "team"}]));

    // Nobody tells of it any more.
    house.clock.advance(Duration::from_mins(6));
    house.alerts().dispatch().await.unwrap();
    house.step().await;
    let incident = house.incident().await;
    assert_eq!(incident.alerts[0].state, AlertState::Inactive);
    let (_, listed) = ask(&house, Method::GET, "/alerts", None).await;
    assert_eq!(listed, json!([]));
}

#[tokio::test]
async fn suppression_says_why() {
    let house = routed().await;
    let alert = |name: &str| json!({"labels": {"alertname": name, "job": "a", "severity": "none"}});
    post(&house, "/alerts", json!([alert("Down"), alert("Slow")])).await;
    let labels = LabelSet::new([("alertname", "Slow"), ("job", "a"), ("service", "x")]);
    let now = house.clock.now();
    let why = house.alerts().suppression(&labels, now);
    let down = LabelSet::new([("alertname", "Down"), ("job", "a"), ("severity", "none")]);
    assert_eq!(why.inhibited_by, [format!("{:016x}", down.fingerprint())]);
    assert!(why.silenced_by.is_empty() && why.muted_by.is_empty());
    assert!(house.alerts().suppression(&down, now).is_empty());
    let id = house
        .alerts()
        .put_silence(silence(&house, "x"))
        .await
        .unwrap();
    let why = house.alerts().suppression(&labels, now);
    assert_eq!(why.silenced_by, [id]);
}

#[tokio::test]
async fn a_configuration_is_replaced_while_it_runs() {
    let house = routed().await;
    house.step_to(4020).await;
    house.alerts().dispatch().await.unwrap();
    let mut other = file(&house);
    other.text = other.text.replace("team", "others");
    house.alerts().reload_routing(&other).await.unwrap();
    let (_, groups) = ask(&house, Method::GET, "/alerts/groups", None).await;
    assert_eq!(groups[0]["receiver"], json!({"name": "others"}));
    other.text = "route: {}".to_owned();
    let error = house.alerts().reload_routing(&other).await.unwrap_err();
    assert!(error.to_string().contains("alertmanager.yml:1:"), "{error}");
    let (_, receivers) = ask(&house, Method::GET, "/receivers", None).await;
    assert_eq!(receivers, json!([{"name": "others"}]));
}

/// Posts and looks at the answer.
async fn refused(house: &House, path: &str, body: Value, status: u16, reason: &str) {
    let (found, answer) = post(house, path, body.clone()).await;
    assert_eq!(found.as_u16(), status, "{body} {answer}");
    assert!(answer.to_string().contains(reason), "{body} {answer}");
}

#[tokio::test]
async fn silences_are_refused_as_alertmanager_does() {
    let house = House::open("groups: []", 0).await;
    let check =
        async |path, body, status, reason| refused(&house, path, body, status, reason).await;
    let valid = json!({
        "matchers": [{"name": "a", "value": "b", "isRegex": false}],
        "startsAt": Script::START, "endsAt": "2999-01-01T00:00:00Z",
        "createdBy": "ada", "comment": "works",
    });
    let without = |key: &str| {
        let mut silence = valid.clone();
        silence.as_object_mut().unwrap().remove(key);
        silence
    };
    let with = |key: &str, value: Value| {
        let mut silence = valid.clone();
        silence[key] = value;
        silence
    };
    for key in ["comment", "createdBy", "endsAt", "matchers", "startsAt"] {
        let reason = format!("{key} in body is required");
        refused(&house, "/silences", without(key), 422, &reason).await;
    }
    check(
        "/silences",
        with("matchers", json!([])),
        422,
        "\"code\":612",
    )
    .await;
    let nameless = json!([{"name": "a", "value": "b"}]);
    check(
        "/silences",
        with("matchers", nameless),
        422,
        "matchers.0.isRegex",
    )
    .await;
    check("/silences", with("startsAt", json!("soon")), 400, "soon").await;
    check(
        "/silences",
        with("endsAt", json!("1999-01-01T00:00:00Z")),
        400,
        "before end",
    )
    .await;
    let unknown = "11111111-1111-4111-8111-111111111111";
    check(
        "/silences",
        with("id", json!(unknown)),
        404,
        "silence not found",
    )
    .await;
    check("/silences", valid.clone(), 200, "silenceID").await;
}

#[tokio::test]
async fn other_requests_are_refused_as_alertmanager_does() {
    let house = House::open("groups: []", 0).await;
    let check =
        async |path, body, status, reason| refused(&house, path, body, status, reason).await;
    let unknown = "11111111-1111-4111-8111-111111111111";
    check("/alerts", json!([{}]), 422, "0.labels in body is required").await;
    check(
        "/alerts",
        json!([{"labels": {}}]),
        400,
        "at least one label pair",
    )
    .await;
    check("/alerts", json!([{"labels": {"a": 1}}]), 422, "0.labels.a").await;
    check("/alerts", json!({}), 400, "parsing alerts body").await;

    let asked = async |path: &str, status: u16| {
        let (found, answer) = ask(&house, Method::GET, path, None).await;
        assert_eq!(found.as_u16(), status, "{path} {answer}");
    };
    asked("/silence/x", 422).await;
    asked(&format!("/silence/{unknown}"), 404).await;
    asked("/silences?filter=x", 400).await;
    asked("/alerts?active=maybe", 422).await;
    asked("/alerts?receiver=(", 400).await;
    asked("/alerts/groups?muted=false", 200).await;
    asked("/receivers", 200).await;
    asked("/status", 200).await;
    asked("/nothing", 404).await;
}
