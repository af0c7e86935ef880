use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use watchfire_telemetry::Unlogged;

use super::consumer::Class;
use crate::problem::Problem;

/// Why the gateway answers a request itself. The set is closed: it is a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownKey,
    RateLimited { wait: Duration },
    Overloaded,
    BulkheadFull,
    CircuitOpen { wait: Duration },
    BodyTooLarge { most: usize },
    BodyTooSlow,
    BodyBrokenOff,
    UpstreamUnreachable,
    UpstreamTimedOut,
}

impl Refusal {
    const COUNT: usize = 10;

    /// The label's value.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_key",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::BulkheadFull => "bulkhead_full",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyBrokenOff => "body_broken_off",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::UpstreamTimedOut => "upstream_timed_out",
        }
    }

    fn index(&self) -> usize {
        match self {
            Self::UnknownKey => 0,
            Self::RateLimited { .. } => 1,
            Self::Overloaded => 2,
            Self::BulkheadFull => 3,
            Self::CircuitOpen { .. } => 4,
            Self::BodyTooLarge { .. } => 5,
            Self::UpstreamUnreachable => 6,
            Self::UpstreamTimedOut => 7,
            Self::BodyTooSlow => 8,
            Self::BodyBrokenOff => 9,
        }
    }

    /// Many come at once, so that a line for each would say nothing and cost much. The failures of
    /// an upstream are told one by one, as exceptions.
    fn is_told_in_sum(&self) -> bool {
        !matches!(self, Self::UpstreamUnreachable | Self::UpstreamTimedOut)
    }

    pub(crate) fn problem(&self) -> Problem {
        const SOON: Duration = Duration::from_secs(1);
        match self {
            Self::UnknownKey => Problem::new(
                StatusCode::UNAUTHORIZED,
                "the API key is not known; ask without one, or with one that is",
            )
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Self::RateLimited { wait } => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "this consumer asks more often than it may",
            )
            .retry_after(*wait),
            Self::Overloaded => unavailable("the gateway has more requests than it can hold", SOON),
            Self::BulkheadFull => unavailable(
                "this class of consumers has more requests under way than it may",
                SOON,
            ),
            Self::CircuitOpen { wait } => unavailable(
                "the service behind this route fails and is given a rest",
                *wait,
            ),
            Self::BodyTooLarge { most } => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("a body may hold {most} bytes here"),
            ),
            Self::BodyTooSlow => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in the time that the request has",
            ),
            Self::BodyBrokenOff => {
                Problem::new(StatusCode::BAD_REQUEST, "the body did not arrive whole")
            }
            Self::UpstreamUnreachable => Problem::new(StatusCode::BAD_GATEWAY, NO_ANSWER),
            Self::UpstreamTimedOut => Problem::new(StatusCode::GATEWAY_TIMEOUT, NO_ANSWER),
        }
    }
}

const NO_ANSWER: &str = "the service behind this route does not answer";

fn unavailable(detail: &str, wait: Duration) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(wait)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: &'static str,
    consumer_class: &'static str,
}

/// A reason is told so often at most; what came in between is told by its number.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Counts what the gateway refuses, and tells of it without a line for each.
#[derive(Debug)]
pub(crate) struct Refusals {
    counts: Family<Labels, Counter>,
    /// By reason: when it was told, and how many have not been since.
    told: [Mutex<(Option<Instant>, u64)>; Refusal::COUNT],
}

impl Refusals {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let counts = Family::default();
        registry.register(
            "gateway_refusals",
            "Requests that the gateway answered itself, by reason and class of consumer",
            counts.clone(),
        );
        Self {
            counts,
            told: Default::default(),
        }
    }

    /// Notes one refusal and makes its answer.
    pub(crate) fn answer(&self, refusal: &Refusal, class: Class) -> Response {
        let reason = refusal.reason();
        let consumer_class = class.as_str();
        self.counts
            .get_or_create_owned(&Labels {
                reason,
                consumer_class,
            })
            .inc();
        let mut response = refusal.problem().into_response();
        if refusal.is_told_in_sum() {
            response.extensions_mut().insert(Unlogged);
            if let Some(untold) = self.due(refusal, Instant::now()) {
                tracing::warn!(
                    "gateway.refusal" = reason,
                    "gateway.consumer_class" = consumer_class,
                    "gateway.refused" = untold,
                    "refused {untold} requests: {reason}"
                );
            }
        }
        response
    }

    /// How many to tell of now, if it is time.
    fn due(&self, refusal: &Refusal, now: Instant) -> Option<u64> {
        let mut told = self.told[refusal.index()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        told.1 += 1;
        let is_due = told.0.is_none_or(|last| now - last >= TELL_EVERY);
        is_due.then(|| {
            told.0 = Some(now);
            std::mem::take(&mut told.1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_refusals_are_one_line_with_their_number() {
        let refusals = Refusals::register(&mut Registry::default());
        let now = Instant::now();
        assert_eq!(refusals.due(&Refusal::Overloaded, now), Some(1));
        for _ in 0..5 {
            assert_eq!(refusals.due(&Refusal::Overloaded, now), None);
        }
        assert_eq!(refusals.due(&Refusal::UnknownKey, now), Some(1));
        assert_eq!(
            refusals.due(&Refusal::Overloaded, now + TELL_EVERY),
            Some(6)
        );
    }

    #[test]
    fn each_reason_is_a_problem_of_its_own() {
        let wait = Duration::from_millis(1500);
        let check = |refusal: &Refusal, status: u16, retry: Option<&str>| {
            let response = refusal.problem().into_response();
            assert_eq!(response.status().as_u16(), status, "{refusal:?}");
            let told = response.headers().get(http::header::RETRY_AFTER);
            assert_eq!(told.map(|told| told.to_str().unwrap()), retry);
        };
        check(&Refusal::UnknownKey, 401, None);
        check(&Refusal::RateLimited { wait }, 429, Some("2"));
        check(&Refusal::Overloaded, 503, Some("1"));
        check(&Refusal::BulkheadFull, 503, Some("1"));
        check(&Refusal::CircuitOpen { wait }, 503, Some("2"));
        check(&Refusal::BodyTooLarge { most: 7 }, 413, None);
        check(&Refusal::BodyTooSlow, 408, None);
        check(&Refusal::BodyBrokenOff, 400, None);
        check(&Refusal::UpstreamUnreachable, 502, None);
        check(&Refusal::UpstreamTimedOut, 504, None);
    }
}
