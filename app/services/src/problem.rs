use std::time::Duration;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::{Value, json};
use watchfire_telemetry::current_trace_id;

use crate::database::StoreError;
use crate::failure::Failure;

/// An answer that is no success: `application/problem+json` (RFC 9457) with the trace's id.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    /// Boxed, as an error should be small.
    headers: Box<HeaderMap>,
    /// What is wrong with the request, and where.
    faults: Vec<Value>,
    /// Members of this problem's own.
    members: serde_json::Map<String, Value>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            headers: Box::default(),
            faults: Vec::new(),
            members: serde_json::Map::new(),
        }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// A request whose parts are understood and cannot be done: 422.
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Names one member of the body that is at fault by its JSON pointer.
    #[must_use]
    pub(crate) fn at(mut self, pointer: &str, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        self.faults
            .push(json!({ "pointer": pointer, "detail": detail }));
        self
    }

    /// Adds a member of its own: what a client needs to go on.
    #[must_use]
    pub(crate) fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The answer to who sent what cannot be kept, if the failure is that.
    pub(crate) fn unstorable(failure: &Failure) -> Option<Self> {
        let is_theirs = failure.kind() == StoreError::UNSTORABLE;
        is_theirs
            .then(|| Self::unprocessable("a text holds the character U+0000, which is not kept"))
    }

    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Says when to come again, in whole seconds, at least one.
    #[must_use]
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        self.header(RETRY_AFTER, seconds.into())
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        for (name, value) in self.members {
            body[name] = value;
        }
        if !self.faults.is_empty() {
            body["errors"] = Value::Array(self.faults);
        }
        if let Some(id) = current_trace_id() {
            body["trace_id"] = id.to_string().into();
        }
        let content_type = (
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        (self.status, *self.headers, [content_type], body.to_string()).into_response()
    }
}

/// Writes the failure down and tells the client no more than that it is ours.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        if let Some(problem) = Self::unstorable(&failure) {
            return problem;
        }
        failure.report(format_args!("a request could not be answered"));
        if failure.is::<StoreError>() {
            Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the data cannot be reached just now",
            )
            .retry_after(Duration::from_secs(5))
        } else {
            Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the request could not be answered",
            )
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

/// The body, read as JSON.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct Body<T>(pub(crate) T);

/// What the path holds.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct InPath<T>(pub(crate) T);

/// What the query string holds.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct InQuery<T>(pub(crate) T);

pub(crate) async fn no_route(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path()))
}

pub(crate) async fn no_method(uri: Uri) -> Problem {
    let detail = format!("{} cannot be asked by this method", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
