use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_LOCATION, DATE, ETAG, EXPIRES, IF_NONE_MATCH,
    SET_COOKIE, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::control::Control;

type Bytes = axum::body::Bytes;

/// An answer that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(super) status: StatusCode,
    /// With an `ETag`, ours if the service gave none, and without `Age`.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// When the service made it.
    pub(super) made: Instant,
    fresh_for: Duration,
    /// How long after that it may be shown while a new one is fetched.
    while_revalidate: Duration,
    /// How long after that it may be shown if none can be had.
    if_error: Duration,
    /// What the request said that the answer depends on.
    pub(super) asked_with: Vec<(HeaderName, Vec<HeaderValue>)>,
}

/// How an entry may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Fresh,
    /// It may be shown, and a new one is to be fetched.
    WhileRevalidating,
    /// It may be asked whether it still holds, and be shown if that fails and it is allowed.
    Revalidate {
        if_error: bool,
    },
}

/// Headers that a renewed entry takes over from the answer that renewed it.
const RENEWED: [HeaderName; 6] = [CACHE_CONTROL, CONTENT_LOCATION, DATE, ETAG, EXPIRES, VARY];

impl Entry {
    /// The largest body that is kept.
    pub(crate) const LARGEST: u64 = 1 << 20;

    /// How long an answer is fresh, if it may be kept at all: only one that says so.
    pub(crate) fn freshness(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
        let control = Control::of(headers);
        let is_kept = matches!(status.as_u16(), 200 | 203 | 301 | 404 | 410);
        let is_barred = control.no_store || control.no_cache;
        let is_of_one = headers.contains_key(SET_COOKIE) || varies_by_all(headers);
        let fresh_for = control.shared_max_age.or(control.max_age)?;
        let is_useful = !fresh_for.is_zero() || headers.contains_key(ETAG);
        (is_kept && !is_barred && !is_of_one && is_useful).then_some(fresh_for)
    }

    /// Keeps an answer to a request with the headers `asked`.
    pub(crate) fn new(
        status: StatusCode,
        mut headers: HeaderMap,
        body: Bytes,
        asked: &HeaderMap,
        now: Instant,
    ) -> Option<Self> {
        let fresh_for = Self::freshness(status, &headers)?;
        let age = headers.remove(AGE).map_or(0, |age| {
            age.to_str()
                .ok()
                .and_then(|age| age.parse().ok())
                .unwrap_or(0)
        });
        if !headers.contains_key(ETAG) {
            headers.insert(ETAG, tag(&body));
        }
        headers.insert(CONTENT_LENGTH, body.len().into());
        let control = Control::of(&headers);
        let grace = |grace: Option<Duration>| {
            let is_allowed = !control.must_revalidate;
            grace.filter(|_| is_allowed).unwrap_or_default()
        };
        Some(Self {
            status,
            asked_with: varying(&headers)
                .map(|name| (name.clone(), values(asked, &name)))
                .collect(),
            body,
            made: now.checked_sub(Duration::from_secs(age)).unwrap_or(now),
            fresh_for,
            while_revalidate: grace(control.stale_while_revalidate),
            if_error: grace(control.stale_if_error),
            headers,
        })
    }

    /// The entry after the service has said that it still holds.
    pub(crate) fn renewed(&self, by: &HeaderMap, asked: &HeaderMap, now: Instant) -> Option<Self> {
        let mut headers = self.headers.clone();
        for name in RENEWED {
            if let Some(value) = by.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        Self::new(self.status, headers, self.body.clone(), asked, now)
    }

    /// The same answer, made at another time than it came.
    pub(super) fn made_at(self, made: Instant) -> Self {
        Self { made, ..self }
    }

    pub(crate) fn is_for(&self, asked: &HeaderMap) -> bool {
        self.asked_with
            .iter()
            .all(|(name, with)| asked.get_all(name).iter().eq(with.iter()))
    }

    /// Whether both are answers to the same: one stands in the other's place.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.asked_with == other.asked_with
    }

    pub(crate) fn usable(&self, now: Instant) -> Use {
        let stale_for = (now - self.made).checked_sub(self.fresh_for);
        match stale_for {
            None => Use::Fresh,
            Some(stale) if stale < self.while_revalidate => Use::WhileRevalidating,
            Some(stale) => Use::Revalidate {
                if_error: stale < self.if_error,
            },
        }
    }

    /// How much longer it may be shown, under whatever condition.
    pub(super) fn of_use_for(&self, now: Instant) -> Duration {
        let whole = self.fresh_for + self.while_revalidate.max(self.if_error);
        whole.saturating_sub(now.saturating_duration_since(self.made))
    }

    pub(crate) fn etag(&self) -> Option<&HeaderValue> {
        self.headers.get(ETAG)
    }

    /// What it weighs, in bytes, roughly.
    pub(crate) fn weight(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers.map(|(k, v)| k.as_str().len() + v.len() + 64).sum();
        headers + self.body.len() + size_of::<Self>()
    }

    /// The answer to who asked, which is 304 to who has it already.
    pub(crate) fn answer(&self, asked: &HeaderMap, now: Instant) -> Response {
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = self.headers.clone();
        let age = (now - self.made).as_secs();
        response.headers_mut().insert(AGE, age.into());
        let is_known = self.etag().is_some_and(|etag| matches(asked, etag));
        if is_known && self.status == StatusCode::OK {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(CONTENT_LENGTH);
        } else {
            *response.status_mut() = self.status;
            *response.body_mut() = Body::from(self.body.clone());
        }
        response
    }
}

