use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use watchfire_schemas::Timestamp;

use crate::gateway::cache::entry::Entry;

/// A value in the store: a line of JSON that says what is there, then the bodies, one after the
/// other. Gateways of several versions share a store, so that another form needs another version in
/// the keys.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// What was asked for: path and query.
    address: String,
    stored_at: Timestamp,
    answers: Vec<Answer>,
}

/// One of the answers at an address, which differ by what the request said.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    status: u16,
    /// When the service made it.
    made_at: Timestamp,
    /// They hold its `ETag`, and how long it is fresh.
    headers: Vec<(String, String)>,
    /// What the request said that the answer depends on; a name without a value was not said.
    asked_with: Vec<(String, Vec<String>)>,
    bytes: usize,
}

/// A value grows no larger; what does not fit is not shared.
const LARGEST: usize = 2 << 20;
/// Nothing is kept longer, however long it is said to be fresh.
const LONGEST: Duration = Duration::from_hours(24);

/// Both clocks at one moment: ours measures, the other is the same for all gateways.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) here: Instant,
    pub(super) everywhere: Timestamp,
}

/// The value for these answers, the newest first, and how long it is of use. `None` if it is of
/// none.
pub(super) fn encode<'a>(
    address: &str,
    entries: impl IntoIterator<Item = &'a Entry>,
    now: Now,
) -> Option<(Vec<u8>, Duration)> {
    let (mut answers, mut bodies) = (Vec::new(), Vec::<&[u8]>::new());
    let (mut size, mut lasts) = (0, Duration::ZERO);
    for entry in entries {
        let of_use = entry.of_use_for(now.here).min(LONGEST);
        let Some(answer) = Answer::of(entry, now).filter(|_| !of_use.is_zero()) else {
            continue;
        };
        if size + entry.weight() > LARGEST {
            continue;
        }
        size += entry.weight();
        lasts = lasts.max(of_use);
        answers.push(answer);
        bodies.push(&entry.body);
    }
    if answers.is_empty() {
        return None;
    }
    let head = Head {
        address: address.to_owned(),
        stored_at: now.everywhere,
        answers,
    };
    let mut value = serde_json::to_vec(&head).expect("plain data can be written");
    value.push(b'\n');
    for body in bodies {
        value.extend(body);
    }
    Some((value, lasts))
}

/// The answers of a value. `None` if it is not one of ours, or of another address.
pub(super) fn decode(address: &str, value: Vec<u8>, now: Now) -> Option<Vec<Entry>> {
    let value = Bytes::from(value);
    let end = value.iter().position(|&byte| byte == b'\n')?;
    let head: Head = serde_json::from_slice(&value[..end]).ok()?;
    if head.address != address {
        return None;
    }
    let mut bodies = value.slice(end + 1..);
    let mut entries = Vec::with_capacity(head.answers.len());
    for answer in head.answers {
        if answer.bytes > bodies.len() {
            return None;
        }
        let body = bodies.split_to(answer.bytes);
        entries.push(answer.into_entry(body, now)?);
    }
    bodies.is_empty().then_some(entries)
}

impl Answer {
    /// `None` if a header is no text.
    fn of(entry: &Entry, now: Now) -> Option<Self> {
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let headers = entry.headers.iter();
        let asked_with = entry.asked_with.iter();
        Some(Self {
            status: entry.status.as_u16(),
            made_at: now.everywhere - now.here.saturating_duration_since(entry.made),
            headers: headers
                .map(|(name, value)| Some((name.to_string(), text(value)?)))
                .collect::<Option<_>>()?,
            asked_with: asked_with
                .map(|(name, values)| {
                    let values = values.iter().map(text).collect::<Option<_>>()?;
                    Some((name.to_string(), values))
                })
                .collect::<Option<_>>()?,
            bytes: entry.body.len(),
        })
    }

    fn into_entry(self, body: Bytes, now: Now) -> Option<Entry> {
        let status = StatusCode::from_u16(self.status).ok()?;
        let headers = header_map(self.headers)?;
        let asked = self.asked_with.into_iter();
        let asked = asked
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)));
        let entry = Entry::new(status, headers, body, &header_map(asked)?, now.here)?;
        let age = now.everywhere.since(self.made_at);
        Some(entry.made_at(now.here.checked_sub(age)?))
    }
}

fn header_map(pairs: impl IntoIterator<Item = (String, String)>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().ok()?;
        headers.append(name, HeaderValue::from_str(&value).ok()?);
    }
    Some(headers)
}
