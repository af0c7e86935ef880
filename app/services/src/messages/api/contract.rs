//! The document and the service say the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;
use watchfire_schemas::{Clock, Contract, ManualClock, SystemClock};
use watchfire_telemetry::{LogOutput, Telemetry};

use super::*;
use crate::database::{Durability, scratch};
use crate::fault::Faults;
use crate::messages::journal::Journal;
use crate::messages::provider::{Provider, SmtpWire, Wire};
use crate::messages::settings::Settings;
use crate::messages::store::{MIGRATIONS, NAMESPACE};
use crate::secret::Secret;
use crate::signature::signed;
use crate::stage::Stage;

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// Holds an instance against a schema of the document.
fn hold(document: &Value, schema: &Value, instance: &Value, what: &str) {
    let mut whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": document["components"],
    });
    whole["allOf"] = json!([schema]);
    let contract = Contract::compile(what, &whole.to_string()).unwrap();
    let violations = contract.violations(instance);
    assert!(
        violations.is_empty(),
        "{what}: {violations:?} in {instance}"
    );
}

/// A response, or what it refers to.
fn resolved<'d>(document: &'d Value, response: &'d Value) -> &'d Value {
    match response["$ref"].as_str() {
        Some(reference) => {
            &document[reference
                .trim_start_matches("#/")
                .split('/')
                .next()
                .unwrap()]["responses"][reference.rsplit('/').next().unwrap()]
        }
        None => response,
    }
}

#[test]
fn every_route_is_documented_and_no_other() {
    let document = document();
    let documented: BTreeSet<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(documented, ROUTES.iter().copied().collect());
}

#[test]
fn examples_keep_their_schemas() {
    let document = document();
    let mut held = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().values();
            let answers = answers.map(|answer| resolved(&document, answer));
            for part in answers.chain([&operation["requestBody"]]) {
                let Some(kinds) = part["content"].as_object() else {
                    continue;
                };
                for content in kinds.values() {
                    let named = content["examples"].as_object();
                    let named = named.into_iter().flat_map(|named| named.values());
                    let named = named.map(|named| &named["value"]);
                    for example in named.chain(content.get("example")) {
                        hold(
                            &document,
                            &content["schema"],
                            example,
                            &format!("{method} {path}"),
                        );
                        held += 1;
                    }
                }
            }
        }
    }
    assert!(held > 100, "{held}");
}

/// A service without workers, so that messages stay where they are.
struct Served {
    router: Router,
    clock: Arc<ManualClock>,
    document: Value,
    key: Secret,
    _folder: tempfile::TempDir,
    _stage: Stage,
}

impl Served {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::none(1));
        let database = scratch::open(
            folder.path(),
            NAMESPACE,
            &MIGRATIONS,
            Durability::Process,
            faults,
        );
        let database = database.await.unwrap();
        let stage = Stage::default();
        let journal = Journal::start(database.clone(), &stage);
        let telemetry = Telemetry::service("messages")
            .log_output(LogOutput::Nowhere)
            .start()
            .unwrap();
        let settings = Settings::read(|_| None).unwrap();
        let lane = |channel| {
            let of_channel = settings
                .providers
                .iter()
                .filter(|provider| provider.channel == channel);
            let wire = || Wire::Smtp(SmtpWire::new("localhost".to_owned(), 1, None));
            let providers = of_channel.map(|provider| Arc::new(Provider::new(provider, wire())));
            Arc::new(Lane::new(channel, providers.collect()))
        };
        let key = Secret::from("key".to_owned());
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let router = router(Api {
            store: Store::new(database, journal, Arc::clone(&clock) as Arc<dyn Clock>),
            catalogue: Catalogue::default(),
            lanes: Channel::ALL.into_iter().map(lane).collect(),
            keys: Keys::all(&key),
            instruments: Instruments::register(&telemetry),
            telemetry,
        });
        Self {
            router,
            clock,
            document: document(),
            key,
            _folder: folder,
            _stage: stage,
        }
    }

    async fn keep_template(&self) {
        let mail = json!({ "subject": "Order {{order}}", "text": "Hello" });
        let template =
            json!({ "channel": "email", "default_locale": "en", "locales": { "en": mail } });
        self.ask("PUT /v1/templates/shipped", template.clone(), 201)
            .await;
        self.ask("PUT /v1/templates/shipped", template, 200).await;
    }

    async fn ask(&self, call: &str, body: Value, expected: u16) -> Value {
        self.ask_under(None, call, body, expected).await
    }

    /// Asks, expects this status, and holds the answer against what the document says of it.
    async fn ask_under(&self, key: Option<&str>, call: &str, body: Value, expected: u16) -> Value {
        let body = body.to_string();
        let (method, path) = call.split_once(' ').unwrap();
        let signed = signed(&self.key, "call", self.clock.now(), &body);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json");
        let request = signed.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        let request = key.into_iter().fold(request, |request, key| {
            request.header("idempotency-key", key)
        });
        let answer = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let kind = answer
            .headers()
            .get(CONTENT_TYPE)
            .map(|kind| kind.to_str().unwrap().to_owned());
        let text = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let told: Value = serde_json::from_slice(&text).unwrap_or_default();
        assert_eq!(status, expected, "{call}: {told}");
        let documented =
            &self.document["paths"][template_of(path)][method.to_lowercase()]["responses"];
        let documented = resolved(&self.document, &documented[expected.to_string()]);
        assert!(
            documented.is_object(),
            "{call} does not say that it answers {expected}"
        );
        if let Some(kind) = kind {
            hold(
                &self.document,
                &documented["content"][&kind]["schema"],
                &told,
                call,
            );
        }
        told
    }
}

