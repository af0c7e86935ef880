use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use watchfire_schemas::{TimeRange, Timestamp};

use crate::failure::{Failure, Via, frame};
use crate::problem::{InQuery, Problem};
use crate::reminders::api::reminder::schedule;
use crate::reminders::api::{Api, Authenticated, private};
use crate::reminders::name::Name;
use crate::reminders::record::{Key, Record};

/// From when until when; the next day if it is not said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Due {
    reminder_id: Name,
    title: String,
    #[serde(rename = "due_at")]
    at: Timestamp,
    /// What was done about it.
    mark: Option<Record>,
}

#[derive(Debug, Serialize)]
struct Answered {
    due: Vec<Due>,
    /// There is more in this time: ask from the last one on.
    more: bool,
}

const DAY: Duration = Duration::from_hours(24);
const LONGEST: Duration = Duration::from_hours(31 * 24);
/// The reminders of one person that are looked at, and the due times that are told.
const MAX_REMINDERS: usize = 1_000;
const MAX_DUE: usize = 500;

/// The due times of all reminders with what was done about them: the adherence of a person.
pub(crate) async fn due(
    State(api): State<Arc<Api>>,
    Authenticated(session): Authenticated,
    InQuery(asked): InQuery<Asked>,
) -> Result<Response, Problem> {
    let start = asked.from.unwrap_or_else(|| api.clock.now());
    let end = asked.until.unwrap_or(start + DAY);
    if end <= start || end.since(start) > LONGEST {
        let detail = "until must be after from, by 31 days at most";
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let range = TimeRange { start, end };
    let pool = api.pool(&session);
    let person = &session.person;
    let turn = pool.reads.turn().await?;
    let reminders = pool.store.reminders(person, MAX_REMINDERS).await;
    let (mut due, more) = due_times(reminders.via(frame!("due"))?, range)?;
    let ids = due.iter().map(|due| Key::mark(&due.reminder_id, due.at).id);
    let ids: Vec<_> = ids.collect();
    let marks = pool.store.marks(person, &ids).await.via(frame!("due"))?;
    drop(turn);
    let marks = marks.into_iter().map(|mark| (mark.key.id.clone(), mark));
    let mut marks: HashMap<_, _> = marks.collect();
    for (due, id) in due.iter_mut().zip(ids) {
        due.mark = marks.remove(&id);
    }
    let headers = private(pool, api.next_sync(&session));
    Ok((headers, Json(Answered { due, more })).into_response())
}

fn due_times(reminders: Vec<Record>, range: TimeRange) -> Result<(Vec<Due>, bool), Failure> {
    let mut due = Vec::new();
    for record in reminders {
        let (reminder, Some(schedule)) = schedule(&record).via(frame!("due_times"))? else {
            continue;
        };
        let id = Name::try_from(String::from(record.key.id));
        let Ok(reminder_id) = id else { continue };
        due.extend(schedule.due(range).take(MAX_DUE + 1).map(|at| Due {
            reminder_id: reminder_id.clone(),
            title: reminder.title.clone(),
            at,
            mark: None,
        }));
    }
    due.sort_by(|a, b| (a.at, &a.reminder_id).cmp(&(b.at, &b.reminder_id)));
    let more = due.len() > MAX_DUE;
    due.truncate(MAX_DUE);
    Ok((due, more))
}
