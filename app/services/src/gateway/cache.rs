//! A shared cache of answers (RFC 9111), in this process and bounded by bytes. Several gateways may
//! have a store of answers together; then what this process holds is the near part of it.

mod control;
mod entry;
mod outcome;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, COOKIE, RANGE};
use http::{HeaderMap, Method};
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::time::Instant;

use self::control::Control;
use self::entry::Use;
pub(crate) use self::entry::{Entry, matches};
pub(crate) use self::outcome::Outcome;
use self::outcome::Outcomes;
use self::store::Held;
pub(crate) use self::store::Store;
pub use self::store::{CacheUrl, NoCacheUrl};

/// All entries together weigh at most so much.
const CAPACITY: u64 = 64 << 20;
/// How many answers to the same address are kept, for what they vary by.
const MOST_VARIANTS: usize = 8;
/// How long an address is remembered as one whose answers are not kept.
const PASS_FOR: Duration = Duration::from_secs(10);
const MOST_PASSES: u64 = 10_000;
/// What the store has is shown for so long without asking it again, so that what is taken out of it
/// is gone everywhere soon.
const NEAR_FOR: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Cache {
    /// By path and query.
    entries: moka::sync::Cache<String, Arc<Kept>>,
    /// Addresses whose answers are not kept: nobody waits there for another's answer.
    passes: moka::sync::Cache<String, ()>,
    /// Who is fetching what. Locked to begin and to end a flight only.
    flights: Arc<Mutex<HashMap<String, watch::Receiver<()>>>>,
    outcomes: Outcomes,
    /// What other gateways have too, if there are any.
    store: Option<Arc<Store>>,
}

