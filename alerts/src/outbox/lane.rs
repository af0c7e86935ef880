use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::sync::Notify;
use tokio::time::Instant;
use watchfire_schemas::{Clock, Timestamp};

use crate::Secret;
use crate::notification::{DeliveryFeedback, DeliveryOutcome, EventAction};
use crate::notify::{
    Destination, DestinationKind, Envelope, Failure, FailureReason, RetryPolicy, SecretSource,
    Sender, Taken,
};
use crate::receivers::Integration;

use super::bucket::TokenBucket;
use super::gate::Gate;
use super::meters::DestinationMeters;
use super::queue::{self, Mark};
use super::row::QueuedRow;
use super::source::Source;
use super::stand_in::Door;

/// One destination: nothing in it is shared with another, save a bucket between two that have the
/// same routing key.
#[derive(Debug)]
pub(super) struct Lane {
    pub sender: Sender,
    /// Which receiver's it is; none if it is told of incidents.
    pub integration: Option<Integration>,
    pub pool: SqlitePool,
    pub feedback: Arc<dyn DeliveryFeedback>,
    pub clock: Arc<dyn Clock>,
    pub retry: RetryPolicy,
    pub meters: DestinationMeters,
    /// All routing keys that are configured, by fingerprint: a resolve goes where its trigger went.
    pub keys: Arc<HashMap<String, SecretSource>>,
    pub bucket: Arc<Mutex<TokenBucket>>,
    /// Held only for a look or a change, never while something is awaited.
    pub gate: Mutex<Gate>,
    /// Who is told while this one does not work.
    pub fallback: Option<Door>,
    /// Told when rows were added.
    pub wake: Arc<Notify>,
}

impl Lane {
    pub(super) fn name(&self) -> &str {
        &self.sender.destination().name
    }

    /// The way to it, for those that it stands in for.
    pub(super) fn door(&self) -> Door {
        Door {
            destination: Arc::clone(self.sender.destination()),
            wake: Arc::clone(&self.wake),
        }
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().expect("no holder of this lock panics")
    }

    /// Attempts a row once and marks what came of it. The gate has been entered for it.
    pub(super) async fn deliver(&self, row: &QueuedRow) {
        let Some((key_id, key)) = self.key_for(row) else {
            self.gate().leave(Instant::now());
            return self.give_up(row, key_gone()).await;
        };
        let now = self.clock.now();
        match queue::claim(&self.pool, row.id, key_id.as_deref(), now).await {
            Ok(true) => {}
            Ok(false) => return self.gate().leave(Instant::now()),
            Err(error) => {
                self.complain(&error, row.id);
                tokio::time::sleep(Duration::from_secs(1)).await;
                return self.gate().leave(Instant::now());
            }
        }
        self.meters.attempted();
        let envelope = Envelope {
            // Without a dot: that is what parts it from the time in what is signed.
            id: format!("{}-{}", row.dedup_key, row.seq),
            action: row.action,
            body: &row.body,
            url: self.address_of(row),
            key,
            receipt: row.thread_receipt.as_deref(),
            at: now,
        };
        // The gate comes first: the next message must not slip through while this is written down.
        match self.sender.send(envelope).await {
            Ok(taken) => {
                self.gate().delivered();
                self.delivered(row, taken).await;
            }
            Err(failure) => {
                self.gate().failed(&failure, Instant::now());
                self.failed(row, &failure).await;
            }
        }
    }

    /// Where this message goes, if the receiver's address depends on it.
    fn address_of(&self, row: &QueuedRow) -> Option<Secret> {
        let integration = self.integration.as_ref()?;
        match &row.source {
            Some(Source::Group(notice)) => integration.form.address(notice),
            _ => None,
        }
    }

    /// The key that goes with a row, and for `PagerDuty` its fingerprint. None at all if the key
    /// that the trigger went to is not configured any more and the row only makes sense there.
    fn key_for(&self, row: &QueuedRow) -> Option<(Option<String>, Option<SecretSource>)> {
        let destination = self.sender.destination();
        let Some(current) = destination.key.clone() else {
            return Some((None, None));
        };
        if !destination.kind.threads_by_key() {
            return Some((None, Some(current)));
        }
        let thread = row.thread_key.as_ref();
        if let Some((id, key)) = thread.and_then(|id| self.keys.get_key_value(id)) {
            return Some((Some(id.clone()), Some(key.clone())));
        }
        let follows = matches!(row.action, EventAction::Acknowledge | EventAction::Resolve);
        if thread.is_some() && follows {
            return None;
        }
        Some((Some(current.fingerprint()), Some(current)))
    }

    /// Tells the fallback in the place of a row that waits. False if that changes nothing.
    pub(super) async fn fail_over(&self, row: &QueuedRow) -> bool {
        let (Some(door), Some(source)) = (&self.fallback, &row.source) else {
            return false;
        };
        let done = async {
            let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            let taken = door
                .take(&mut tx, row.stranded(source), self.times())
                .await?;
            tx.commit().await?;
            Ok(taken)
        };
        let taken = done.await.unwrap_or_else(|error| {
            self.complain(&error, row.id);
            false
        });
        if taken {
            self.failed_over(row, door);
        }
        taken
    }

    fn failed_over(&self, row: &QueuedRow, door: &Door) {
        door.wake.notify_one();
        self.meters.failed_over();
        tracing::warn!(
            destination = self.name(),
            incident = row.incident_id,
            "{} of {} goes to {} in the place of {}",
            row.action.as_str(),
            row.subject(),
            door.destination.name,
            self.name(),
        );
    }

