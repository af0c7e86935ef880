use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::num::NonZeroU32;
use std::time::Duration;

/// What kind of consumer asks. The set is closed: it is a label, and each has a bulkhead of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Who shows no key.
    Anonymous,
    Partner,
    Internal,
}

impl Class {
    pub(crate) const ALL: [Self; 3] = [Self::Anonymous, Self::Partner, Self::Internal];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Partner => "partner",
            Self::Internal => "internal",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

/// Who asks: all who show no key are one.
#[derive(Debug)]
pub(crate) struct Consumer {
    /// As `x-consumer` tells it.
    pub(crate) id: HeaderValue,
    pub(crate) class: Class,
    limit: Option<Limit>,
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// How often one consumer may ask. The window slides: governor's generic cell rate algorithm gives
/// a request back every `1 / requests_per_second`, up to `burst`.
#[derive(Debug)]
struct Limit {
    limiter: Limiter,
    /// `"consumer";q=20;w=2`: the burst, and how long it takes to have it back whole.
    policy: HeaderValue,
    /// The time after which one request is given back.
    interval: Duration,
    burst: u32,
}

/// Requests that may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) per_second: NonZeroU32,
    pub(crate) burst: NonZeroU32,
}

/// What a limit says of one request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The headers tell what is left; none where there is no limit.
    Within(Option<HeaderValue>),
    Beyond {
        wait: Duration,
    },
}

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

impl Consumer {
    pub(crate) fn new(id: HeaderValue, class: Class, rate: Option<Rate>) -> Self {
        Self {
            id,
            class,
            limit: rate.map(Limit::new),
        }
    }

    /// Counts one request.
    pub(crate) fn count(&self) -> Verdict {
        self.limit
            .as_ref()
            .map_or(Verdict::Within(None), Limit::count)
    }

    /// Tells the limit, by the IETF's draft on `RateLimit` headers, with what is left of it.
    pub(crate) fn tell(&self, left: HeaderValue, headers: &mut HeaderMap) {
        if let Some(limit) = &self.limit {
            headers.insert(RATE_LIMIT_POLICY, limit.policy.clone());
            headers.insert(RATE_LIMIT, left);
        }
    }

    /// What is left to who asked too often.
    pub(crate) fn nothing_left(wait: Duration) -> HeaderValue {
        left(0, wait)
    }
}

impl Limit {
    fn new(rate: Rate) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let limiter = RateLimiter::direct(quota).with_middleware();
        let (burst, per_second) = (rate.burst.get(), rate.per_second.get());
        let window = burst.div_ceil(per_second);
        let policy = format!("\"consumer\";q={burst};w={window}");
        Self {
            limiter,
            policy: HeaderValue::from_str(&policy).expect("digits and ASCII"),
            interval: Duration::from_secs(1) / per_second,
            burst,
        }
    }

    fn count(&self) -> Verdict {
        match self.limiter.check() {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                let spent = self.burst.saturating_sub(remaining);
                Verdict::Within(Some(left(remaining, self.interval * spent)))
            }
            Err(until) => Verdict::Beyond {
                wait: until.wait_time_from(DefaultClock::default().now()),
            },
        }
    }
}

fn left(remaining: u32, whole_again: Duration) -> HeaderValue {
    let seconds = whole_again.as_secs_f64().ceil() as u64;
    let text = format!("\"consumer\";r={remaining};t={seconds}");
    HeaderValue::from_str(&text).expect("digits and ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer(per_second: u32, burst: u32) -> Consumer {
        let rate = Rate {
            per_second: NonZeroU32::new(per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        };
        let id = HeaderValue::from_static("acme");
        Consumer::new(id, Class::Partner, Some(rate))
    }

    #[test]
    fn a_burst_is_given_and_then_the_wait_is_told() {
        // The next request is given back after so long that no pause of this test matters.
        let acme = consumer(1, 3);
        for expected in ["\"consumer\";r=2;t=1", "\"consumer\";r=1;t=2"] {
            let Verdict::Within(Some(left)) = acme.count() else {
                panic!("it is within the limit");
            };
            assert_eq!(left, expected);
        }
        let mut beyond = None;
        for _ in 0..1000 {
            if let Verdict::Beyond { wait } = acme.count() {
                beyond = Some(wait);
            }
        }
        let wait = beyond.expect("more than the burst was asked for");
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        let mut headers = HeaderMap::new();
        acme.tell(Consumer::nothing_left(wait), &mut headers);
        assert_eq!(headers[RATE_LIMIT_POLICY], "\"consumer\";q=3;w=3");
        assert_eq!(headers[RATE_LIMIT], "\"consumer\";r=0;t=1");
    }

    #[test]
    fn without_a_limit_nothing_is_told() {
        let free = Consumer::new(HeaderValue::from_static("in"), Class::Internal, None);
        assert!(matches!(free.count(), Verdict::Within(None)));
        let mut headers = HeaderMap::new();
        free.tell(Consumer::nothing_left(Duration::ZERO), &mut headers);
        assert!(headers.is_empty());
    }
}
