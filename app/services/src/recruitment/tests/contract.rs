//! The service's `OpenAPI` document, and answers held against it.

use http::Method;
use serde_json::{Value, json};
use watchfire_schemas::{Contract, Documents};

use crate::recruitment::access::RULES;
use crate::recruitment::{OPENAPI, ROUTES};

/// The whole document.
fn document() -> Value {
    serde_json::from_str(OPENAPI).expect("the document is JSON")
}

/// Asserts that an answer is one that the document describes.
pub(super) fn assert_described(
    method: &Method,
    path: &str,
    status: u16,
    content_type: &str,
    body: &Value,
) {
    let document = document();
    let route = route(path.split('?').next().unwrap_or(path));
    let operation = &document["paths"][route][method.as_str().to_lowercase()];
    let response = resolved(&document, &operation["responses"][status.to_string()]);
    assert!(
        response.is_object(),
        "{method} {route} does not tell of {status}: {body}"
    );
    let content = &response["content"];
    let Some(described) = content.as_object() else {
        assert_eq!(*body, Value::Null, "{method} {route} {status} has a body");
        return;
    };
    let essence = content_type.split(';').next().unwrap_or_default();
    let found = described.get(essence);
    let found =
        found.unwrap_or_else(|| panic!("{method} {route} {status} is no {essence}: {body}"));
    if essence.ends_with("json") {
        assert_kept(
            &document,
            &found["schema"],
            body,
            &format!("{method} {route} {status}"),
        );
    }
}

/// The route that a path is of. A fixed one comes before one with a parameter.
fn route(path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').collect();
    let is_of = |route: &str, exact: bool| {
        let names: Vec<&str> = route.split('/').collect();
        let fits = |(name, part): (&&str, &&str)| name == part || (!exact && name.starts_with('{'));
        names.len() == parts.len() && names.iter().zip(&parts).all(fits)
    };
    let find = |exact| ROUTES.iter().find(|route| is_of(route, exact)).copied();
    find(true)
        .or_else(|| find(false))
        .unwrap_or_else(|| panic!("{path} is of no route"))
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(&reference[1..])
            .expect("the reference leads somewhere"),
        None => value,
    }
}

fn assert_kept(document: &Value, schema: &Value, value: &Value, what: &str) {
    let schema = json!({
        "allOf": [schema],
        "components": { "schemas": document["components"]["schemas"] },
    });
    let contract = Contract::build(what, &schema, (None, None), &Documents::default());
    let contract = contract.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(contract.violations(value), [], "{what}: {value}");
}

#[test]
fn the_document_tells_of_each_route_and_of_no_other() {
    let document = document();
    let mut told: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut routes = ROUTES.to_vec();
    told.sort_unstable();
    routes.sort_unstable();
    assert_eq!(told, routes);
    let mut known: Vec<&str> = RULES.iter().map(|(_, route, _)| *route).collect();
    known.extend(["/openapi.json", "/v1/tokens", "/v1/files/{id}"]);
    known.sort_unstable();
    known.dedup();
    assert_eq!(known, routes);
    for (method, route, _) in RULES {
        let operation = &document["paths"][route][method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{method} {route}");
        assert!(operation["security"].is_null(), "{method} {route}");
    }
}

#[test]
fn every_example_keeps_its_schema() {
    let document = document();
    let mut examples = 0;
    let mut check = |media: &Value, what: &str| {
        if !media["example"].is_null() {
            examples += 1;
            assert_kept(&document, &media["schema"], &media["example"], what);
        }
    };
    for (route, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let bodies = operation["requestBody"]["content"]
                .as_object()
                .into_iter()
                .flatten();
            bodies.for_each(|(_, media)| check(media, &format!("{method} {route}")));
            for (status, response) in operation["responses"].as_object().unwrap() {
                let content = resolved(&document, response)["content"].as_object();
                let content = content.into_iter().flatten();
                content.for_each(|(_, media)| check(media, &format!("{method} {route} {status}")));
            }
        }
    }
    assert!(examples > 200, "{examples}");
}
