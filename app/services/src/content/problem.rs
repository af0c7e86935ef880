use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::content::media_type::JSON_API;

/// An answer that is no success, as JSON:API error objects. Never empty; all of one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) errors: Vec<ErrorObject>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ErrorObject {
    /// Names the kind of error to a program.
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: String,
    /// The query parameter at fault.
    pub(crate) parameter: Option<String>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let error = ErrorObject {
            code,
            title,
            detail: detail.into(),
            parameter: None,
        };
        Self {
            status,
            errors: vec![error],
        }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    pub(crate) fn to_json(&self) -> Value {
        let errors: Vec<Value> = self
            .errors
            .iter()
            .map(|error| error.to_json(self.status))
            .collect();
        json!({ "jsonapi": { "version": "1.1" }, "errors": errors })
    }
}

impl ErrorObject {
    /// Of a query parameter and what is wrong with it.
    pub(crate) fn of_parameter(name: &str, reason: &str) -> Self {
        Self {
            code: "invalid_parameter",
            title: "Invalid query parameter",
            detail: format!("{name} {reason}"),
            parameter: Some(name.to_owned()),
        }
    }

    fn to_json(&self, status: StatusCode) -> Value {
        let mut object = json!({
            "status": status.as_str(),
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
        });
        if let Some(parameter) = &self.parameter {
            object["source"] = json!({ "parameter": parameter });
        }
        object
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.to_json().to_string();
        let content_type = (CONTENT_TYPE, HeaderValue::from_static(JSON_API));
        (self.status, [content_type], body).into_response()
    }
}
