//! The service as devices meet it.

mod api;
mod contract;
mod convergence;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use watchfire_schemas::ManualClock;
use watchfire_telemetry::{LogOutput, Telemetry};

use crate::database::{Durability, scratch};
use crate::fault::Faults;
use crate::reminders::api::{Api, router};
use crate::reminders::instruments::Instruments;
use crate::reminders::keyring::Keyring;
use crate::reminders::pool::{Consumers, Pool};
use crate::reminders::store::{MIGRATIONS, Store};
use crate::secret::Secret;

/// A service of its own.
pub(super) struct Service {
    router: Router,
    pub(super) clock: Arc<ManualClock>,
    _writers: JoinSet<()>,
    _folder: TempDir,
}

/// An answer as its client sees it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Service {
    pub(super) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let telemetry = Telemetry::service("reminders");
        let telemetry = telemetry.log_output(LogOutput::Nowhere).start().unwrap();
        let instruments = Instruments::register(&telemetry);
        let now = "2026-11-22T05:57:27Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(now));
        let mut writers = JoinSet::new();
        let mut pools = Vec::new();
        for (consumers, name) in [(Consumers::Base, "base"), (Consumers::Partners, "partners")] {
            let faults = Arc::new(Faults::none(1));
            let folder = folder.path();
            let opened = scratch::open(folder, name, &MIGRATIONS, Durability::Process, faults);
            let store = Store::new(opened.await.unwrap());
            let opened =
                Pool::open(consumers, store, clock.clone(), (&instruments, &telemetry)).await;
            let (pool, writer) = opened.unwrap();
            writers.spawn(writer.run(CancellationToken::new()));
            pools.push(pool);
        }
        let [base, partners] = <[Pool; 2]>::try_from(pools).unwrap();
        let api = Api {
            keyring: Keyring::parse(&Secret::from("k:secret".to_owned())).unwrap(),
            clock: clock.clone(),
            base,
            partners,
            instruments,
        };
        Self {
            router: router(Arc::new(api)),
            clock,
            _writers: writers,
            _folder: folder,
        }
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        let request = request.body(body).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }

    pub(super) async fn get(&self, path: &str, session: &str) -> Answer {
        let session = format!("Bearer {session}");
        let headers = [(AUTHORIZATION.as_str(), session.as_str())];
        self.ask(Method::GET, path, &headers, None).await
    }

    pub(super) async fn post(&self, path: &str, session: &str, body: &Value) -> Answer {
        let session = format!("Bearer {session}");
        let headers = [(AUTHORIZATION.as_str(), session.as_str())];
        self.ask(Method::POST, path, &headers, Some(body)).await
    }

    /// A session's token.
    pub(super) async fn session(
        &self,
        person: &str,
        device: &str,
        programme: Option<&str>,
    ) -> String {
        let wanted = json!({"person": person, "device": device, "programme": programme});
        let answer = self
            .ask(Method::POST, "/v1/sessions", &[], Some(&wanted))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["token"].as_str().unwrap().to_owned()
    }

    /// The results of one sending.
    pub(super) async fn send(&self, session: &str, changes: &Value) -> Vec<Value> {
        let body = json!({"changes": changes});
        let answer = self.post("/v1/sync/send", session, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["results"].as_array().unwrap().clone()
    }

    pub(super) fn later(&self, by: Duration) {
        self.clock.advance(by);
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn token(&self) -> &str {
        self.body["token"].as_str().unwrap()
    }
}

pub(super) fn reminder(title: &str) -> Value {
    json!({
        "title": title,
        "about": {"kind": "medication", "name": "Ramipril", "dose": "5 mg"},
        "schedule": {"zone": "Europe/Berlin", "starts_on": "2026-01-01", "times": ["08:00"]},
        "paused": false,
    })
}

pub(super) fn put(change: &str, base: u64, id: &str, title: &str) -> Value {
    json!({
        "op": "put_reminder", "change_id": change, "base_version": base, "id": id,
        "reminder": reminder(title),
    })
}

pub(super) fn delete(change: &str, base: u64, id: &str) -> Value {
    json!({"op": "delete_reminder", "change_id": change, "base_version": base, "id": id})
}

pub(super) fn mark(change: &str, base: u64, id: &str, due_at: &str, done: &str) -> Value {
    json!({
        "op": "mark", "change_id": change, "base_version": base, "reminder_id": id,
        "due_at": due_at, "mark": {"done": done, "at": due_at},
    })
}
