use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use watchfire_schemas::Timestamp;

use crate::failure::{Failure, Kind, Via, frame};
use crate::problem::{InPath, Problem};
use crate::reminders::api::conditional::{etag, is_held};
use crate::reminders::api::fetch::tagged;
use crate::reminders::api::{Api, Authenticated, private};
use crate::reminders::document::Reminder;
use crate::reminders::name::Name;
use crate::reminders::record::{Key, Record};
use crate::reminders::schedule::Schedule;
use crate::reminders::store::Overwritten;
use crate::reminders::wrongs::Wrongs;

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    record: Record,
    /// None if it is never due again, or paused.
    next_due: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct History {
    superseded: Vec<Overwritten>,
}

#[derive(Debug, thiserror::Error)]
#[error("the document of the reminder {0} cannot be read")]
struct Unreadable(Box<str>);

impl Kind for Unreadable {
    fn kind(&self) -> &'static str {
        "Unreadable"
    }
}

/// So much of what was written over is told.
const MAX_SUPERSEDED: usize = 100;

/// One reminder and when it is due next.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Authenticated(session): Authenticated,
    InPath(id): InPath<Name>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let pool = api.pool(&session);
    let turn = pool.reads.turn().await?;
    let record = pool.store.record(&session.person, Key::reminder(&id)).await;
    drop(turn);
    let record = record.via(frame!("show"))?;
    let record = record.filter(|record| !record.deleted);
    let record = record.ok_or_else(|| unknown(&id))?;
    let (_, schedule) = schedule(&record)?;
    let next_due = schedule.and_then(|schedule| schedule.next_due(api.clock.now()));
    // The next due time is part of the answer, and moves on by itself.
    let due = next_due.map_or(0, |at| at.millis() / 1_000);
    let tag = etag(&format!("{}.{due}", pool.epoch), record.version);
    let answer = tagged(private(pool, api.next_sync(&session)), &tag);
    if is_held(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, answer).into_response());
    }
    Ok((answer, Json(Shown { record, next_due })).into_response())
}

/// What was written over by devices that did not know of it: nothing is lost.
pub(crate) async fn superseded(
    State(api): State<Arc<Api>>,
    Authenticated(session): Authenticated,
    InPath(id): InPath<Name>,
) -> Result<Response, Problem> {
    let pool = api.pool(&session);
    let turn = pool.reads.turn().await?;
    let store = &pool.store;
    let superseded = store.superseded(&session.person, &id, MAX_SUPERSEDED).await;
    drop(turn);
    let superseded = superseded.via(frame!("superseded"))?;
    let headers = private(pool, api.next_sync(&session));
    Ok((headers, Json(History { superseded })).into_response())
}

/// A stored reminder, and its schedule unless it is paused.
pub(crate) fn schedule(record: &Record) -> Result<(Reminder, Option<Schedule>), Failure> {
    let unreadable = || Failure::new(Unreadable(record.key.id.clone()), frame!("schedule"));
    let document = record.document.as_ref().ok_or_else(unreadable)?;
    let reminder: Reminder = serde_json::from_str(document.get()).map_err(|_| unreadable())?;
    let schedule = reminder.parse("", &mut Wrongs::default());
    let schedule = schedule.ok_or_else(unreadable)?;
    let schedule = (!reminder.paused).then_some(schedule);
    Ok((reminder, schedule))
}

fn unknown(id: &Name) -> Problem {
    Problem::not_found(format!("there is no reminder with the id {id}"))
}