/// The answers at one address.
#[derive(Debug)]
struct Kept {
    variants: Vec<Arc<Entry>>,
    /// When the store is known to have had them; never, if they are ours alone. Locked to read and
    /// to write it only.
    confirmed: Mutex<Option<Instant>>,
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
    /// It may be shown as it is, but one should ask the store whether it still has it.
    Unconfirmed,
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
    pub(crate) fn new(registry: &mut Registry, store: Option<Arc<Store>>) -> Self {
        let weigh = |key: &String, kept: &Arc<Kept>| {
            let all: usize = kept.variants.iter().map(|entry| entry.weight()).sum();
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
            store,
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
        let kept = self.entries.get(key);
        let is_due = || {
            let store = self.store.as_ref();
            store.is_some_and(|store| {
                kept.as_ref().is_some_and(|kept| kept.is_due(now)) && store.is_up()
            })
        };
        match self.found(kept.as_ref(), key, asked, now) {
            Found::Fresh(_) | Found::Stale(_) if is_due() => Found::Unconfirmed,
            found => found,
        }
    }

    /// What there is in this process, whether the store still has it or not.
    pub(crate) fn find_near(&self, key: &str, asked: &HeaderMap, now: Instant) -> Found {
        self.found(self.entries.get(key).as_ref(), key, asked, now)
    }

    /// What there is once the store has been asked.
    pub(crate) async fn find_far(&self, key: &str, asked: &HeaderMap) -> Found {
        let Some(store) = &self.store else {
            return self.find_near(key, asked, Instant::now());
        };
        let held = store.get(key).await;
        let now = Instant::now();
        let kept = self.entries.get(key);
        match held {
            Held::Answers(entries) => {
                let held = entries.into_iter().map(Arc::new);
                let kept = Arc::new(Kept {
                    variants: held.map(|entry| newer(entry, kept.as_ref())).collect(),
                    confirmed: Mutex::new(Some(now)),
                });
                self.entries.insert(key.to_owned(), Arc::clone(&kept));
                self.found(Some(&kept), key, asked, now)
            }
            Held::Nothing if kept.as_ref().is_some_and(|kept| kept.was_shared()) => {
                // It was taken out. The service may say that it holds, and none other.
                self.entries.invalidate(key);
                match self.found(kept.as_ref(), key, asked, now) {
                    Found::Fresh(old) | Found::Stale(old) => Found::Missing {
                        old: Some(old),
                        if_error: true,
                    },
                    found => found,
                }
            }
            Held::Nothing => self.found(kept.as_ref(), key, asked, now),
            Held::Unknown => {
                if let Some(kept) = kept.as_ref().filter(|kept| kept.was_shared()) {
                    kept.confirm(now);
                }
                self.found(kept.as_ref(), key, asked, now)
            }
        }
    }

    fn found(&self, kept: Option<&Arc<Kept>>, key: &str, asked: &HeaderMap, now: Instant) -> Found {
        let entry = kept.and_then(|kept| kept.variants.iter().find(|entry| entry.is_for(asked)));
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

    /// Keeps an answer here, and soon in the store.
    pub(crate) fn keep(&self, key: &str, asked: &HeaderMap, entry: &Arc<Entry>) {
        let others = self.entries.get(key);
        let others = others.iter().flat_map(|kept| kept.variants.iter());
        let others = others.filter(|other| !other.is_for(asked));
        let mut variants = vec![Arc::clone(entry)];
        variants.extend(others.take(MOST_VARIANTS - 1).cloned());
        let kept = Arc::new(Kept {
            variants,
            confirmed: Mutex::default(),
        });
        self.entries.insert(key.to_owned(), Arc::clone(&kept));
        if let Some(store) = &self.store {
            let sharing = Arc::clone(&kept);
            let confirm = move || sharing.confirm(Instant::now());
            store.put(key, kept.variants.iter().map(|entry| &**entry), confirm);
        }
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
        self.outcomes.count(outcome);
    }
}

/// What we fetched ourselves meanwhile may be newer than what the store has.
fn newer(held: Arc<Entry>, kept: Option<&Arc<Kept>>) -> Arc<Entry> {
    let mut ours = kept.into_iter().flat_map(|kept| &kept.variants);
    let ours = ours.find(|ours| ours.replaces(&held) && ours.made > held.made);
    ours.cloned().unwrap_or(held)
}

impl Kept {
    fn was_shared(&self) -> bool {
        lock(&self.confirmed).is_some()
    }

    fn is_due(&self, now: Instant) -> bool {
        let confirmed = *lock(&self.confirmed);
        confirmed.is_some_and(|confirmed| now.saturating_duration_since(confirmed) >= NEAR_FOR)
    }

    fn confirm(&self, now: Instant) {
        *lock(&self.confirmed) = Some(now);
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
        let cache = Cache::new(&mut Registry::default(), None);
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
    fn what_was_fetched_meanwhile_stays_if_it_is_newer() {
        let (plain, html) = (
            headers(&[(ACCEPT, "text/plain")]),
            headers(&[(ACCEPT, "text/html")]),
        );
        let (ours, theirs, other) = (entry(&plain), entry(&plain), entry(&html));
        let older = (*theirs)
            .clone()
            .made_at(ours.made - Duration::from_secs(9));
        let kept = Arc::new(Kept {
            variants: vec![Arc::clone(&ours)],
            confirmed: Mutex::default(),
        });
        let check = |held: Arc<Entry>, expected: &Arc<Entry>| {
            assert!(Arc::ptr_eq(&newer(held, Some(&kept)), expected));
        };
        check(Arc::new(older), &ours);
        check(Arc::clone(&theirs), &theirs);
        check(Arc::clone(&other), &other);
        assert!(Arc::ptr_eq(&newer(Arc::clone(&other), None), &other));
    }

    #[test]
    fn what_is_not_kept_is_passed() {
        let cache = Cache::new(&mut Registry::default(), None);
        cache.pass("/a");
        let found = cache.find("/a", &HeaderMap::new(), Instant::now());
        assert!(matches!(found, Found::Pass));
    }

    #[tokio::test]
    async fn one_fetches_and_the_others_wait_for_it() {
        let cache = Cache::new(&mut Registry::default(), None);
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
