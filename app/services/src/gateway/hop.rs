use std::fmt;
use std::time::Duration;

use axum::body::Body;
use http::header::RETRY_AFTER;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rand::Rng;
use tokio::time::Instant;
use tower::retry::budget::{Budget, TpsBudget};
use watchfire_telemetry::Telemetry;

use super::Upstream;
use super::arriving::Arriving;
use super::breaker::{Breaker, Change};
use super::metrics::{Metrics, Retry};
use super::refusal::Refusal;
use crate::client::CallError;
use crate::failure::{Failure, frame};

const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a connection that nobody needs is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// A call is made so often at most.
const ATTEMPTS: u32 = 3;
/// The pause before the first retry is at most this, before the second twice it. How long it is
/// within that is left to chance, so that those who failed together do not come again together.
const PAUSE: Duration = Duration::from_millis(40);
/// Retries may be a fifth of the calls of the last ten seconds, and two a second in any case.
const BUDGET_FOR: Duration = Duration::from_secs(10);
const BUDGET_FLOOR: u32 = 2;
const BUDGET_SHARE: f32 = 0.2;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The way to one service: its connections, its breaker, its budget of retries.
pub(crate) struct Hop {
    pub(crate) upstream: Upstream,
    authority: Authority,
    http: HttpClient<HttpConnector, Body>,
    breaker: Breaker,
    budget: TpsBudget,
    telemetry: Telemetry,
    metrics: Metrics,
}

/// What is asked of a service.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// The route, for the span's name.
    pub(crate) template: &'static str,
    pub(crate) path_and_query: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Content,
}

/// A body that can be sent again, or one that passes through once.
#[derive(Debug)]
pub(crate) enum Content {
    Whole(axum::body::Bytes),
    Passing(Arriving),
}

/// Why a service was not asked, or did not answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    Refused(Refusal),
    Failed(Failure),
}

