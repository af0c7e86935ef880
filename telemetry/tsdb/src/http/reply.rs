use std::fmt::Write as _;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use crate::{Annotations, QueryError};

pub(super) type Reply = Result<Data, ApiError>;

/// `data` of an answer, as JSON, and what is said beside it.
#[derive(Debug)]
pub(super) struct Data {
    json: String,
    annotations: Annotations,
}

impl Data {
    /// Of JSON that is written already.
    pub(super) fn new(json: String) -> Self {
        Self {
            json,
            annotations: Annotations::default(),
        }
    }

    pub(super) fn of(value: &impl Serialize) -> Self {
        Self::new(serde_json::to_string(value).expect("texts and numbers are always JSON"))
    }

    pub(super) fn with(mut self, annotations: Annotations) -> Self {
        self.annotations = annotations;
        self
    }

    pub(super) fn warning(mut self, text: &str) -> Self {
        self.annotations.warnings.push(text.to_owned());
        self
    }
}

impl IntoResponse for Data {
    fn into_response(self) -> Response {
        let mut body = format!("{{\"status\":\"success\",\"data\":{}", self.json);
        let said = [
            ("warnings", &self.annotations.warnings),
            ("infos", &self.annotations.infos),
        ];
        for (name, texts) in said.into_iter().filter(|(_, texts)| !texts.is_empty()) {
            let _infallible = write!(body, ",\"{name}\":{}", json!(texts));
        }
        body.push('}');
        ([(CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// An error in Prometheus' form.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    text: String,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            text: text.into(),
        }
    }

    pub(super) fn bad_data(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_data", text)
    }

    /// A parameter that cannot be read.
    pub(super) fn invalid(name: &str, reason: &str) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {reason}"))
    }

    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", text)
    }

    pub(super) fn internal(text: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
    }

    pub(super) fn timeout() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "timeout",
            "query timed out in expression evaluation",
        )
    }

    pub(super) fn unavailable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::BadData(text) => Self::bad_data(text),
            QueryError::Execution(text) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "execution", text)
            }
            QueryError::Timeout => Self::timeout(),
            QueryError::Canceled => Self::new(
                StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
                "canceled",
                "query was canceled",
            ),
            error @ QueryError::TooMany => Self::unavailable(error.to_string()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"status": "error", "errorType": self.kind, "error": self.text});
        let header = [(CONTENT_TYPE, "application/json")];
        (self.status, header, body.to_string()).into_response()
    }
}

/// Runs what may take long away from the threads that serve.
pub(super) async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|_| Err(ApiError::internal("the query was aborted")))
}
