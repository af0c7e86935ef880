use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, ETAG, IF_NONE_MATCH};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use watchfire_telemetry::RequestId;

use super::Gateway;
use super::arriving::Arriving;
use super::bulkhead::Counted;
use super::cache::{self, Cache};
use super::consumer::{Class, Consumer, Verdict};
use super::hop::{Ask, Content, Hop, NoAnswer};
use super::passing::{handed_back, handed_on};
use super::refusal::Refusal;
use crate::client::CallError;
use crate::failure::Failure;

/// A body up to this size is held, so that the request can be made again; a larger one passes
/// through.
const HELD: usize = 64 << 10;

/// One route of a service behind the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) hop: Arc<Hop>,
    pub(crate) template: &'static str,
}

impl Route {
    /// Answers a request: from the cache, from the service, or by a refusal.
    pub(crate) async fn answer(self, request: Request) -> Response {
        let gateway = &*self.gateway;
        let refuse = |refusal: &Refusal, class| gateway.refusals.answer(refusal, class);
        let Some(_counted) = Counted::within(&gateway.under_way, gateway.most_under_way) else {
            return refuse(&Refusal::Overloaded, Class::Anonymous);
        };
        let (parts, body) = request.into_parts();
        let Ok(consumer) = gateway.keys.identify(&parts.headers) else {
            return refuse(&Refusal::UnknownKey, Class::Anonymous);
        };
        let consumer = Arc::clone(consumer);
        let left = match consumer.count() {
            Verdict::Within(left) => left,
            Verdict::Beyond { wait } => {
                let mut response = refuse(&Refusal::RateLimited { wait }, consumer.class);
                consumer.tell(Consumer::nothing_left(wait), response.headers_mut());
                return response;
            }
        };
        let prefix = self.hop.upstream.prefix;
        let id = parts.extensions.get::<RequestId>();
        let handed = || handed_on(&parts.headers, &consumer, prefix, id);
        let mut response = if Cache::is_for(&parts.method, &parts.headers) {
            self.cached(&parts, handed).await
        } else {
            self.passed(&parts, handed(), body, consumer.class).await
        };
        if let Some(left) = left {
            consumer.tell(left, response.headers_mut());
        }
        response
    }

    /// Hands a request on, and its answer back.
    async fn passed(
        &self,
        parts: &Parts,
        mut headers: HeaderMap,
        body: Body,
        class: Class,
    ) -> Response {
        let length = body.size_hint().exact();
        let body = match self.content(length, body).await {
            Ok(body) => body,
            Err(refusal) => return self.refuse(&refusal, class),
        };
        if let (Content::Passing(_), Some(length)) = (&body, length) {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        let ask = Ask {
            method: parts.method.clone(),
            template: self.template,
            path_and_query: self.beyond(parts.uri.path_and_query()),
            headers,
            body,
        };
        self.asked(ask, class).await
    }

    /// The body, held if it is small, else as it comes and cut off where it grows too large. Its
    /// length is the one that the connection goes by, and not what a header says besides.
    async fn content(&self, length: Option<u64>, body: Body) -> Result<Content, Refusal> {
        let most = self.hop.upstream.max_body;
        match length.map(usize::try_from) {
            _ if body.is_end_stream() => Ok(Content::Whole(axum::body::Bytes::new())),
            Some(Ok(length)) if length <= HELD.min(most) => {
                let whole = tokio::time::timeout(self.hop.upstream.timeout, to_bytes(body, length));
                let whole = whole.await.map_err(|_| Refusal::BodyTooSlow)?;
                whole
                    .map(Content::Whole)
                    .map_err(|_| Refusal::BodyBrokenOff)
            }
            Some(length) if length.map_or(true, |length| length > most) => {
                Err(Refusal::BodyTooLarge { most })
            }
            _ => Ok(Content::Passing(Arriving::new(body, most))),
        }
    }

    pub(super) async fn asked(&self, ask: Ask, class: Class) -> Response {
        match self.fetch(ask, class).await {
            Ok(response) => response.map(Body::new),
            Err(no_answer) => self.unanswered(no_answer, class),
        }
    }

    /// Asks the service, once there is room for it.
    pub(super) async fn fetch(
        &self,
        ask: Ask,
        class: Class,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let turn = self.gateway.bulkheads.enter(class).await;
        let _turn = turn.map_err(|_| NoAnswer::Refused(Refusal::BulkheadFull))?;
        let path = ask.path_and_query.clone();
        let mut response = self.hop.ask(ask).await?;
        handed_back(response.headers_mut());
        if response.status().is_server_error() {
            let status = response.status().as_u16();
            let (service, prefix) = (self.hop.upstream.service, self.hop.upstream.prefix);
            tracing::warn!(
                "http.response.status_code" = status,
                "upstream" = service,
                "{service} answered {status} for {prefix}{}",
                path.path()
            );
        }
        Ok(response)
    }

    pub(super) fn unanswered(&self, no_answer: NoAnswer, class: Class) -> Response {
        match no_answer {
            NoAnswer::Refused(refusal) => self.refuse(&refusal, class),
            NoAnswer::Failed(failure) => self.failed(&failure, class),
        }
    }

    fn failed(&self, failure: &Failure, class: Class) -> Response {
        let service = self.hop.upstream.service;
        failure.report(format_args!(
            "{service} could not be asked for {}{}",
            self.hop.upstream.prefix, self.template
        ));
        let refusal = if failure.kind() == CallError::TIMED_OUT {
            Refusal::UpstreamTimedOut
        } else {
            Refusal::UpstreamUnreachable
        };
        self.refuse(&refusal, class)
    }

    fn refuse(&self, refusal: &Refusal, class: Class) -> Response {
        self.gateway.refusals.answer(refusal, class)
    }

    /// What the service is asked for: the rest of the path after our prefix for it.
    pub(super) fn beyond(&self, whole: Option<&PathAndQuery>) -> PathAndQuery {
        let whole = whole.map_or("/", PathAndQuery::as_str);
        let rest = whole
            .strip_prefix(self.hop.upstream.prefix)
            .unwrap_or(whole);
        rest.parse()
            .unwrap_or_else(|_| PathAndQuery::from_static("/"))
    }
}

/// What is asked for an answer that others may be shown too: without the client's conditions.
pub(super) fn unconditional(mut headers: HeaderMap, etag: Option<&HeaderValue>) -> HeaderMap {
    headers.remove(IF_NONE_MATCH);
    headers.remove(http::header::IF_MODIFIED_SINCE);
    if let Some(etag) = etag {
        headers.insert(IF_NONE_MATCH, etag.clone());
    }
    headers
}

/// An answer that is not kept, for one whose conditions were taken off its request.
pub(super) fn conditional(asked: &HeaderMap, response: Response<Incoming>) -> Response {
    let etag = response.headers().get(ETAG);
    let is_known = etag.is_some_and(|etag| cache::matches(asked, etag));
    if is_known && response.status() == StatusCode::OK {
        let (mut parts, _) = response.into_parts();
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    response.map(Body::new)
}

/// The whole of a body whose length is known and small.
pub(super) async fn whole(
    body: Incoming,
    timeout: std::time::Duration,
) -> Option<axum::body::Bytes> {
    let collected = tokio::time::timeout(timeout, body.collect()).await;
    collected
        .ok()?
        .ok()
        .map(http_body_util::Collected::to_bytes)
}

pub(super) fn get(route: &Route, path_and_query: PathAndQuery, headers: HeaderMap) -> Ask {
    Ask {
        method: Method::GET,
        template: route.template,
        path_and_query,
        headers,
        body: Content::Whole(axum::body::Bytes::new()),
    }
}
