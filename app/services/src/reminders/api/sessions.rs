use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

use crate::problem::{Body, Problem};
use crate::reminders::api::Api;
use crate::reminders::name::Name;
use crate::reminders::session::Session;
use crate::reminders::wrongs::Wrongs;

/// Whose session is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    person: Name,
    device: Name,
    programme: Option<Name>,
    lifetime_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Issued {
    token: String,
    person: Name,
    device: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    programme: Option<Name>,
    expires_at: Timestamp,
}

const LIFETIMES: std::ops::RangeInclusive<i64> = 1..=30 * 86_400;
const DEFAULT_LIFETIME: i64 = 86_400;

/// Stands in for the accounts service, which issues sessions in production after it has seen who it
/// is. It knows the same keys; nothing here ever asks it.
pub(crate) async fn issue(
    State(api): State<Arc<Api>>,
    Body(wanted): Body<Wanted>,
) -> Result<Response, Problem> {
    let lifetime = wanted.lifetime_seconds.unwrap_or(DEFAULT_LIFETIME);
    let mut wrongs = Wrongs::default();
    if !LIFETIMES.contains(&lifetime) {
        let (least, most) = (LIFETIMES.start(), LIFETIMES.end());
        wrongs.add("/lifetime_seconds", format!("{least} to {most} seconds"));
    }
    if let Some(problem) = wrongs.refusal("the session cannot be issued") {
        return Err(problem);
    }
    let issued_at = api.clock.now().millis() / 1_000;
    let session = Session {
        person: wanted.person,
        device: wanted.device,
        programme: wanted.programme,
        issued_at,
        expires_at: issued_at + lifetime,
    };
    let issued = Issued {
        token: session.token(&api.keyring),
        person: session.person,
        device: session.device,
        programme: session.programme,
        expires_at: Timestamp::from_secs(session.expires_at),
    };
    let uncached = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, uncached, Json(issued)).into_response())
}
