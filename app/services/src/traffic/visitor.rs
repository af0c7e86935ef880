use std::net::SocketAddr;
use std::time::Duration;

use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::client;
use crate::traffic;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A client of the gateway.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    http: reqwest::Client,
    gateway: SocketAddr,
}

/// One request.
#[derive(Debug)]
pub(super) struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Value>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) etag: Option<String>,
    /// Null if it is no JSON.
    pub(super) json: Value,
}

impl Visitor {
    pub(super) fn new(gateway: SocketAddr) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: client::http(CONNECT_TIMEOUT, TIMEOUT)?,
            gateway,
        })
    }

    /// None if there is no answer: a client that gets none goes away, the failure is the gateway's
    /// to tell.
    pub(super) async fn send(&self, ask: Ask) -> Option<Answer> {
        let url = format!("http://{}{}", self.gateway, ask.path);
        let mut request = self
            .http
            .request(ask.method, url)
            .header(USER_AGENT, traffic::USER_AGENT)
            // Each visitor is one who comes anew: what the gateway kept would hide failures.
            .header(CACHE_CONTROL, "no-cache")
            .headers(ask.headers);
        if let Some(body) = ask.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.ok()?;
        let status = response.status();
        let etag = response.headers().get(ETAG);
        let etag = etag.and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let body = response.bytes().await.ok()?;
        Some(Answer {
            status,
            etag,
            json: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    /// What it answers if that is a success.
    pub(super) async fn done(&self, ask: Ask) -> Option<Answer> {
        let answer = self.send(ask).await?;
        answer.status.is_success().then_some(answer)
    }
}

impl Ask {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), None)
    }

    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path.into(), Some(body))
    }

    pub(super) fn put(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PUT, path.into(), Some(body))
    }

    fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Self {
            method,
            path,
            headers: HeaderMap::new(),
            body,
        }
    }

    pub(super) fn accepting(self, media_type: &'static str) -> Self {
        self.with(ACCEPT, media_type)
    }

    pub(super) fn bearing(self, token: &str) -> Self {
        self.with(AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// Under a key of its own, so that it is done once.
    pub(super) fn once(self) -> Self {
        self.with(IDEMPOTENCY_KEY, &uuid::Uuid::now_v7().to_string())
    }

    pub(super) fn if_match(self, etag: &str) -> Self {
        self.with(IF_MATCH, etag)
    }

    pub(super) fn if_none_match(self, etag: &str) -> Self {
        self.with(IF_NONE_MATCH, etag)
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        // What cannot stand in a header is not sent, and refused by who misses it.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

impl Answer {
    /// The text at a JSON pointer; empty if there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        let found = self.json.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }
}
