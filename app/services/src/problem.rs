use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode, Uri};
use serde_json::json;
use watchfire_telemetry::current_trace_id;

/// An answer of the gateway's own that is no success: `application/problem+json` with the trace's id.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
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
        if let Some(id) = current_trace_id() {
            body["trace_id"] = id.to_string().into();
        }
        let content_type = (
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        (self.status, [content_type], body.to_string()).into_response()
    }
}

pub(crate) async fn no_route(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {}", uri.path()),
    )
}
