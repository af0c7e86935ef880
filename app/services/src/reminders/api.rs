mod authentication;
mod conditional;
mod due;
mod fetch;
mod reminder;
mod send;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use watchfire_schemas::{Clock, Timestamp};

use crate::problem::{Problem, no_method, no_route};
use crate::reminders::admission::Shed;
use crate::reminders::instruments::{Instruments, ShedReason};
use crate::reminders::keyring::Keyring;
use crate::reminders::next_sync::next_sync;
use crate::reminders::pool::{Pool, relief};
use crate::reminders::session::Session;

pub(crate) use authentication::Authenticated;

/// The routes, as telemetry names them; the gateway offers the same under `/reminders`.
pub(crate) const ROUTES: &[&str] = &[
    "/v1/sessions",
    "/v1/sync/send",
    "/v1/sync/fetch",
    "/v1/reminders/{id}",
    "/v1/reminders/{id}/superseded",
    "/v1/due",
    "/openapi.json",
];

/// The contract.
pub(crate) const OPENAPI: &str = include_str!("../../../../schemas/openapi/reminders.v1.json");

/// When this client should come again, also with an answer that has no body.
const NEXT_SYNC: HeaderName = HeaderName::from_static("next-sync");
/// As much as the gateway hands on.
const MAX_BODY: usize = 64 << 10;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) keyring: Keyring,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) base: Pool,
    pub(crate) partners: Pool,
    pub(crate) instruments: Instruments,
}

pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/v1/sessions", post(sessions::issue))
        .route("/v1/sync/send", post(send::send))
        .route("/v1/sync/fetch", get(fetch::fetch))
        .route("/v1/reminders/{id}", get(reminder::show))
        .route("/v1/reminders/{id}/superseded", get(reminder::superseded))
        .route("/v1/due", get(due::due))
        .route("/openapi.json", get(openapi))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(api)
}

impl Api {
    /// The pool that serves this session.
    fn pool(&self, session: &Session) -> &Pool {
        match session.programme {
            None => &self.base,
            Some(_) => &self.partners,
        }
    }

    fn next_sync(&self, session: &Session) -> Timestamp {
        next_sync(&session.person, &session.device, self.clock.now())
    }
}

async fn openapi() -> Response {
    let content_type = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, content_type)], OPENAPI).into_response()
}

/// The headers of all that is told to one person only. A pool under load asks for a pause.
fn private(pool: &Pool, next_sync: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("authorization"));
    if let Ok(next) = HeaderValue::from_str(&next_sync.to_string()) {
        headers.insert(NEXT_SYNC, next);
    }
    if let Some(pause) = pool.relief() {
        headers.insert(RETRY_AFTER, pause.as_secs().into());
    }
    headers
}

impl From<Shed> for Problem {
    fn from(Shed(reason): Shed) -> Self {
        let detail = match reason {
            ShedReason::QueueFull => "too many requests wait already",
            ShedReason::WaitedTooLong => "the request waited too long for its turn",
            ShedReason::Stopping => "the service is about to stop",
        };
        Self::new(http::StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(relief())
    }
}
