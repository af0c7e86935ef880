use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::timeout;
use watchfire_logsearch::{LogTail, TailEvent};

use super::super::Problem;
use super::page::line_with_id;
use crate::api::events::Events;
use crate::params::Params;

/// A heartbeat comes after so long without an event, so that whoever stands between knows that the
/// stream lives, and a client that has gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Records a second at most, and if nothing is said.
const MOST: usize = 1_000;

/// Data of a `records` event.
#[derive(Debug, Serialize)]
pub(super) struct Arrived {
    records: Vec<Box<RawValue>>,
    skipped: u64,
}

impl From<TailEvent> for Arrived {
    fn from(event: TailEvent) -> Self {
        Self {
            records: event.records.iter().map(line_with_id).collect(),
            skipped: event.skipped,
        }
    }
}

/// `GET /api/v1/logs/tail?q=&rate=`: server-sent events. Nothing waits for a slow client in memory:
/// what it does not take in time is counted as skipped.
pub(super) async fn answer(
    State(logs): State<Events>,
    params: Params,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let rate = params.count("rate", MOST, MOST)?;
    let tail = logs.events.log_tail(params.text("q")).await?;
    Ok(Sse::new(events(tail.at_most(rate))))
}

/// The first is a heartbeat: it says that the stream stands, and what may be wrong with the query.
fn events(tail: LogTail) -> impl Stream<Item = Result<Event, Infallible>> {
    let first = heartbeat(tail.hints());
    stream::unfold((Some(first), tail), |(first, mut tail)| async move {
        let event = match first {
            Some(event) => event,
            None => match timeout(HEARTBEAT, tail.next()).await {
                Ok(arrived) => records(arrived?),
                Err(_) => heartbeat(&[]),
            },
        };
        Some((Ok(event), (None, tail)))
    })
}

fn records(arrived: TailEvent) -> Event {
    let event = Event::default().event("records");
    let data = serde_json::to_string(&Arrived::from(arrived));
    event.data(data.expect("texts and a number are JSON"))
}

fn heartbeat(hints: &[String]) -> Event {
    let data = match hints {
        [] => json!({}),
        hints => json!({ "hints": hints }),
    };
    Event::default().event("heartbeat").data(data.to_string())
}
