use std::collections::BTreeMap;

use serde_json::{Value, json};
use watchfire_schemas::Contract;

use crate::stage::{Answer, Stage};

/// The content service's `OpenAPI` document, as it serves it.
struct Document {
    whole: Value,
    /// By schema, compiled.
    contracts: BTreeMap<String, Contract>,
}

impl Document {
    async fn of(stage: &Stage) -> Self {
        let answer = stage.get("/api/openapi.json").await;
        assert_eq!(answer.headers["content-type"], "application/json");
        Self {
            whole: answer.json,
            contracts: BTreeMap::new(),
        }
    }

    fn hold(&mut self, schema: &Value, value: &Value, what: &str) {
        let components = &self.whole["components"];
        let contract = self.contracts.entry(schema.to_string());
        let contract = contract.or_insert_with(|| {
            let mut whole = schema.clone();
            whole["components"] = json!({ "schemas": components["schemas"] });
            let compiled = Contract::compile("content", &whole.to_string());
            compiled.unwrap_or_else(|error| panic!("{error} in {schema}"))
        });
        assert_eq!(contract.violations(value), [], "{what}: {value}");
    }

    /// Holds an answer to a GET against what is described of its path and status.
    fn hold_answer(&mut self, path: &str, answer: &Answer) {
        let responses = &self.whole["paths"][path]["get"]["responses"];
        let mut described = &responses[answer.status.to_string()];
        if let Some(elsewhere) = described["$ref"].as_str() {
            described = self.whole.pointer(&elsewhere[1..]).expect("a response");
        }
        assert!(
            described.is_object(),
            "{path}: {} is not described",
            answer.status
        );
        let kind = answer.headers["content-type"].to_str().expect("text");
        let schema = described["content"][kind]["schema"].clone();
        assert!(schema.is_object(), "{path}: {kind} is not described");
        self.hold(&schema, &answer.json, path);
    }
}

/// The examples of the document, each with its schema.
fn examples(value: &Value, found: &mut Vec<(Value, Value)>) {
    let members: Vec<&Value> = match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(members) => members.iter().collect(),
        _ => return,
    };
    if let Some(schema) = value.get("schema") {
        let named = value.get("examples").and_then(Value::as_object);
        let named = named.into_iter().flat_map(|all| all.values());
        let all = value.get("example").into_iter();
        for example in all.chain(named.map(|example| &example["value"])) {
            found.push((schema.clone(), example.clone()));
        }
    }
    for member in members {
        examples(member, found);
    }
}

#[tokio::test]
async fn what_is_answered_is_as_the_document_says() {
    let stage = Stage::set().await;
    let mut document = Document::of(&stage).await;
    let mut found = Vec::new();
    examples(&document.whole, &mut found);
    assert!(found.len() > 200, "{}", found.len());
    for (schema, example) in found {
        document.hold(&schema, &example, "an example");
    }

    let paths = document.whole["paths"].as_object().expect("paths").clone();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for path in paths.keys().filter(|path| path.as_str() != "/openapi.json") {
        let resource = path.split('/').nth(1).expect("a resource");
        if !ids.contains_key(resource) {
            let list = stage.get(&format!("/api/{resource}?page[size]=1")).await;
            let id = list.json["data"][0]["id"].as_str().expect("an id");
            ids.insert(resource.to_owned(), id.to_owned());
        }
        for (id, status) in [(ids[resource].as_str(), 200), ("atlantis", 404)] {
            let status = if path.contains('{') { status } else { 200 };
            let asked = format!("/api{}", path.replace("{id}", id));
            let answer = stage.get(&asked).await;
            assert_eq!(answer.status, status, "{asked}: {}", answer.text);
            document.hold_answer(path, &answer);
        }
        let wrong = format!("/api{}?nobody=1", path.replace("{id}", &ids[resource]));
        let refused = stage.get(&wrong).await;
        assert_eq!(refused.status, 400);
        document.hold_answer(path, &refused);
    }
    let included = "/api/tours?page[size]=5&include=stops.nearby-lodgings,place.parent.articles";
    document.hold_answer("/tours", &stage.get(included).await);
    stage.strike().await;
}

#[tokio::test]
async fn an_include_that_brings_too_much_is_refused() {
    let stage = Stage::set().await;
    let path = "/api/places/world?include=children.children.children.children.children";
    assert_eq!(stage.get(path).await.status, 200, "all 374 places");
    let path = format!("{path}.points-of-interest");
    let answer = stage.get(&path).await;
    assert_eq!(answer.status, 400);
    let source = &answer.json["errors"][0]["source"];
    assert_eq!(source["parameter"], "include", "{}", answer.text);
    stage.strike().await;
}
