//! Errors as RFC 9457 has them, with a trace id to find them by.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use watchfire_alerts::{ActError, StoreError};
use watchfire_schemas::TraceId;

use crate::Console;
use crate::params::BadParam;

/// What went wrong, as it is told to the caller.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    parameter: Option<&'static str>,
    column: Option<usize>,
    /// In seconds.
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            parameter: None,
            column: None,
            retry_after: None,
        }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what}"))
    }

    pub(crate) fn cursor() -> Self {
        BadParam::new("cursor", "is not one that a page gave").into()
    }

    /// A request body that is not what the route takes.
    pub(crate) fn body(reason: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            format!("the body cannot be read: {reason}"),
        )
    }

    /// What is asked for and what is there do not go together.
    pub(crate) fn conflict(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, reason)
    }

    /// It cannot be done now.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    }

    /// A body that can be read and says something that is not possible.
    pub(crate) fn unprocessable(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, reason)
    }

    /// Our own fault: the cause is logged, not told.
    fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, cause = ?error.source(), "an API request failed: {error}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    pub(super) fn body_with(&self, trace_id: &str) -> String {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "trace_id": trace_id,
        });
        if let Some(parameter) = self.parameter {
            body["parameter"] = parameter.into();
        }
        if let Some(column) = self.column {
            body["column"] = column.into();
        }
        body.to_string()
    }
}

impl From<BadParam> for Problem {
    fn from(bad: BadParam) -> Self {
        Self {
            parameter: Some(bad.name),
            ..Self::new(StatusCode::BAD_REQUEST, bad.to_string())
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        match &error {
            ActError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            ActError::Refused(reason) => Self::new(StatusCode::CONFLICT, reason.clone()),
            ActError::Invalid { member, .. } => Self {
                parameter: Some(member),
                ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            },
            ActError::Store(_) => Self::internal(&error),
        }
    }
}

impl From<watchfire_logsearch::QueryError> for Problem {
    fn from(error: watchfire_logsearch::QueryError) -> Self {
        use watchfire_logsearch::QueryError;
        match &error {
            QueryError::Parse { column, .. } => Self {
                parameter: Some("q"),
                column: Some(*column),
                ..Self::new(StatusCode::BAD_REQUEST, format!("q: {error}"))
            },
            QueryError::Cursor => Self::cursor(),
            QueryError::TooCostly { .. } => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
            QueryError::TimedOut => Self::new(StatusCode::GATEWAY_TIMEOUT, error.to_string()),
            QueryError::Busy { retry_after, .. } => Self {
                retry_after: Some(retry_after.as_secs().max(1)),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            },
            QueryError::Store(_) => Self::internal(&error),
        }
    }
}

impl From<watchfire_tsdb::QueryError> for Problem {
    fn from(error: watchfire_tsdb::QueryError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    /// The status alone; [`write`] adds the body, which needs the request's trace id.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a [`Problem`], with the trace id of the request or one made for it.
pub(crate) async fn write(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    let told = request.headers().get("traceparent").and_then(|value| {
        value
            .to_str()
            .ok()?
            .split('-')
            .nth(1)?
            .parse::<TraceId>()
            .ok()
    });
    let mut response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let detail = "the route does not take this method";
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        response.extensions_mut().insert(problem);
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let trace_id = told.map_or_else(|| made_id(&console), |id| id.to_string());
    if problem.status.is_server_error() {
        tracing::error!(trace_id, detail = problem.detail, "answered with a problem");
    }
    let headers = [(header::CONTENT_TYPE, "application/problem+json")];
    let mut response = (problem.status, headers, problem.body_with(&trace_id)).into_response();
    if let Some(seconds) = problem.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// An id that no other request of this process has: the time and a count.
fn made_id(console: &Console) -> String {
    static REQUESTS: AtomicU64 = AtomicU64::new(1);
    let nanos = console.clock.now().nanos() as u64;
    format!(
        "{nanos:016x}{:016x}",
        REQUESTS.fetch_add(1, Ordering::Relaxed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_parameter_is_named() {
        let error = watchfire_logsearch::QueryError::Parse {
            column: 7,
            reason: "expected )".to_owned(),
        };
        let body: serde_json::Value =
            serde_json::from_str(&Problem::from(error).body_with("ab")).unwrap();
        assert_eq!(body["status"], 400);
        assert_eq!(body["parameter"], "q");
        assert_eq!(body["column"], 7);
        assert_eq!(body["trace_id"], "ab");
        assert_eq!(body["title"], "Bad Request");
    }
}
