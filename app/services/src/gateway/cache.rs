//! A shared cache of answers (RFC 9111), in this process and bounded by bytes.

mod control;
mod entry;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, COOKIE, RANGE};
use http::{HeaderMap, Method};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::time::Instant;

use self::control::Control;
use self::entry::Use;
pub(crate) use self::entry::{Entry, matches};

/// All entries together weigh at most so much.
const CAPACITY: u64 = 64 << 20;
/// How many answers to the same address are kept, for what they vary by.
const MOST_VARIANTS: usize = 8;
/// How long an address is remembered as one whose answers are not kept.
const PASS_FOR: Duration = Duration::from_secs(10);
const MOST_PASSES: u64 = 10_000;

#[derive(Debug)]
pub(crate) struct Cache {
    /// By path and query.
    entries: moka::sync::Cache<String, Arc<Vec<Arc<Entry>>>>,
    /// Addresses whose answers are not kept: nobody waits there for another's answer.
    passes: moka::sync::Cache<String, ()>,
    /// Who is fetching what. Locked to begin and to end a flight only.
    flights: Arc<Mutex<HashMap<String, watch::Receiver<()>>>>,
    outcomes: Outcomes,
}

/// What there is for a request.
#[derive(Debug)]
pub(crate) enum Found {
    Fresh(Arc<Entry>),
    /// To be shown, while a new one is fetched.
    Stale(Arc<Entry>),
    /// Nothing that may be shown as it is.
    Missing {
        old: Option<Arc<Entry>>,
        if_error: bool,
    },
    /// Answers at this address are not kept.
    Pass,
}

/// Whose turn it is to fetch.
#[derive(Debug)]
pub(crate) enum Flight {
    /// The others wait until it is dropped.
    Lead(Lead),
    /// Changes, or closes, when the leader is back.
    Follow(watch::Receiver<()>),
}

#[derive(Debug)]
pub(crate) struct Lead {
    key: String,
    flights: Arc<Mutex<HashMap<String, watch::Receiver<()>>>>,
    _lands: watch::Sender<()>,
}

impl Cache {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let weigh = |key: &String, variants: &Arc<Vec<Arc<Entry>>>| {
            let all: usize = variants.iter().map(|entry| entry.weight()).sum();
            u32::try_from(key.len() + all).unwrap_or(u32::MAX)
        };
        Self {
            entries: moka::sync::Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(weigh)
                .build(),
            passes: moka::sync::Cache::builder()
                .max_capacity(MOST_PASSES)
                .time_to_live(PASS_FOR)
                .build(),
            flights: Arc::default(),
            outcomes: Outcomes::register(registry),
        }
    }

    /// Whether a request may be answered from here at all. One that shows who asks never is.
    pub(crate) fn is_for(method: &Method, headers: &HeaderMap) -> bool {
        let is_of_one = [AUTHORIZATION, COOKIE, RANGE]
            .iter()
            .any(|name| headers.contains_key(name));
        method == Method::GET && !is_of_one && !headers.contains_key("x-api-key") && {
            let control = Control::of(headers);
            !control.no_store && !control.no_cache && control.max_age.is_none()
        }
    }

    pub(crate) fn find(&self, key: &str, asked: &HeaderMap, now: Instant) -> Found {
        let variants = self.entries.get(key);
        let entry = variants
            .as_ref()
            .and_then(|variants| variants.iter().find(|entry| entry.is_for(asked)));
        let Some(entry) = entry else {
            return match self.passes.get(key) {
                Some(()) => Found::Pass,
                None => Found::Missing {
                    old: None,
                    if_error: false,
                },
            };
        };
        let entry = Arc::clone(entry);
        match entry.usable(now) {
            Use::Fresh => Found::Fresh(entry),
            Use::WhileRevalidating => Found::Stale(entry),
            Use::Revalidate { if_error } => Found::Missing {
                old: Some(entry),
                if_error,
            },
        }
    }

    pub(crate) fn keep(&self, key: &str, asked: &HeaderMap, entry: &Arc<Entry>) {
        let others = self.entries.get(key);
        let others = others.iter().flat_map(|variants| variants.iter());
        let others = others.filter(|other| !other.is_for(asked));
        let mut variants = vec![Arc::clone(entry)];
        variants.extend(others.take(MOST_VARIANTS - 1).cloned());
        self.entries.insert(key.to_owned(), Arc::new(variants));
    }

    /// Remembers that answers at this address are not kept.
    pub(crate) fn pass(&self, key: &str) {
        self.passes.insert(key.to_owned(), ());
    }

    /// Joins those who want the same; the first fetches it.
    pub(crate) fn join(&self, key: &str) -> Flight {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(key) {
            return Flight::Follow(flight.clone());
        }
        let (lands, landing) = watch::channel(());
        flights.insert(key.to_owned(), landing);
        Flight::Lead(Lead {
            key: key.to_owned(),
            flights: Arc::clone(&self.flights),
            _lands: lands,
        })
    }

    pub(crate) fn count(&self, outcome: Outcome) {
        self.outcomes.0[outcome as usize].inc();
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        lock(&self.flights).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a request that could have been answered from here was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Hit,
    Stale,
    Revalidated,
    Miss,
    Pass,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Hit,
        Self::Stale,
        Self::Revalidated,
        Self::Miss,
        Self::Pass,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Revalidated => "revalidated",
            Self::Miss => "miss",
            Self::Pass => "pass",
        }
    }

    /// As `Cache-Status` tells it (RFC 9211).
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Hit => "watchfire; hit",
            Self::Stale => "watchfire; hit; detail=stale",
            Self::Revalidated => "watchfire; fwd=stale; fwd-status=304",
            Self::Miss => "watchfire; fwd=miss; stored",
            Self::Pass => "watchfire; fwd=bypass",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

