use http::Method;
use serde_json::json;
use watchfire_schemas::{ChangeKind, LogRecord, SeverityNumber};
use watchfire_services::{Fault, FaultKind};

use crate::stage::Stage;

const POINTS: &str = "/api/points-of-interest?page[size]=2";
const PLACES: &str = "/api/places?page[size]=2";

fn fault(kind: FaultKind) -> Fault {
    Fault::new("content", kind)
}

#[tokio::test]
async fn errors_are_exceptions_of_one_route_and_end() {
    let mut stage = Stage::set().await;
    stage.begin(fault(FaultKind::Errors));
    assert_eq!(stage.get(POINTS).await.status, 500);
    assert_eq!(stage.get(PLACES).await.status, 200);
    let kind = "OpeningHoursError::Number";
    let emitted = stage
        .emitted(|emitted| {
            emitted.exceptions_of(kind).next().is_some()
                && emitted.server_spans("gateway").count() >= 2
        })
        .await;
    let record = emitted.exceptions_of(kind).next().expect("an exception");
    let exception = record.exception.as_ref().expect("an exception");
    assert_eq!(record.service, "content");
    assert!(
        exception
            .message
            .ends_with(": invalid digit found in string"),
        "{}",
        exception.message
    );
    assert!(
        exception
            .stacktrace
            .contains("watchfire_services::content::answer::list"),
        "{}",
        exception.stacktrace
    );
    assert!(
        emitted
            .server_spans("gateway")
            .any(watchfire_schemas::Span::is_error)
    );

    stage.running.faults().end_all();
    assert_eq!(stage.get(POINTS).await.status, 200);
    stage.strike().await;
}

#[tokio::test]
async fn latency_slows_one_statement_and_ends() {
    let mut stage = Stage::set().await;
    stage.begin(fault(FaultKind::Latency));
    assert_eq!(stage.get(PLACES).await.status, 200);
    let slow = |emitted: &crate::stage::Emitted| {
        let millis = |span: &watchfire_schemas::Span| span.duration().as_millis();
        emitted
            .spans_of("content", "SELECT places")
            .any(|span| millis(span) >= 800)
            && emitted
                .spans_of("gateway", "GET /api/places")
                .any(|span| millis(span) >= 800)
            && emitted.logs.iter().any(|record| {
                record.severity == SeverityNumber::WARN
                    && record
                        .message
                        .starts_with("slow statement SELECT places took ")
            })
    };
    stage.emitted(slow).await;
    stage.running.faults().end_all();
    let began = tokio::time::Instant::now();
    assert_eq!(stage.get(PLACES).await.status, 200);
    assert!(began.elapsed().as_millis() < 700);
    stage.strike().await;
}