    fn times(&self) -> (Timestamp, Duration) {
        (self.clock.now(), self.retry.give_up_after)
    }

    async fn delivered(&self, row: &QueuedRow, taken: Taken) {
        let now = self.clock.now();
        let latency = now.seconds_since(row.queued_at).max(0.0);
        self.meters.delivered(now.as_secs_f64(), latency);
        tracing::info!(
            destination = self.name(),
            incident = row.incident_id,
            "delivered {} of {} to {}",
            row.action.as_str(),
            row.subject(),
            self.name(),
        );
        self.mark(row, Mark::Delivered(taken), now).await;
    }

    async fn failed(&self, row: &QueuedRow, failure: &Failure) {
        let now = self.clock.now();
        self.meters.failed(failure.reason);
        if !failure.reason.is_transient() {
            return self.give_up(row, failure.clone()).await;
        }
        let attempts = row.attempts + 1;
        let next = self.retry.next_attempt(
            now,
            row.due_at,
            attempts,
            failure.retry_after,
            rand::random(),
        );
        if next >= row.deadline {
            let text = format!("given up after {attempts} attempts: {}", failure.text);
            let late = Failure {
                text,
                ..failure.clone()
            };
            return self.give_up(row, late).await;
        }
        tracing::warn!(
            destination = self.name(),
            reason = failure.reason.as_str(),
            "delivery to {} failed, attempt {attempts}: {}",
            self.name(),
            failure.text,
        );
        let again = Mark::Again {
            not_before: next,
            asked_until: failure.retry_after.map(|wait| now + wait),
            http_status: failure.http_status,
            reason: failure.reason,
            error: failure.text.clone(),
        };
        self.mark(row, again, now).await;
    }

    /// Gives a row up whose time is over.
    pub(super) async fn expire(&self, row: &QueuedRow) {
        let text = format!("given up after {} attempts: its time is over", row.attempts);
        self.give_up(row, failure_of_ours(FailureReason::Expired, text))
            .await;
    }

    async fn give_up(&self, row: &QueuedRow, failure: Failure) {
        self.meters.died(failure.reason);
        tracing::error!(
            destination = self.name(),
            incident = row.incident_id,
            reason = failure.reason.as_str(),
            "{} of {} will not reach {}: {}",
            row.action.as_str(),
            row.subject(),
            self.name(),
            failure.text,
        );
        let dead = Mark::Dead {
            http_status: failure.http_status,
            reason: failure.reason,
            error: failure.text,
        };
        self.mark(row, dead, self.clock.now()).await;
    }

    /// Tries until it is written: to forget it would send the message again. If the process stops
    /// meanwhile, that is what happens.
    async fn mark(&self, row: &QueuedRow, mark: Mark, now: Timestamp) {
        let outcome = outcome_of(self.sender.destination(), row, &mark, now);
        let mut pause = Duration::from_millis(50);
        for _ in 0..MARK_ATTEMPTS {
            match self.mark_once(row, &mark, &outcome).await {
                Ok(false) => return,
                Ok(true) => {
                    if let Some(door) = &self.fallback {
                        self.failed_over(row, door);
                    }
                    return;
                }
                Err(error) => self.complain(&error, row.id),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// Whether the fallback was told in its place.
    async fn mark_once(
        &self,
        row: &QueuedRow,
        mark: &Mark,
        outcome: &DeliveryOutcome,
    ) -> Result<bool, sqlx::Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        queue::mark(&mut tx, row.id, mark, outcome.at).await?;
        self.feedback.delivery_attempted(&mut tx, outcome).await?;
        let taken = match (mark, &self.fallback, &row.source) {
            (Mark::Dead { .. }, Some(door), Some(source)) => {
                door.take(&mut tx, row.stranded(source), self.times())
                    .await?
            }
            _ => false,
        };
        tx.commit().await?;
        Ok(taken)
    }

    fn complain(&self, error: &sqlx::Error, row: i64) {
        tracing::error!(
            destination = self.name(),
            row,
            error = %error,
            "the outbox row {row} could not be written",
        );
    }

    /// Takes a token, or says how long until there is one.
    pub(super) fn take_token(&self, now: Instant) -> Result<(), Duration> {
        let mut bucket = self.bucket.lock().expect("no holder of this lock panics");
        bucket.take(now)
    }
}

const MARK_ATTEMPTS: usize = 100;

fn outcome_of(to: &Destination, row: &QueuedRow, mark: &Mark, at: Timestamp) -> DeliveryOutcome {
    let (status, error, is_final) = match mark {
        Mark::Delivered(taken) => (Some(taken.status), None, true),
        Mark::Again {
            http_status, error, ..
        } => (*http_status, Some(error.clone()), false),
        Mark::Dead {
            http_status, error, ..
        } => (*http_status, Some(error.clone()), true),
    };
    DeliveryOutcome {
        incidents: row.incidents.clone(),
        destination: to.name.clone(),
        instead_of: row.instead_of.clone(),
        action: row.action,
        at,
        answer: status.map(|status| match to.kind {
            DestinationKind::Email => format!("SMTP {status}"),
            _ => format!("HTTP {status}"),
        }),
        error,
        is_final,
    }
}

fn key_gone() -> Failure {
    let text = "the routing key that the trigger went to is no longer configured";
    failure_of_ours(FailureReason::KeyGone, text.to_owned())
}

fn failure_of_ours(reason: FailureReason, text: String) -> Failure {
    Failure {
        reason,
        http_status: None,
        retry_after: None,
        text,
    }
}
