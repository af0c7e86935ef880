use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONNECTION, CONTENT_TYPE, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, PROXY_AUTHENTICATE, RANGE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use watchfire_telemetry::RequestId;

use super::consumer::Consumer;
use super::keys::key_in;
use crate::content::FORWARDED_PREFIX;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_CONSUMER: HeaderName = HeaderName::from_static("x-consumer");
const X_CONSUMER_CLASS: HeaderName = HeaderName::from_static("x-consumer-class");

/// What goes along with a request, besides the trace's context and what we say of the consumer.
const REQUEST_HEADERS: [HeaderName; 16] = [
    ACCEPT,
    ACCEPT_LANGUAGE,
    AUTHORIZATION,
    CONTENT_TYPE,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("prefer"),
    // As the specification of Standard Webhooks names them: providers sign what they tell.
    HeaderName::from_static("webhook-id"),
    HeaderName::from_static("webhook-signature"),
    HeaderName::from_static("webhook-timestamp"),
    HeaderName::from_static("content-disposition"),
];

/// What is about one connection and not about the answer (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    X_REQUEST_ID,
];

/// What a request of this consumer is handed on with.
pub(crate) fn handed_on(
    headers: &HeaderMap,
    consumer: &Consumer,
    prefix: &'static str,
    id: Option<&RequestId>,
) -> HeaderMap {
    let mut handed = HeaderMap::with_capacity(16);
    for name in &REQUEST_HEADERS {
        // A key is for us, also beside another one that was taken.
        let is_key = |value: &HeaderValue| name == AUTHORIZATION && key_in(value).is_some();
        for value in headers.get_all(name).iter().filter(|value| !is_key(value)) {
            handed.append(name.clone(), value.clone());
        }
    }
    name_consumer(&mut handed, consumer);
    handed.insert(FORWARDED_PREFIX, HeaderValue::from_static(prefix));
    if let Some(id) = id.and_then(|id| HeaderValue::from_str(id.as_str()).ok()) {
        handed.insert(X_REQUEST_ID, id);
    }
    handed
}

fn name_consumer(headers: &mut HeaderMap, consumer: &Consumer) {
    headers.insert(X_CONSUMER, consumer.id.clone());
    let class = HeaderValue::from_static(consumer.class.as_str());
    headers.insert(X_CONSUMER_CLASS, class);
}

/// Leaves of an answer's headers what is for the client.
pub(crate) fn handed_back(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

#[cfg(test)]
mod tests {
    use http::header::{COOKIE, ETAG, HOST};

    use super::*;
    use crate::gateway::consumer::Class;

    #[test]
    fn a_consumer_is_named_by_us_and_by_nobody_else() {
        let acme = HeaderValue::from_static("acme");
        let acme = Consumer::new(acme, Class::Partner, None);
        let asked = |authorization| {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                (X_CONSUMER, "root"),
                (X_CONSUMER_CLASS, "internal"),
                (AUTHORIZATION, authorization),
                (HeaderName::from_static("x-api-key"), "wf_x"),
                (COOKIE, "a=b"),
                (HOST, "evil.example"),
                (ACCEPT, "text/plain"),
            ] {
                headers.append(name, HeaderValue::from_static(value));
            }
            let handed = handed_on(&headers, &acme, "/api", None);
            let mut lines: Vec<String> = handed
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            lines.sort_unstable();
            lines
        };
        let expected = [
            "accept: text/plain",
            "x-consumer-class: partner",
            "x-consumer: acme",
            "x-forwarded-prefix: /api",
        ];
        assert_eq!(asked("Bearer wf_x"), expected);
        assert_eq!(asked("Bearer x")[1], "authorization: Bearer x");
    }

    #[test]
    fn what_is_about_a_connection_stays_there() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (CONNECTION, "close, x-own"),
            (HeaderName::from_static("x-own"), "1"),
            (TRANSFER_ENCODING, "chunked"),
            (ETAG, "\"1\""),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        handed_back(&mut headers);
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["etag", "x-content-type-options"]);
    }
}