/// Counters in the order of [`Outcome::ALL`].
#[derive(Debug)]
struct Outcomes([Counter; Outcome::ALL.len()]);

impl Outcomes {
    fn register(registry: &mut Registry) -> Self {
        let family = Family::<Labels, Counter>::default();
        registry.register(
            "gateway_cache_requests",
            "Requests that the response cache could have answered, by how they were",
            family.clone(),
        );
        Self(Outcome::ALL.map(|outcome| {
            let outcome = outcome.as_str();
            family.get_or_create_owned(&Labels { outcome })
        }))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http::header::{ACCEPT, CACHE_CONTROL, VARY};
    use http::{HeaderName, StatusCode};

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    fn entry(asked: &HeaderMap) -> Arc<Entry> {
        let told = headers(&[(CACHE_CONTROL, "max-age=60"), (VARY, "accept")]);
        let body = Bytes::from_static(b"hello");
        Arc::new(Entry::new(StatusCode::OK, told, body, asked, Instant::now()).unwrap())
    }

    #[test]
    fn who_shows_who_it_is_is_not_answered_from_here() {
        let check = |pairs: &[(HeaderName, &str)], expected| {
            assert_eq!(Cache::is_for(&Method::GET, &headers(pairs)), expected);
        };
        check(&[], true);
        check(&[(AUTHORIZATION, "Bearer x")], false);
        check(&[(COOKIE, "a=b")], false);
        check(&[(HeaderName::from_static("x-api-key"), "wf_x")], false);
        check(&[(RANGE, "bytes=0-1")], false);
        check(&[(CACHE_CONTROL, "no-cache")], false);
        assert!(!Cache::is_for(&Method::POST, &HeaderMap::new()));
        assert!(!Cache::is_for(&Method::HEAD, &HeaderMap::new()));
    }

    #[test]
    fn variants_lie_side_by_side() {
        let cache = Cache::new(&mut Registry::default());
        let (plain, html) = (
            headers(&[(ACCEPT, "text/plain")]),
            headers(&[(ACCEPT, "text/html")]),
        );
        cache.keep("/a", &plain, &entry(&plain));
        let now = Instant::now();
        assert!(matches!(cache.find("/a", &plain, now), Found::Fresh(_)));
        assert!(matches!(
            cache.find("/a", &html, now),
            Found::Missing { .. }
        ));
        cache.keep("/a", &html, &entry(&html));
        for asked in [&plain, &html] {
            assert!(matches!(cache.find("/a", asked, now), Found::Fresh(_)));
        }
    }

    #[test]
    fn what_is_not_kept_is_passed() {
        let cache = Cache::new(&mut Registry::default());
        cache.pass("/a");
        let found = cache.find("/a", &HeaderMap::new(), Instant::now());
        assert!(matches!(found, Found::Pass));
    }

    #[tokio::test]
    async fn one_fetches_and_the_others_wait_for_it() {
        let cache = Cache::new(&mut Registry::default());
        let Flight::Lead(lead) = cache.join("/a") else {
            panic!("the first leads");
        };
        let Flight::Follow(mut landing) = cache.join("/a") else {
            panic!("the second follows");
        };
        assert!(matches!(cache.join("/b"), Flight::Lead(_)));
        let mut waiting = Box::pin(landing.changed());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(lead);
        assert!(waiting.await.is_err(), "it has landed");
        assert!(matches!(cache.join("/a"), Flight::Lead(_)));
    }
}
