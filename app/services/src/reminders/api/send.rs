use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tracing::Instrument;
use watchfire_schemas::Timestamp;

use crate::problem::{Body, Problem};
use crate::reminders::api::{Api, Authenticated, private};
use crate::reminders::change::{Sending, WrittenChange};
use crate::reminders::ledger::ChangeResult;
use crate::reminders::pool::relief;
use crate::reminders::session::Session;
use crate::reminders::writer::SendError;
use crate::reminders::wrongs::Wrongs;

/// What one device changed since it last sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    changes: Vec<WrittenChange>,
}

#[derive(Debug, Serialize)]
struct Answered {
    /// Of each change, in the order in which they were sent.
    results: Vec<ChangeResult>,
    next_sync: Timestamp,
}

const MAX_CHANGES: usize = 100;

/// Takes a device's changes. It answers when they are on disk; the same changes sent again are
/// answered alike and change nothing.
pub(crate) async fn send(
    State(api): State<Arc<Api>>,
    Authenticated(session): Authenticated,
    Body(sent): Body<Sent>,
) -> Result<Response, Problem> {
    let mut wrongs = Wrongs::default();
    let count = sent.changes.len();
    if !(1..=MAX_CHANGES).contains(&count) {
        let told = format!("1 to {MAX_CHANGES} changes at a time, not {count}");
        wrongs.add("/changes", told);
    }
    let changes = sent.changes.iter().enumerate();
    let changes = changes.map(|(n, change)| change.parse(&format!("/changes/{n}"), &mut wrongs));
    let sending = Sending {
        person: session.person.clone(),
        device: session.device.clone(),
        changes: changes.collect(),
    };
    if let Some(problem) = wrongs.refusal("nothing was changed: the changes cannot be read") {
        return Err(problem);
    }

    let pool = api.pool(&session);
    let span = tracing::info_span!(
        "write",
        "otel.name" = "wait for the commit",
        "reminders.changes" = count
    );
    let results = pool.writer.send(sending).instrument(span).await?;
    tell_conflicts(&results, &session);
    let next_sync = api.next_sync(&session);
    let answered = Answered { results, next_sync };
    Ok((private(pool, next_sync), Json(answered)).into_response())
}

fn tell_conflicts(results: &[ChangeResult], session: &Session) {
    let count = |label: &str| {
        let labelled = results.iter().filter(|result| result.label == label);
        labelled.count()
    };
    let (over, kept, refused) = (
        count("applied_over"),
        count("kept_deleted"),
        count("refused"),
    );
    if over + kept + refused > 0 {
        tracing::info!(
            "reminders.person" = session.person.as_str(),
            "reminders.device" = session.device.as_str(),
            "reminders.applied_over" = over,
            "reminders.kept_deleted" = kept,
            "reminders.refused" = refused,
            "{} of {} changes from {} were in conflict, {refused} refused",
            over + kept,
            results.len(),
            session.device
        );
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Shed(shed) => shed.into(),
            SendError::Failed => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the changes could not be written just now: send them again",
            )
            .retry_after(relief()),
        }
    }
}
