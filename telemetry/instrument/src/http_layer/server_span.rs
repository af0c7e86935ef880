use http::request::Parts;
use http::{HeaderName, header};
use tracing::{Span, field};

use super::request_id::RequestId;
use crate::signed_query::without_signatures;

/// The target of the spans and records that [`crate::HttpLayer`] makes, by which a filter can name them.
pub const HTTP_TARGET: &str = "watchfire_telemetry::http";

/// The longest path, query or user agent that an attribute keeps.
const LONGEST: usize = 1024;

/// The span of a request, with what semantic conventions want to know of it.
pub(super) fn server_span(
    method: &'static str,
    route: &str,
    parts: &Parts,
    id: &RequestId,
) -> Span {
    let name = if route.is_empty() {
        method.to_owned()
    } else {
        format!("{method} {route}")
    };
    let text = |name: HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(shortened)
    };
    let host = parts
        .uri
        .host()
        .or_else(|| text(header::HOST).map(without_port));
    let query = parts.uri.query().map(without_signatures);
    tracing::info_span!(
        target: HTTP_TARGET,
        parent: None,
        "request",
        "otel.name" = name,
        "otel.kind" = "server",
        "http.request.method" = method,
        "http.request.method_original" = (method == "_OTHER").then(|| shortened(parts.method.as_str())),
        "http.route" = (!route.is_empty()).then_some(route),
        "url.path" = shortened(parts.uri.path()),
        "url.query" = query.as_deref().map(shortened),
        "url.scheme" = parts.uri.scheme_str().unwrap_or("http"),
        "server.address" = host,
        "network.protocol.version" = protocol_version(parts.version),
        "user_agent.original" = text(header::USER_AGENT),
        "request.id" = id.as_str(),
        "user.id" = field::Empty,
        "session.id" = field::Empty,
    )
}

fn protocol_version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_09 => "0.9",
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

pub(super) fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}