/// The route that a path is one of.
fn template_of(path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or(path);
    let fits = |route: &&&str| {
        let (route, path) = (route.split('/'), path.split('/'));
        route.clone().count() == path.clone().count()
            && route
                .zip(path)
                .all(|(expected, found)| expected.starts_with('{') || expected == found)
    };
    let exact = ROUTES.iter().find(|route| **route == path);
    exact.or_else(|| ROUTES.iter().find(fits)).unwrap()
}

#[tokio::test]
async fn answers_keep_the_document() {
    let service = Served::start().await;
    service.keep_template().await;
    let message = json!({ "channel": "email", "to": "ada@example.com", "template": "shipped", "variables": { "order": 1 } });
    let id = service.ask("POST /v1/messages", message.clone(), 202).await["id"].clone();
    let id = id.as_str().unwrap();
    service
        .ask(
            "POST /v1/messages/batch",
            json!({ "messages": [message, message] }),
            202,
        )
        .await;
    service
        .ask("POST /v1/messages", json!({ "channel": "email" }), 422)
        .await;
    let page = service
        .ask("GET /v1/messages?limit=2", Value::Null, 200)
        .await;
    let next = page["next"].as_str().unwrap();
    let rest = service
        .ask(
            &format!("GET /v1/messages?limit=2&cursor={next}"),
            Value::Null,
            200,
        )
        .await;
    assert_eq!(rest["messages"].as_array().unwrap().len(), 1);
    let events = json!({ "events": [{ "id": "e", "message": id, "type": "bounced", "at": "2026-11-22T00:00:00Z" }] });
    service
        .ask("POST /v1/receipts/email-primary", events.clone(), 200)
        .await;
    service
        .ask("POST /v1/receipts/fax-primary", events, 404)
        .await;
    let shown = service
        .ask(&format!("GET /v1/messages/{id}"), Value::Null, 200)
        .await;
    assert_eq!(
        (&shown["state"], &shown["receipts"][0]["type"]),
        (&json!("undelivered"), &json!("bounced"))
    );
    service
        .ask(&format!("POST /v1/messages/{id}/cancel"), Value::Null, 409)
        .await;
    service
        .ask(&format!("POST /v1/messages/{id}/retry"), Value::Null, 409)
        .await;
}

#[tokio::test]
async fn templates_and_queues_keep_the_document() {
    let service = Served::start().await;
    service.keep_template().await;
    let other =
        json!({ "channel": "sms", "default_locale": "en", "locales": { "en": { "text": "t" } } });
    service
        .ask("PUT /v1/templates/shipped", other.clone(), 409)
        .await;
    service.ask("PUT /v1/templates/No", other, 422).await;
    for (call, expected) in [
        ("GET /v1/templates", 200),
        ("GET /v1/templates/shipped", 200),
        ("GET /v1/templates/shipped?version=2", 404),
        ("GET /v1/templates/shipped?version=x", 400),
        ("GET /v1/templates/shipped/versions", 200),
        ("GET /v1/queues", 200),
        ("GET /v1/messages/none", 404),
        ("GET /v1/messages?limit=0", 400),
    ] {
        service.ask(call, Value::Null, expected).await;
    }
}

