use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use watchfire_telemetry::RequestId;

use crate::client::{Answer, Call, CallError};
use crate::content::FORWARDED_PREFIX;
use crate::failure::Via;
use crate::failure::frame;
use crate::gateway::Upstream;
use crate::problem::Problem;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The largest request body that is handed on.
const MAX_BODY: usize = 64 << 10;
/// What goes along with a request, besides the trace's context.
const REQUEST_HEADERS: [HeaderName; 3] = [ACCEPT, CONTENT_TYPE, IF_NONE_MATCH];
/// What comes back with an answer.
const RESPONSE_HEADERS: [HeaderName; 6] =
    [ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, VARY];

/// Hands a request on to the service behind `client` and its answer back.
pub(crate) async fn forward(
    upstream: Upstream,
    template: &'static str,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        let detail = format!("a body may hold {MAX_BODY} bytes, and must arrive whole");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
    };
    let whole = parts
        .uri
        .path_and_query()
        .map_or("/", |whole| whole.as_str());
    let mut headers = chosen(&parts.headers, &REQUEST_HEADERS);
    headers.insert(FORWARDED_PREFIX, HeaderValue::from_static(upstream.prefix));
    if let Some(id) = parts.extensions.get::<RequestId>()
        && let Ok(id) = HeaderValue::from_str(id.as_str())
    {
        headers.insert(X_REQUEST_ID, id);
    }
    let call = Call {
        method: parts.method,
        template,
        path_and_query: whole.strip_prefix(upstream.prefix).unwrap_or(whole),
        headers,
        body: body.into(),
    };
    match upstream.client.send(call).await.via(frame!("forward")) {
        Ok(answer) => hand_back(upstream.service, answer, whole),
        Err(failure) => {
            failure.report(format_args!(
                "{} could not be asked for {}",
                upstream.service,
                parts.uri.path()
            ));
            let status = if failure.kind() == CallError::TIMED_OUT {
                StatusCode::GATEWAY_TIMEOUT
            } else {
                StatusCode::BAD_GATEWAY
            };
            Problem::new(status, "the service behind this route does not answer").into_response()
        }
    }
}

fn hand_back(service: &str, answer: Answer, whole: &str) -> Response {
    let status = answer.status.as_u16();
    if answer.status.is_server_error() {
        let path = whole.split('?').next().unwrap_or(whole);
        tracing::warn!(
            "http.response.status_code" = status,
            "upstream" = service,
            "{service} answered {status} for {path}"
        );
    }
    let mut headers = chosen(&answer.headers, &RESPONSE_HEADERS);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    (answer.status, headers, answer.body).into_response()
}

fn chosen(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut chosen = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            chosen.append(name.clone(), value.clone());
        }
    }
    chosen
}
