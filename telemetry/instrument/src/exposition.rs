mod accept;
mod classic;

use std::fmt;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use prometheus_client::registry::Registry;

pub use self::classic::prometheus_text;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The registry in OpenMetrics 1.0.0, exemplars included. It fails on an instrument that has no
/// text form: a histogram that is native only.
pub fn openmetrics_text(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry)?;
    Ok(text)
}

/// What `GET /metrics` answers: OpenMetrics to those who ask for it, Prometheus' text format
/// 0.0.4 to everybody else.
pub fn metrics_response(request: &HeaderMap, registry: &Registry) -> Response {
    let Ok(text) = openmetrics_text(registry) else {
        let reason = "an instrument of the registry has no text form";
        return (StatusCode::INTERNAL_SERVER_ERROR, reason).into_response();
    };
    let (content_type, text) = if accept::wants_openmetrics(request) {
        (OPENMETRICS, text)
    } else {
        (CLASSIC, prometheus_text(&text))
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::VARY, "accept"),
    ];
    (headers, text).into_response()
}