#[tokio::test]
async fn experiments_and_suppressions_keep_the_document() {
    let service = Served::start().await;
    let wording = json!({ "en": { "text": "t" } });
    for name in ["a", "b"] {
        let template = json!({ "channel": "sms", "default_locale": "en", "locales": wording });
        service
            .ask(&format!("PUT /v1/templates/{name}"), template, 201)
            .await;
    }
    let variants = json!([{ "name": "a", "template": "a", "weight": 1 }, { "name": "b", "template": "b", "weight": 1 }]);
    let experiment =
        json!({ "name": "e", "channel": "sms", "outcome": "clicked", "variants": variants });
    service
        .ask("POST /v1/experiments", experiment.clone(), 201)
        .await;
    service.ask("POST /v1/experiments", experiment, 409).await;
    service
        .ask("POST /v1/experiments", json!({ "name": "e" }), 422)
        .await;
    service.ask("GET /v1/experiments", Value::Null, 200).await;
    service
        .ask("GET /v1/experiments/none", Value::Null, 404)
        .await;
    let sent = json!({ "channel": "sms", "to": "+41791234567", "experiment": "e" });
    let id = service.ask("POST /v1/messages", sent, 202).await["id"].clone();
    let events = json!({ "events": [{ "id": "c", "message": id, "type": "clicked", "at": "2026-11-22T00:00:00Z" }] });
    service
        .ask("POST /v1/receipts/sms-primary", events, 200)
        .await;
    let results = service.ask("GET /v1/experiments/e", Value::Null, 200).await["results"].clone();
    let successes = results
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["successes"].as_u64().unwrap());
    assert_eq!(successes.sum::<u64>(), 1);

    let entry = "/v1/suppressions/sms/+41791234567";
    service
        .ask(&format!("PUT {entry}"), json!({ "scope": "all" }), 200)
        .await;
    service.ask(&format!("GET {entry}"), Value::Null, 200).await;
    service.ask("GET /v1/suppressions", Value::Null, 200).await;
    service
        .ask("GET /v1/suppressions/fax/1", Value::Null, 404)
        .await;
    service
        .ask("GET /v1/suppressions/sms/1", Value::Null, 422)
        .await;
    let sent = json!({ "channel": "sms", "to": "+41791234567", "content": { "text": "t" } });
    let told = service.ask("POST /v1/messages", sent, 202).await;
    assert_eq!(told["state"], "suppressed");
    service
        .ask(&format!("DELETE {entry}"), Value::Null, 204)
        .await;
    service
        .ask(&format!("DELETE {entry}"), Value::Null, 404)
        .await;
}

#[tokio::test]
async fn a_repetition_is_answered_as_the_first_also_when_its_time_is_over() {
    let service = Served::start().await;
    let call = "POST /v1/messages";
    let soon = service.clock.now() + std::time::Duration::from_secs(10);
    let message = json!({
        "channel": "sms", "to": "+41791234567", "content": { "text": "Your code is 1" },
        "expires_at": soon,
    });
    let first = service
        .ask_under(Some("k"), call, message.clone(), 202)
        .await;
    service.clock.advance(std::time::Duration::from_secs(11));
    let again = service
        .ask_under(Some("k"), call, message.clone(), 202)
        .await;
    assert_eq!(again["id"], first["id"]);
    service
        .ask_under(Some("other"), call, message.clone(), 422)
        .await;
    let batch = json!({ "messages": [message] });
    service
        .ask_under(Some("k"), "POST /v1/messages/batch", batch, 422)
        .await;
}

#[tokio::test]
async fn a_template_has_so_many_versions_and_no_more() {
    let service = Served::start().await;
    let version = |n: usize| {
        let text = format!("Hello {n}");
        json!({ "channel": "sms", "default_locale": "en", "locales": { "en": { "text": text } } })
    };
    let call = "PUT /v1/templates/greeting";
    service.ask(call, version(1), 201).await;
    for n in 2..=100 {
        service.ask(call, version(n), 200).await;
    }
    service.ask(call, version(101), 409).await;
    // The newest again is no version more.
    service.ask(call, version(100), 200).await;
}
