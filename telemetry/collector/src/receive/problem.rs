use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use watchfire_schemas::TraceId;

/// An error as `application/problem+json` (RFC 9457).
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    /// The trace that the caller says it is in.
    pub(super) trace_id: Option<TraceId>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(id) = self.trace_id {
            body["trace_id"] = json!(id);
        }
        let media_type = [(CONTENT_TYPE, "application/problem+json")];
        (self.status, media_type, body.to_string()).into_response()
    }
}

/// The trace id of W3C's `traceparent`, if there is a valid one.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<TraceId> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    parent.split('-').nth(1)?.parse().ok()
}
