use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, LINK};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

use crate::failure::{Via, frame};
use crate::problem::{InQuery, Problem};
use crate::reminders::api::conditional::{etag, is_held};
use crate::reminders::api::{Api, Authenticated, private};
use crate::reminders::pool::Pool;
use crate::reminders::record::Record;
use crate::reminders::session::Session;
use crate::reminders::sync_token::{Holder, SyncToken, TokenError};

/// From where on, and how much.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// None for all that there is.
    token: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Page {
    /// The records that changed, the oldest change first.
    changes: Vec<Record>,
    /// Whether there is more to fetch at once, with the token.
    more: bool,
    /// To go on from here.
    token: String,
    next_sync: Timestamp,
}

const LIMITS: std::ops::RangeInclusive<usize> = 1..=500;
const DEFAULT_LIMIT: usize = 100;

/// Tells a device what changed since its token. What is known to be unchanged is answered from
/// memory.
pub(crate) async fn fetch(
    State(api): State<Arc<Api>>,
    Authenticated(session): Authenticated,
    InQuery(asked): InQuery<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !LIMITS.contains(&limit) {
        let (least, most) = (LIMITS.start(), LIMITS.end());
        let detail = format!("limit must be from {least} to {most}, not {limit}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let pool = api.pool(&session);
    let holder = Holder {
        person: &session.person,
        epoch: &pool.epoch,
    };
    let now = api.clock.now();
    // Read before the records: all up to it are seen by what follows.
    let version = pool.version(&session.person).await.via(frame!("fetch"))?;
    let held = asked.token.as_deref();
    let held = held.map(|token| SyncToken::open(token, &api.keyring, holder, now));
    let held = held.transpose().map_err(begin_anew)?;
    let since = held.map(|token| token.since);
    if since.is_some_and(|since| since > version) {
        return Err(begin_anew(TokenError::Foreign));
    }
    let next_sync = api.next_sync(&session);
    let unchanged = etag(&pool.epoch, version);
    if is_held(&headers, &unchanged) {
        pool.instruments.fetch(pool.consumers.as_str(), "held");
        let headers = tagged(private(pool, next_sync), &unchanged);
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let (changes, more) = changes(pool, &session, (since, version), limit).await?;
    let last = changes.last().map_or(0, |last| last.version);
    let (reached, token) = if more {
        let token = held.unwrap_or(SyncToken::new(0, now));
        (last, token.on_the_way(last))
    } else {
        let reached = last.max(version);
        (reached, SyncToken::new(reached, now))
    };
    let page = Page {
        changes,
        more,
        token: token.seal(&api.keyring, holder),
        next_sync,
    };
    let headers = tagged(private(pool, next_sync), &etag(&pool.epoch, reached));
    Ok((headers, Json(page)).into_response())
}

/// Up to `limit` records that changed between two versions, and whether there are more.
async fn changes(
    pool: &Pool,
    session: &Session,
    (since, version): (Option<u64>, u64),
    limit: usize,
) -> Result<(Vec<Record>, bool), Problem> {
    let consumers = pool.consumers.as_str();
    if since.unwrap_or(0) == version {
        pool.instruments.fetch(consumers, "memory");
        return Ok((Vec::new(), false));
    }
    let turn = pool.reads.turn().await?;
    let changes = pool.store.changes(&session.person, since, limit + 1).await;
    drop(turn);
    let mut changes = changes.via(frame!("changes"))?;
    pool.instruments.fetch(consumers, "database");
    let more = changes.len() > limit;
    changes.truncate(limit);
    Ok((changes, more))
}

pub(crate) fn tagged(mut headers: HeaderMap, etag: &str) -> HeaderMap {
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    headers
}

/// 410: the device must drop what it has and fetch without a token.
fn begin_anew(error: TokenError) -> Problem {
    let detail = format!("{error}: fetch all anew, without a token");
    let full = HeaderValue::from_static("</v1/sync/fetch>; rel=\"full-sync\"");
    Problem::new(StatusCode::GONE, detail).header(LINK, full)
}
