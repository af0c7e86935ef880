mod accept;
mod classic;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use prometheus_client::registry::Registry;

pub use self::classic::prometheus_text;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The registry in OpenMetrics 1.0.0, exemplars included.
pub fn openmetrics_text(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry)
        .expect("writing to memory does not fail, and no native histogram is registered");
    text
}

/// What `GET /metrics` answers: OpenMetrics to those who ask for it, Prometheus' text format
/// 0.0.4 to everybody else.
pub fn metrics_response(request: &HeaderMap, registry: &Registry) -> Response {
    let text = openmetrics_text(registry);
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