impl Hop {
    pub(crate) fn new(upstream: Upstream, telemetry: &Telemetry, metrics: &Metrics) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .build(connector);
        let authority = upstream.base.strip_prefix("http://");
        let authority = authority.and_then(|authority| authority.parse().ok());
        Self {
            authority: authority
                .expect("its address is http://host:port, as was seen when it was given"),
            http,
            breaker: Breaker::new(metrics.circuit(upstream.service), Instant::now()),
            budget: TpsBudget::new(BUDGET_FOR, BUDGET_FLOOR, BUDGET_SHARE),
            telemetry: telemetry.clone(),
            metrics: metrics.clone(),
            upstream,
        }
    }

    /// Asks, again where that is worth it, until there is an answer's head.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Response<Incoming>, NoAnswer> {
        let deadline = Instant::now() + self.upstream.timeout;
        let may_repeat = is_idempotent(&ask);
        let (mut request, mut again) = Self::first(ask);
        self.budget.deposit();
        for attempt in 1.. {
            let leave = self.breaker.ask(Instant::now());
            let leave = leave.map_err(|wait| NoAnswer::Refused(Refusal::CircuitOpen { wait }))?;
            let arrival = match &request.body {
                Content::Passing(body) => Some(body.arrival()),
                Content::Whole(_) => None,
            };
            let outcome = self.attempt(request, deadline).await;
            if let (Err(error), Some(arrival)) = (&outcome, arrival)
                && let Some(refusal) = arrival.fault(error)
            {
                // The leave is dropped: this says nothing of the service.
                return Err(NoAnswer::Refused(refusal));
            }
            let change = leave.tell(is_unavailable(&outcome), Instant::now());
            self.report(change);
            let next = again
                .take()
                .filter(|_| attempt < ATTEMPTS && is_worth_repeating(&outcome, may_repeat))
                .filter(|_| self.may_retry());
            let Some(next) = next else {
                return outcome
                    .map_err(|error| NoAnswer::Failed(Failure::new(error, frame!("Hop::ask"))));
            };
            let pause = PAUSE * attempt;
            let pause = pause.mul_f64(rand::rng().random::<f64>());
            tokio::time::sleep(pause).await;
            (request, again) = Self::first(next);
        }
        unreachable!("attempts are counted")
    }

    async fn attempt(&self, ask: Ask, deadline: Instant) -> Result<Response<Incoming>, CallError> {
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(ask.path_and_query)
            .build()
            .expect("its parts are those of an address");
        let call = self.telemetry.client_call_to(&ask.method, &uri);
        let call = call.template(ask.template).headers(ask.headers);
        let body = match ask.body {
            Content::Whole(bytes) => Body::from(bytes),
            Content::Passing(body) => Body::new(body),
        };
        let send = |headers: HeaderMap| {
            let mut request = Request::new(body);
            *request.method_mut() = ask.method;
            *request.uri_mut() = uri;
            *request.headers_mut() = headers;
            let answering = self.http.request(request);
            async move {
                match tokio::time::timeout_at(deadline, answering).await {
                    Ok(answer) => answer.map_err(|error| self.error(error)),
                    Err(elapsed) => Err(CallError::TimedOut {
                        base: self.base(),
                        source: elapsed.into(),
                    }),
                }
            }
        };
        call.send(send, Response::status).await
    }

    /// One attempt, and what is left for another if the body can be sent again.
    fn first(ask: Ask) -> (Ask, Option<Ask>) {
        let again = match &ask.body {
            Content::Passing(_) => None,
            Content::Whole(body) => Some(Ask {
                method: ask.method.clone(),
                template: ask.template,
                path_and_query: ask.path_and_query.clone(),
                headers: ask.headers.clone(),
                body: Content::Whole(body.clone()),
            }),
        };
        (ask, again)
    }

    fn may_retry(&self) -> bool {
        let may = self.budget.withdraw();
        let retry = if may { Retry::Made } else { Retry::OverBudget };
        self.metrics.retry(self.upstream.service, retry);
        may
    }

    fn report(&self, change: Option<Change>) {
        let service = self.upstream.service;
        match change {
            Some(Change::Opened) => tracing::error!(
                "upstream" = service,
                "the circuit to {service} is open: it cannot be asked"
            ),
            Some(Change::Closed) => tracing::info!(
                "upstream" = service,
                "the circuit to {service} is closed again"
            ),
            None => {}
        }
    }

    fn error(&self, source: hyper_util::client::legacy::Error) -> CallError {
        let base = self.base();
        if source.is_connect() {
            CallError::Connect {
                base,
                source: source.into(),
            }
        } else {
            CallError::Broken {
                base,
                source: source.into(),
            }
        }
    }

    fn base(&self) -> String {
        format!("http://{}", self.authority)
    }
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the way to {}", self.upstream.service)
    }
}

fn is_idempotent(ask: &Ask) -> bool {
    ask.method.is_idempotent() || ask.headers.contains_key(IDEMPOTENCY_KEY)
}

/// Whether the service could not be had. What it answers itself is no reason to refuse others: a 500
/// is about one request, and with a 503 it refuses as quickly as we could, and says why.
fn is_unavailable(outcome: &Result<Response<Incoming>, CallError>) -> bool {
    match outcome {
        Ok(response) => is_passing(response.status()),
        Err(_) => true,
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502 | 504)
}

/// A connection that was refused has carried nothing. Anything else may have had its effect, and
/// is repeated only where that does no harm. Whoever says when to come again is taken at his word.
fn is_worth_repeating(outcome: &Result<Response<Incoming>, CallError>, may_repeat: bool) -> bool {
    match outcome {
        Err(CallError::Connect { .. }) => true,
        Err(CallError::Broken { .. }) => may_repeat,
        Err(_) => false,
        Ok(response) => {
            let is_told_when = response.headers().contains_key(RETRY_AFTER);
            may_repeat && is_passing(response.status()) && !is_told_when
        }
    }
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