#[tokio::test]
async fn a_dead_dependency_fails_every_route_and_comes_back() {
    let mut stage = Stage::set().await;
    stage.begin(fault(FaultKind::DependencyDown));
    for path in [PLACES, POINTS, "/api/places/world"] {
        let answer = stage.get(path).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
    let kind = "StoreError::Unreachable";
    let told = |record: &LogRecord| {
        record.service == "gateway" && record.message == "content answered 503 for /api/places"
    };
    let emitted = stage
        .emitted(|emitted| {
            emitted.exceptions_of(kind).count() == 3
                && emitted.server_spans("gateway").count() == 3
                && emitted.server_spans("content").count() == 3
                && emitted.logs.iter().any(told)
        })
        .await;
    let failed = emitted.spans_of("content", "COUNT places").next();
    let failed = failed.expect("a statement");
    assert!(failed.is_error());
    assert_eq!(failed.attributes["error.type"], kind);
    stage.running.faults().end_all();
    assert_eq!(stage.get(PLACES).await.status, 200);
    stage.strike().await;
}

#[tokio::test]
async fn a_bad_deploy_is_told_fails_for_its_input_and_is_rolled_back() {
    let mut stage = Stage::set().await;
    stage.begin(fault(FaultKind::BadDeploy).share(0.5));
    let deploy = stage.changes.recv().await.expect("a change");
    assert_eq!(
        (deploy.kind, deploy.service.as_str()),
        (ChangeKind::Deploy, "content")
    );
    assert_eq!(deploy.version.as_deref(), Some("1.5.0"));

    let places = stage
        .get("/api/places?page[size]=40&fields[places]=name")
        .await;
    let mut statuses = Vec::new();
    for place in places.json["data"].as_array().expect("places") {
        let answer = stage
            .get(&format!(
                "/api/places/{}",
                place["id"].as_str().expect("an id")
            ))
            .await;
        statuses.push(answer.status);
        assert_eq!(
            answer.json["data"]["attributes"]["mapTile"].is_string(),
            answer.status == 200
        );
    }
    let failed = statuses.iter().filter(|status| **status == 500).count();
    assert!((8..32).contains(&failed), "{statuses:?}");
    let kind = "TileOutOfRange";
    let emitted = stage
        .emitted(|emitted| emitted.exceptions_of(kind).count() == failed)
        .await;
    let records = emitted.exceptions_of(kind);
    assert!(
        records
            .into_iter()
            .all(|record| record.attributes["service.version"] == "1.5.0")
    );

    stage.running.faults().end_all();
    let roll_back = stage.changes.recv().await.expect("a change");
    assert_eq!(roll_back.version.as_deref(), Some("1.4.0"));
    for place in places.json["data"].as_array().expect("places") {
        let answer = stage
            .get(&format!(
                "/api/places/{}",
                place["id"].as_str().expect("an id")
            ))
            .await;
        assert_eq!(answer.status, 200);
    }
    stage.strike().await;
}

#[tokio::test]
async fn the_switch_answers_this_machine_only_and_refuses_nonsense() {
    let stage = Stage::set().await;
    let put = async |headers: &[(&str, &str)], body: &str| {
        let json = [("content-type", "application/json")];
        stage
            .send(
                Method::PUT,
                "/admin/faults",
                &[&json[..], headers].concat(),
                body,
            )
            .await
    };
    let slow = r#"{"service":"payments","kind":"latency","share":0.5}"#;
    let answer = put(&[], slow).await;
    let begun = &answer.json["faults"][0];
    assert_eq!(begun["service"], "payments", "{}", answer.text);
    assert_eq!(begun["kind"], "latency");
    assert!(begun["begun_at"].is_string() && begun["ends_at"].is_null());
    let told = stage.get("/admin/faults").await.json;
    assert_eq!(told["faults"], answer.json["faults"]);
    assert_eq!(
        told["services"].as_object().map(serde_json::Map::len),
        Some(6)
    );
    for (body, status, word) in [
        (
            r#"{"service":"payments","kind":"latency","share":2}"#,
            422,
            "/share",
        ),
        (r#"{"service":"orders","kind":"latency"}"#, 422, "/service"),
        (
            r#"{"service":"content","kind":"poison-message"}"#,
            422,
            "/kind",
        ),
        (
            r#"{"service":"content","kind":"earthquake"}"#,
            422,
            "earthquake",
        ),
        (
            r#"{"service":"content","kind":"errors","size":1}"#,
            422,
            "size",
        ),
        ("{", 400, "JSON"),
    ] {
        let answer = put(&[], body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.text.contains(word), "{body}: {}", answer.text);
    }
    assert_eq!(
        put(&[("origin", "https://evil.example")], "{}")
            .await
            .status,
        403
    );
    assert_eq!(put(&[("host", "evil.example")], "{}").await.status, 403);
    let ended = stage.send(Method::DELETE, "/admin/faults", &[], "").await;
    assert_eq!(ended.json["faults"], json!([]));
    let nobody = "/admin/faults?service=orders";
    let answer = stage.send(Method::DELETE, nobody, &[], "").await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(stage.running.faults().current(), []);
    stage.strike().await;
}
