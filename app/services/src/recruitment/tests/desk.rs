use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG};
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tower::ServiceExt;
use watchfire_schemas::{Batch, Clock, ManualClock, Timestamp};
use watchfire_telemetry::{LogOutput, Telemetry};

use super::contract::assert_described;
use crate::database::{Durability, scratch};
use crate::fault::Faults;
use crate::recruitment::api::Api;
use crate::recruitment::document::digest::hexadecimal;
use crate::recruitment::document::files::Files;
use crate::recruitment::instruments::Instruments;
use crate::recruitment::keyring::{Claims, Keyring};
use crate::recruitment::role::Role;
use crate::recruitment::text::Slug;
use crate::recruitment::{MIGRATIONS, SERVICE, router};
use crate::secret::Secret;
use crate::traced::traced;

pub(super) const SECRET: &str = "correct horse battery staple";

/// The service without a port, at a time that stands still. Each answer is held against the
/// `OpenAPI` document.
pub(super) struct Desk {
    pub(super) api: Api,
    pub(super) clock: Arc<ManualClock>,
    pub(super) folder: tempfile::TempDir,
    router: Router,
    telemetry: Telemetry,
    batches: mpsc::Receiver<Batch>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) json: Value,
    pub(super) bytes: Vec<u8>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who(pub(super) &'static str, pub(super) Role);

pub(super) const RITA: Who = Who("rita", Role::Recruiter);
pub(super) const MIA: Who = Who("mia", Role::HiringManager);
pub(super) const IVO: Who = Who("ivo", Role::Interviewer);
pub(super) const ADA: Who = Who("ada", Role::Admin);
pub(super) const AUDREY: Who = Who("audrey", Role::Auditor);

/// What the tests know of a candidate, which no log may tell.
pub(super) const NAME: &str = "Zebedee Quillfeather";
pub(super) const EMAIL: &str = "Zebedee.Quill+jobs@example.org";
pub(super) const PHONE: &str = "+44 20 7946 0958";
pub(super) const NOTE: &str = "flinches at pagers";

impl Desk {
    pub(super) async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sender, batches) = mpsc::channel(10_000);
        let telemetry = Telemetry::service(SERVICE)
            .log_output(LogOutput::Nowhere)
            .hand_over(sender)
            .start()
            .unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let faults = Arc::new(Faults::none(1));
        let database = scratch::open(
            folder.path(),
            SERVICE,
            &MIGRATIONS,
            Durability::Process,
            faults,
        );
        let api = Api {
            database: database.await.unwrap(),
            files: Arc::new(Files::at(&folder.path().join("files"), clock.now())),
            keyring: Arc::new(Keyring::new(Secret::from(SECRET.to_owned()))),
            clock: clock.clone(),
            instruments: Instruments::register(&telemetry),
        };
        let router = traced(router(api.clone()), &telemetry);
        Self {
            api,
            clock,
            folder,
            router,
            telemetry,
            batches,
        }
    }

    pub(super) fn token(&self, Who(subject, role): Who) -> String {
        let sub = Slug::try_from(subject.to_owned()).unwrap();
        let exp = self.clock.now().millis() / 1000 + 3_600;
        self.api.keyring.token(&Claims { sub, role, exp })
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 32 << 20).await.unwrap().to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        let status = parts.status.as_u16();
        let content_type = parts.headers.get(CONTENT_TYPE);
        let content_type = content_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        assert_described(&method, path, status, content_type, &json);
        Answer {
            status,
            headers: parts.headers,
            json,
            bytes,
        }
    }

    /// Asks with a JSON body, or none if it is null.
    pub(super) async fn ask(&self, who: Who, method: Method, path: &str, body: Value) -> Answer {
        self.ask_if(who, method, path, "", body).await
    }

    /// Asks on a version; on any if it is empty and the method needs none.
    pub(super) async fn ask_if(
        &self,
        who: Who,
        method: Method,
        path: &str,
        tag: &str,
        body: Value,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token(who));
        let mut headers = vec![(AUTHORIZATION.as_str(), bearer.as_str())];
        if !tag.is_empty() {
            headers.push(("if-match", tag));
        }
        let body = if body.is_null() {
            Vec::new()
        } else {
            headers.push(("content-type", "application/json"));
            body.to_string().into_bytes()
        };
        self.send(method, path, &headers, body).await
    }

    /// Asks for a step on a version.
    pub(super) async fn step(&self, who: Who, path: &str, tag: &str, body: Value) -> Answer {
        self.ask_if(who, Method::POST, path, tag, body).await
    }

    pub(super) async fn get(&self, who: Who, path: &str) -> Answer {
        self.ask(who, Method::GET, path, Value::Null).await
    }

    pub(super) async fn post(&self, who: Who, path: &str, body: Value) -> Answer {
        self.ask(who, Method::POST, path, body).await
    }

    /// An open position with two stages, of the hiring manager `manager`; its id.
    pub(super) async fn position(&self, manager: &str) -> String {
        let new = json!({
            "title": "Site reliability engineer", "department": "platform", "location": "Berlin",
            "headcount": 1, "stages": ["screening", "offer"], "manager": manager,
        });
        let draft = self.post(RITA, "/v1/positions", new).await;
        let id = draft.id();
        let path = format!("/v1/positions/{id}/opening");
        let opened = self
            .ask_if(RITA, Method::POST, &path, draft.tag(), Value::Null)
            .await;
        assert_eq!(opened.status, 200);
        id
    }

    pub(super) fn new_candidate(&self, email: &str) -> Value {
        let now = self.clock.now();
        json!({
            "name": NAME, "email": email, "phone": PHONE, "source": "referral",
            "consent": { "purpose": "application", "given_at": now },
            "retain_until": now + std::time::Duration::from_hours(48),
        })
    }

    /// A candidate's application for a position; their ids.
    pub(super) async fn application(&self, position: &str, email: &str) -> (String, String) {
        let candidate = self
            .post(RITA, "/v1/candidates", self.new_candidate(email))
            .await
            .id();
        let new = json!({
            "candidate": candidate, "position": position,
            "salary_expectation": { "amount": 91_234, "currency": "EUR" },
        });
        let application = self.post(RITA, "/v1/applications", new).await;
        assert_eq!(application.status, 201, "{}", application.json);
        (candidate, application.id())
    }

    pub(super) async fn put(&self, application: &str, content: &[u8]) -> Answer {
        let digest = hexadecimal(&Sha256::digest(content));
        let path = format!("/v1/applications/{application}/documents/{digest}?kind=cv");
        self.put_at(&path, "application/pdf", content).await
    }

    pub(super) async fn put_at(&self, path: &str, content_type: &str, content: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token(RITA));
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", content_type),
        ];
        self.send(Method::PUT, path, &headers, content.to_vec())
            .await
    }

    /// All that was told from the beginning, as text: every log record, every span.
    pub(super) async fn told(mut self) -> String {
        crate::telemetry::stop(vec![self.telemetry.clone()]).await;
        let mut told = String::new();
        while let Ok(batch) = self.batches.try_recv() {
            match batch {
                Batch::Logs(records) => records
                    .iter()
                    .for_each(|record| told.push_str(&record.to_line())),
                Batch::Spans(spans) => told += format!("{spans:?}").as_str(),
                Batch::Metrics(metrics) => told += format!("{metrics:?}").as_str(),
            }
        }
        told
    }
}

impl Answer {
    pub(super) fn id(&self) -> String {
        let id = self.json["id"].as_str();
        id.unwrap_or_else(|| panic!("{} {}", self.status, self.json))
            .to_owned()
    }

    pub(super) fn tag(&self) -> &str {
        self.header(ETAG.as_str())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}