/// Whether `If-None-Match` names this tag, compared weakly.
pub(crate) fn matches(asked: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(etag) = etag.to_str().map(opaque) else {
        return false;
    };
    asked.get_all(IF_NONE_MATCH).iter().any(|list| {
        let tags = list.to_str().unwrap_or_default().split(',');
        tags.map(opaque).any(|tag| tag == "*" || tag == etag)
    })
}

fn tag(body: &[u8]) -> HeaderValue {
    let digest = URL_SAFE_NO_PAD.encode(&Sha256::digest(body)[..16]);
    HeaderValue::from_str(&format!("\"{digest}\"")).expect("base 64 is ASCII")
}

fn varies_by_all(headers: &HeaderMap) -> bool {
    let all = |value: &HeaderValue| value.to_str().map_or(true, |value| value.contains('*'));
    headers.get_all(VARY).iter().any(all)
}

fn varying(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let values = headers.get_all(VARY).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
}

fn values(headers: &HeaderMap, name: &HeaderName) -> Vec<HeaderValue> {
    headers.get_all(name).iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    fn entry(pairs: &[(HeaderName, &str)], now: Instant) -> Entry {
        let asked = headers(&[(ACCEPT, "text/plain")]);
        let body = Bytes::from_static(b"hello");
        Entry::new(StatusCode::OK, headers(pairs), body, &asked, now).unwrap()
    }

    #[test]
    fn only_what_says_that_it_may_be_kept_is_kept() {
        let check = |status: u16, pairs: &[(HeaderName, &str)], expected: Option<u64>| {
            let status = StatusCode::from_u16(status).unwrap();
            let found = Entry::freshness(status, &headers(pairs));
            assert_eq!(
                found,
                expected.map(Duration::from_secs),
                "{status} {pairs:?}"
            );
        };
        check(200, &[], None);
        check(200, &[(ETAG, "\"1\"")], None);
        check(200, &[(CACHE_CONTROL, "max-age=5")], Some(5));
        check(200, &[(CACHE_CONTROL, "max-age=5, s-maxage=9")], Some(9));
        check(200, &[(CACHE_CONTROL, "max-age=5, private")], None);
        check(200, &[(CACHE_CONTROL, "max-age=5, no-store")], None);
        check(200, &[(CACHE_CONTROL, "max-age=0")], None);
        check(
            200,
            &[(CACHE_CONTROL, "max-age=5"), (SET_COOKIE, "a=b")],
            None,
        );
        check(200, &[(CACHE_CONTROL, "max-age=5"), (VARY, "*")], None);
        check(404, &[(CACHE_CONTROL, "max-age=5")], Some(5));
        check(503, &[(CACHE_CONTROL, "max-age=5")], None);
        check(201, &[(CACHE_CONTROL, "max-age=5")], None);
    }

    #[test]
    fn an_entry_grows_stale_in_the_steps_that_it_names() {
        let now = Instant::now();
        let control = "max-age=10, stale-while-revalidate=5, stale-if-error=20";
        let entry = entry(&[(CACHE_CONTROL, control), (AGE, "4")], now);
        let check = |seconds, expected| {
            assert_eq!(entry.usable(now + Duration::from_secs(seconds)), expected);
        };
        check(0, Use::Fresh);
        check(5, Use::Fresh);
        check(6, Use::WhileRevalidating);
        check(10, Use::WhileRevalidating);
        check(11, Use::Revalidate { if_error: true });
        check(26, Use::Revalidate { if_error: false });
    }

    #[test]
    fn who_must_revalidate_is_shown_nothing_stale() {
        let now = Instant::now();
        let control = "max-age=1, stale-if-error=60, must-revalidate";
        let entry = entry(&[(CACHE_CONTROL, control)], now);
        let expected = Use::Revalidate { if_error: false };
        assert_eq!(entry.usable(now + Duration::from_secs(2)), expected);
    }

    #[test]
    fn who_has_it_already_is_told_so() {
        let now = Instant::now();
        let later = now + Duration::from_secs(3);
        let entry = entry(&[(CACHE_CONTROL, "max-age=10")], now);
        let whole = entry.answer(&HeaderMap::new(), later);
        assert_eq!(whole.status(), 200);
        assert_eq!(whole.headers()[AGE], "3");
        let etag = whole.headers()[ETAG].to_str().unwrap();
        for tags in [etag, "*", &format!("\"x\", W/{etag}")] {
            let response = entry.answer(&headers(&[(IF_NONE_MATCH, tags)]), later);
            assert_eq!(response.status(), 304, "{tags}");
        }
        let response = entry.answer(&headers(&[(IF_NONE_MATCH, "\"x\"")]), later);
        assert_eq!(response.status(), 200);
    }

    #[test]
    fn an_answer_is_for_who_asked_alike() {
        let entry = entry(
            &[(CACHE_CONTROL, "max-age=10"), (VARY, "Accept, Prefer")],
            Instant::now(),
        );
        assert!(entry.is_for(&headers(&[(ACCEPT, "text/plain")])));
        assert!(!entry.is_for(&headers(&[(ACCEPT, "text/html")])));
        assert!(!entry.is_for(&HeaderMap::new()));
    }

    #[test]
    fn a_renewed_entry_is_fresh_again() {
        let now = Instant::now();
        let old = entry(&[(CACHE_CONTROL, "max-age=10")], now);
        let later = now + Duration::from_mins(1);
        let by = headers(&[(CACHE_CONTROL, "max-age=30")]);
        let new = old.renewed(&by, &HeaderMap::new(), later).unwrap();
        assert_eq!(new.usable(later + Duration::from_secs(29)), Use::Fresh);
        assert_eq!(new.etag(), old.etag());
    }
}
