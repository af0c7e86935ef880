use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use watchfire_schemas::Contract;

use crate::payments::api::{OPENAPI, ROUTES};

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// Holds a value against a schema of the document.
fn check(document: &Value, schema: &Value, value: &Value, what: &str) {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let contract = Contract::compile(what, &schema.to_string()).unwrap();
    let violations = contract.violations(value);
    assert!(violations.is_empty(), "{what}: {violations:?} in {value}");
}

/// Holds an answer against what the document says of its route and status.
pub(super) fn check_answer(method: &Method, route: &str, status: StatusCode, body: &Value) {
    let document = document();
    let operation = &document["paths"][route][method.as_str().to_lowercase()];
    let answer = resolved(&document, &operation["responses"][status.as_str()]);
    let content = answer["content"].as_object();
    let content = content.unwrap_or_else(|| panic!("{method} {route} has no {status}"));
    let schema = &content.values().next().unwrap()["schema"];
    check(
        &document,
        schema,
        body,
        &format!("{method} {route} {status}"),
    );
}

fn resolved<'d>(document: &'d Value, part: &'d Value) -> &'d Value {
    match part["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => part,
    }
}

fn check_examples(document: &Value, content: &Value, what: &str) -> usize {
    let content = content.as_object().into_iter().flatten();
    let mut seen = 0;
    for media in content.map(|(_, media)| media) {
        for example in media["examples"].as_object().unwrap().values() {
            check(document, &media["schema"], &example["value"], what);
            seen += 1;
        }
    }
    seen
}

#[test]
fn the_examples_keep_their_schemas() {
    let document = document();
    let mut seen = 0;
    for (route, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let what = format!("{method} {route}");
            seen += check_examples(&document, &operation["requestBody"]["content"], &what);
            for answer in operation["responses"].as_object().unwrap().values() {
                let answer = resolved(&document, answer);
                seen += check_examples(&document, &answer["content"], &what);
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn every_route_is_described() {
    let document = document();
    let described = document["paths"].as_object().unwrap().keys();
    let described: BTreeSet<&str> = described.map(String::as_str).collect();
    let offered = ROUTES.iter().copied();
    let offered: BTreeSet<&str> = offered.filter(|&route| route != "/openapi.json").collect();
    assert_eq!(described, offered);
    assert_eq!(document["servers"], json!([{ "url": "/" }]));
}
