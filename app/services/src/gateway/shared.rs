//! Answers that several clients are shown: the cache in front of the services.

use std::sync::Arc;

use axum::response::Response;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::cache::{Entry, Flight, Found, Lead, Outcome};
use super::consumer::Class;
use super::hop::NoAnswer;
use super::proxy::{Route, conditional, get, unconditional, whole};
use crate::client::CallError;
use crate::failure::{Failure, frame};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// One address, as one client asks for it.
#[derive(Debug)]
struct Wanted {
    key: String,
    path_and_query: PathAndQuery,
    headers: HeaderMap,
}

/// What the service has said of an address.
enum Brought {
    Kept(Arc<Entry>, Outcome),
    /// It is for the one who asked only.
    Single(Response<Incoming>),
}

impl Route {
    /// Answers from the cache if it can, else asks the service, once for all who ask at a time.
    pub(super) async fn cached(
        &self,
        parts: &Parts,
        handed: impl FnOnce() -> HeaderMap,
    ) -> Response {
        let cache = &self.gateway.cache;
        let asked = &parts.headers;
        let address = parts.uri.path_and_query();
        let key = address.map_or("/", PathAndQuery::as_str);
        let wanted = |headers| Wanted {
            key: key.to_owned(),
            path_and_query: self.beyond(address),
            headers,
        };
        let mut found = cache.find(key, asked, Instant::now());
        if let Found::Missing { .. } | Found::Unconfirmed = found {
            match cache.join(key) {
                Flight::Lead(lead) => return self.led(lead, wanted(handed()), asked).await,
                Flight::Follow(mut landing) => {
                    found = cache.find_near(key, asked, Instant::now());
                    if let Found::Missing { .. } = found {
                        // It is an error once the leader is back, which is what we wait for.
                        drop(landing.changed().await);
                        found = cache.find_near(key, asked, Instant::now());
                    }
                }
            }
        }
        match found {
            Found::Fresh(entry) => self.shown(&entry, asked, Outcome::Hit),
            Found::Stale(entry) => {
                let response = self.shown(&entry, asked, Outcome::Stale);
                if let Flight::Lead(lead) = cache.join(key) {
                    self.refresh(lead, entry, wanted(unconditional(handed(), None)));
                }
                response
            }
            Found::Missing { .. } | Found::Unconfirmed | Found::Pass => {
                cache.count(Outcome::Pass);
                let ask = get(self, self.beyond(address), handed());
                let response = self.asked(ask, Class::Anonymous).await;
                told(response, Outcome::Pass)
            }
        }
    }

    /// Looks where other gateways keep answers, and fetches what is missing, while others wait for it.
    async fn led(&self, lead: Lead, wanted: Wanted, asked: &HeaderMap) -> Response {
        let (old, if_error) = match self.gateway.cache.find_far(&wanted.key, asked).await {
            Found::Fresh(entry) => return self.shown(&entry, asked, Outcome::Hit),
            Found::Stale(entry) => {
                let response = self.shown(&entry, asked, Outcome::Stale);
                self.refresh(lead, entry, wanted);
                return response;
            }
            Found::Missing { old, if_error } => (old, if_error),
            Found::Unconfirmed | Found::Pass => (None, false),
        };
        let brought = self.bring(&wanted, old.as_ref()).await;
        drop(lead);
        let is_down = match &brought {
            Ok(Brought::Single(response)) => response.status().is_server_error(),
            Ok(Brought::Kept(..)) => false,
            Err(_) => true,
        };
        match (brought, old) {
            (_, Some(old)) if is_down && if_error => self.shown(&old, asked, Outcome::Stale),
            (Ok(Brought::Kept(entry, outcome)), _) => self.shown(&entry, asked, outcome),
            (Ok(Brought::Single(response)), _) => {
                self.gateway.cache.count(Outcome::Pass);
                told(conditional(asked, response), Outcome::Pass)
            }
            (Err(no_answer), _) => self.unanswered(no_answer, Class::Anonymous),
        }
    }

    /// Asks the service, and keeps what it answers if that may be.
    async fn bring(&self, wanted: &Wanted, old: Option<&Arc<Entry>>) -> Result<Brought, NoAnswer> {
        let cache = &self.gateway.cache;
        let etag = old.and_then(|old| old.etag());
        let headers = unconditional(wanted.headers.clone(), etag);
        let ask = get(self, wanted.path_and_query.clone(), headers);
        let response = self.fetch(ask, Class::Anonymous).await?;
        let now = Instant::now();
        if let (StatusCode::NOT_MODIFIED, Some(old)) = (response.status(), old) {
            let renewed = old.renewed(response.headers(), &wanted.headers, now);
            if let Some(entry) = renewed.map(Arc::new) {
                cache.keep(&wanted.key, &wanted.headers, &entry);
                return Ok(Brought::Kept(entry, Outcome::Revalidated));
            }
            return Ok(Brought::Kept(Arc::clone(old), Outcome::Revalidated));
        }
        let size = response.body().size_hint().exact();
        let is_small = size.is_some_and(|size| size <= Entry::LARGEST);
        let freshness = Entry::freshness(response.status(), response.headers());
        if !is_small || freshness.is_none() {
            if !response.status().is_server_error() {
                cache.pass(&wanted.key);
            }
            return Ok(Brought::Single(response));
        }
        let (parts, body) = response.into_parts();
        let Some(body) = whole(body, self.hop.upstream.timeout).await else {
            let error = CallError::Broken {
                base: self.hop.upstream.service.to_owned(),
                source: "its answer's body broke off".into(),
            };
            return Err(Failure::new(error, frame!("Route::bring")).into());
        };
        let entry = Entry::new(parts.status, parts.headers, body, &wanted.headers, now);
        let entry = Arc::new(entry.expect("it is fresh, as was seen"));
        cache.keep(&wanted.key, &wanted.headers, &entry);
        Ok(Brought::Kept(entry, Outcome::Miss))
    }

    /// Fetches anew, in a trace of its own.
    fn refresh(&self, lead: Lead, old: Arc<Entry>, wanted: Wanted) {
        let route = self.clone();
        let refreshing = async move {
            if let Err(NoAnswer::Failed(failure)) = route.bring(&wanted, Some(&old)).await {
                let service = route.hop.upstream.service;
                failure.report(format_args!("{service} could not be asked anew"));
            }
            drop(lead);
        };
        let refreshing = self.gateway.telemetry.scope(refreshing);
        self.gateway.tasks.spawn(refreshing);
    }

    fn shown(&self, entry: &Entry, asked: &HeaderMap, outcome: Outcome) -> Response {
        self.gateway.cache.count(outcome);
        told(entry.answer(asked, Instant::now()), outcome)
    }
}

fn told(mut response: Response, outcome: Outcome) -> Response {
    let status = HeaderValue::from_static(outcome.status());
    response.headers_mut().insert(CACHE_STATUS, status);
    response
}
