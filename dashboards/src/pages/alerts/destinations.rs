//! Where notifications go: each destination, what died on the way, and trying one.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use watchfire_alerts::{Delivery, DeliveryState, DestinationStatus, StoreError};
use watchfire_schemas::Timestamp;

use crate::figures::{self, When};
use crate::pages::Fault;
use crate::{Console, url};

/// How many messages that died are listed.
const MOST_DEAD: usize = 20;
/// How many tests are shown at once.
const MOST_TESTS: usize = 20;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) destinations: Vec<DestinationStatus>,
    pub(crate) dead: Vec<Delivery>,
    /// The tests that were just sent.
    pub(crate) tests: Vec<Delivery>,
}

#[derive(Debug)]
pub(crate) struct DestinationRow {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) state: &'static str,
    pub(crate) queued: String,
    pub(crate) delivered: String,
    pub(crate) dead: String,
    pub(crate) last: Option<When>,
    pub(crate) error: String,
    /// Where the form of a test is sent.
    pub(crate) test: String,
}

#[derive(Debug)]
pub(crate) struct LetterRow {
    pub(crate) id: i64,
    pub(crate) destination: String,
    pub(crate) what: String,
    pub(crate) incident: Option<String>,
    pub(crate) state: &'static str,
    pub(crate) queued: When,
    pub(crate) told: String,
}

/// `tests` are the ids of messages, with commas between them.
pub(super) async fn ask(console: &Console, tests: &str) -> Result<Letters, StoreError> {
    let mut shown = Vec::new();
    let ids = tests.split(',').filter_map(|id| id.parse().ok());
    for id in ids.take(MOST_TESTS) {
        shown.extend(console.alerts.delivery(id).await?);
    }
    Ok(Letters {
        destinations: console.alerts.destinations().await?,
        dead: console.alerts.dead_letters(MOST_DEAD).await?,
        tests: shown,
    })
}

impl DestinationRow {
    pub(crate) fn of(status: &DestinationStatus, now: Timestamp) -> Self {
        Self {
            name: status.name.clone(),
            kind: status.kind.clone(),
            state: match status {
                status if status.breaker_open => "failing",
                status if status.queued > 0 => "queued",
                _ => "ok",
            },
            queued: figures::count(status.queued),
            delivered: figures::count(status.delivered),
            dead: figures::count(status.dead),
            last: status.last_success_at.map(|at| When::ago(at, now)),
            error: status.last_error.clone().unwrap_or_default(),
            test: format!("/alerts/destinations/{}/test", url::encode(&status.name)),
        }
    }
}

pub(super) fn letter(delivery: &Delivery, now: Timestamp) -> LetterRow {
    let answer = delivery.http_status.map(|status| format!("HTTP {status}"));
    let told = [answer, delivery.error.clone()].into_iter().flatten();
    LetterRow {
        id: delivery.id,
        destination: delivery.destination.clone(),
        what: format!("{} to {}", delivery.action, delivery.kind),
        incident: (!delivery.incident.is_empty())
            .then(|| format!("/incidents/{}", url::encode(&delivery.incident))),
        state: match delivery.state {
            DeliveryState::Queued => "queued",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
            DeliveryState::Dropped => "dropped",
        },
        queued: When::ago(delivery.queued_at, now),
        told: told.collect::<Vec<_>>().join(": "),
    }
}

/// `POST /alerts/destinations/{name}/test`: back to the page, which tells what came of it.
pub(crate) async fn test(
    State(console): State<Console>,
    Path(name): Path<String>,
) -> Result<Response, Fault> {
    let sent = console.alerts.test_destination(&name).await?;
    let ids: Vec<String> = sent.iter().map(|one| one.id.to_string()).collect();
    let page = url::link("/alerts", &[("tests", &ids.join(","))]);
    Ok(Redirect::to(&format!("{page}#destinations")).into_response())
}

/// `POST /alerts/letters/{id}/again`.
pub(crate) async fn again(
    State(console): State<Console>,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    let sent = console.alerts.send_again(id).await?;
    let page = url::link("/alerts", &[("tests", &sent.id.to_string())]);
    Ok(Redirect::to(&format!("{page}#destinations")).into_response())
}
