use http::Method;
use serde_json::{Value, json};
use watchfire_schemas::Contract;

use super::{Answer, Service, delete, mark, put};
use crate::reminders::api::{OPENAPI, ROUTES};

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// Holds a value against a schema of the document.
fn hold(document: &Value, schema: &Value, value: &Value) {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    let contract = Contract::compile("reminders", &whole.to_string());
    let contract = contract.unwrap_or_else(|error| panic!("{error} in {schema}"));
    let violations = contract.violations(value);
    assert!(
        violations.is_empty(),
        "{violations:?} in {value} by {schema}"
    );
}

/// All members with this name, wherever they are, with what holds them.
fn each<'a>(value: &'a Value, name: &str, found: &mut Vec<(&'a Value, &'a Value)>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if key == name && members.contains_key("schema") {
                    found.push((&value["schema"], member));
                }
                each(member, name, found);
            }
        }
        Value::Array(members) => members.iter().for_each(|member| each(member, name, found)),
        _ => {}
    }
}

/// The schema of an answer.
fn schema<'a>(document: &'a Value, method: &str, route: &str, answer: &Answer) -> &'a Value {
    let status = answer.status.to_string();
    let described = &document["paths"][route][method]["responses"][&status];
    let described = match described["$ref"].as_str() {
        None => described,
        Some(elsewhere) => document.pointer(&elsewhere[1..]).unwrap(),
    };
    assert!(
        described.is_object(),
        "{status} of {method} {route} is not described"
    );
    let kind = answer.header("content-type");
    &described["content"][kind]["schema"]
}

#[test]
fn the_document_names_the_routes_and_its_examples_are_valid() {
    let document = document();
    let mut paths: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut routes = ROUTES.to_vec();
    paths.sort_unstable();
    routes.sort_unstable();
    assert_eq!(paths, routes);
    let mut examples = Vec::new();
    each(&document, "example", &mut examples);
    assert!(examples.len() > 8, "{}", examples.len());
    for (schema, example) in examples {
        hold(&document, schema, example);
    }
}

/// Holds an answer against what the document says of it.
fn check(method: &str, route: &str, status: u16, answer: &Answer) {
    assert_eq!(answer.status, status, "{answer:?}");
    let document = document();
    hold(
        &document,
        schema(&document, method, route, answer),
        &answer.body,
    );
}

#[tokio::test]
async fn what_sending_is_answered_is_as_the_document_says() {
    let service = Service::start().await;
    let wanted = json!({"person": "anna", "device": "phone", "programme": "heart-care"});
    let ask = |body| service.ask(Method::POST, "/v1/sessions", &[], body);
    let session = ask(Some(&wanted)).await;
    check("post", "/v1/sessions", 201, &session);
    let wrong = json!({"person": "anna", "device": "phone", "lifetime_seconds": 0});
    check("post", "/v1/sessions", 422, &ask(Some(&wrong)).await);

    let due = "2026-11-22T07:00:00Z";
    let changes = json!([
        put("a", 0, "r", "one"),
        put("b", 0, "r", "two"),
        mark("c", 0, "r", due, "done"),
        mark("d", 0, "none", due, "done"),
        put("e", 0, "s", "one"),
        delete("f", 0, "s"),
        put("g", 4, "s", "one"),
        delete("h", 0, "t"),
    ]);
    let route = "/v1/sync/send";
    let body = json!({"changes": changes});
    let sent = service.post(route, session.token(), &body).await;
    check("post", route, 200, &sent);
    let results = sent.body["results"].as_array().unwrap();
    let outcomes = results.iter().map(|result| &result["result"]["outcome"]);
    let outcomes: Vec<&str> = outcomes.filter_map(Value::as_str).collect();
    assert_eq!(
        outcomes.join(" "),
        "applied applied_over applied refused applied applied_over kept_deleted unchanged"
    );
    let empty = json!({"changes": []});
    check(
        "post",
        route,
        422,
        &service.post(route, session.token(), &empty).await,
    );
}

#[tokio::test]
async fn what_readers_are_answered_is_as_the_document_says() {
    let service = Service::start().await;
    let phone = service.session("anna", "phone", None).await;
    let due = "2026-11-22T07:00:00Z";
    let changes = json!([
        put("a", 0, "r", "one"),
        put("b", 0, "r", "two"),
        mark("c", 0, "r", due, "done"),
        put("d", 0, "s", "one"),
    ]);
    service.send(&phone, &changes).await;
    let token = service
        .get("/v1/sync/fetch", &phone)
        .await
        .token()
        .to_owned();
    service.send(&phone, &json!([delete("e", 4, "s")])).await;
    let since = format!("/v1/sync/fetch?token={token}");
    for (route, path, status) in [
        ("/v1/sync/fetch", "/v1/sync/fetch", 200),
        ("/v1/sync/fetch", &since, 200),
        ("/v1/sync/fetch", "/v1/sync/fetch?token=x", 410),
        ("/v1/sync/fetch", "/v1/sync/fetch?limit=0", 400),
        ("/v1/reminders/{id}", "/v1/reminders/r", 200),
        ("/v1/reminders/{id}", "/v1/reminders/s", 404),
        (
            "/v1/reminders/{id}/superseded",
            "/v1/reminders/r/superseded",
            200,
        ),
        ("/v1/due", "/v1/due", 200),
        ("/openapi.json", "/openapi.json", 200),
    ] {
        check("get", route, status, &service.get(path, &phone).await);
    }
    let refused = service.get("/v1/sync/fetch", "x").await;
    check("get", "/v1/sync/fetch", 401, &refused);
}
