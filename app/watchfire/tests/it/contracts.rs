use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use watchfire_schemas::{Clock as _, SystemClock};

use crate::server::{Server, run};

fn line(order: &Value) -> String {
    json!({"timestamp": SystemClock.now(), "severity": "INFO", "service": {"name": "shop"},
        "message": "placed", "event_name": "order.placed", "order": order})
    .to_string()
}

async fn send(server: &Server, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = server.client.request(method, server.url(path));
    let response = request.body(body.to_string()).send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

fn order(id: &str) -> Value {
    json!({"name": "order", "event_name": "order.placed", "schema": {"$ref": "log_record.v1",
        "properties": {"order": {"properties": {"id": {"type": id}}}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_holds_over_a_restart_and_its_lines_are_replayed_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let schemas = "/api/v1/schemas";
    let (status, registered) = send(&server, Method::POST, schemas, &order("integer")).await;
    assert_eq!(
        (status, &registered["id"]),
        (StatusCode::CREATED, &json!("order.v1"))
    );
    let (status, told) = send(&server, Method::POST, schemas, &order("number?")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let told = told["detail"].as_str().unwrap();
    assert!(
        told.starts_with("1:") && told.contains("/properties/order"),
        "{told}"
    );
    server.stop();

    let server = Server::start(dir.path(), &[]);
    let lines = [
        line(&json!({"id": 1})),
        line(&json!({"id": "a"})),
        line(&json!({"id": null})),
    ];
    let answer = server.ingested(lines.join("\n")).await;
    assert_eq!(
        (&answer["accepted"], &answer["quarantined"]),
        (&json!(1), &json!(2)),
        "{answer}"
    );
    assert_eq!(answer["errors"][0]["path"], "/order/id");
    let of_schema = server.get("/api/v1/schemas/order").await;
    let version = &of_schema["versions"][0];
    assert_eq!(
        version["paths"],
        json!([{"path": "/order/id", "count": 2}]),
        "{version}"
    );
    assert_eq!(version["samples"][0]["value"], "null");

    let (_, fixed) = send(&server, Method::POST, schemas, &order("string")).await;
    assert_eq!(fixed["id"], "order.v2");
    let replay = "/api/v1/quarantine/replay";
    for (replayed, already) in [(1, 0), (0, 1)] {
        let (status, report) =
            send(&server, Method::POST, replay, &json!({"schema": "order"})).await;
        assert_eq!(status, StatusCode::OK, "{report}");
        let counts = ["replayed", "already_replayed", "still_failing"].map(|key| &report[key]);
        assert_eq!(
            counts,
            [&json!(replayed), &json!(already), &json!(1)],
            "{report}"
        );
    }
    let logs = server.all_logs("order.id:a").await;
    assert_eq!(logs.len(), 1, "{logs:?}");
    let path = "/api/v1/schemas/order/2";
    let (status, changed) = send(&server, Method::PATCH, path, &json!({"policy": "reject"})).await;
    assert_eq!(
        (status, &changed["policy"]),
        (StatusCode::OK, &json!("reject"))
    );
    let answer = server.ingested(line(&json!({"id": 1}))).await;
    assert_eq!(answer["rejected"], 1, "{answer}");
    let (status, _) = send(&server, Method::DELETE, path, &json!(null)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let answer = server.ingested(line(&json!({"id": 1}))).await;
    assert_eq!(answer["accepted"], 1, "{answer}");
    server.stop();
}

#[test]
fn schemas_are_checked_with_their_lines() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let schema = write("order.json", order("integer").to_string());
    let lines = write(
        "a.ndjson",
        line(&json!({"id": 5})) + "\n" + &line(&json!({"id": true})),
    );
    let (code, out, _) = run(&["check", "schemas", &schema]);
    assert_eq!(code, Some(0), "{out}");
    let (code, out, _) = run(&["check", "schemas", &schema, "--logs", &lines]);
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("a.ndjson:2:") && out.contains("/order/id: true is not"),
        "{out}"
    );
    let bad = write("bad.json", "{\n \"type\": 1}".to_owned());
    let (code, out, _) = run(&["check", "schemas", &schema, &bad]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("bad.json:2:10: "), "{out}");
    let (code, _, err) = run(&["serve", &format!("--schemas={bad}")]);
    assert_eq!(code, Some(64), "{err}");
}
