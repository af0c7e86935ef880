use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use rand::Rng;
use tokio::sync::Notify;
use tracing::Instrument;
use watchfire_schemas::Clock;
use watchfire_telemetry::Telemetry;

use crate::database::Database;
use crate::failure::{Failure, Kind, frame};
use crate::fault::Faults;
use crate::payments::event::{Consumer, EventType, Trace};
use crate::payments::instruments::Instruments;
use crate::payments::provider::Provider;
use crate::payments::relay::{Delivery, OUTBOX, acknowledge, bury, put_off};
use crate::payments::subscriber::Sender;
use crate::payments::writer::Writer;

/// What the consumers of events work with.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) database: Database,
    pub(crate) writer: Writer,
    pub(crate) provider: Provider,
    pub(crate) sender: Sender,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
    pub(crate) instruments: Instruments,
    pub(crate) faults: Arc<Faults>,
    /// Woken after each commit, one for each consumer in their order.
    pub(crate) woken: Arc<Vec<Notify>>,
    /// Where the provider may tell how an operation ended; known once the service listens.
    pub(crate) notifications: OnceLock<String>,
}

/// What a consumer did with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Done,
    /// It had taken it before; there was no second effect.
    Duplicate,
}

/// Why a consumer did not take an event.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// It can be tried again.
    Failed(Failure),
    /// It was not tried: there is to be no call for so long.
    HeldBack(Duration),
    /// It will never be taken as it is.
    Poison(Failure),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PoisonError {
    #[error("the event {0} is of no type that is known here")]
    Type(String),
    #[error("the data of the event cannot be read")]
    Data(#[source] serde_json::Error),
    #[error("the event is about a payment that is not here")]
    NoPayment,
    #[error("the event is in a form that cannot be read here")]
    Unreadable,
    #[error("what was done about the event broke off")]
    Panicked,
}

impl Kind for PoisonError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Type(_) => "PoisonError::Type",
            Self::Data(_) => "PoisonError::Data",
            Self::NoPayment => "PoisonError::NoPayment",
            Self::Unreadable => "PoisonError::Unreadable",
            Self::Panicked => "PoisonError::Panicked",
        }
    }
}

/// An event that failed so often is given up: after about two minutes.
const MOST_ATTEMPTS: u32 = 14;
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(20);

impl Pipeline {
    pub(crate) fn woken(&self, consumer: Consumer) -> &Notify {
        &self.woken[consumer as usize]
    }

    /// Brings an event to its consumer, in the trace that it happened in, and notes what came of it.
    pub(crate) async fn deliver(&self, consumer: Consumer, delivery: &Delivery) {
        let trace = Trace::kept(delivery.traceparent.clone());
        let span = self.telemetry.follow(&trace.headers(), || {
            tracing::info_span!(
                "process",
                "otel.name" = format!("process {}", delivery.event_type),
                "otel.kind" = "consumer",
                "otel.status_code" = tracing::field::Empty,
                "error.type" = tracing::field::Empty,
                "messaging.system" = "outbox",
                "messaging.operation.name" = "process",
                "messaging.operation.type" = "process",
                "messaging.destination.name" = "payments",
                "messaging.consumer.group.name" = consumer.as_str(),
                "messaging.message.id" = delivery.id,
                "payment.id" = delivery.payment,
                "messaging.delivery.attempt" = i64::from(delivery.attempts) + 1,
            )
        });
        async {
            let consuming = AssertUnwindSafe(self.consume(consumer, delivery)).catch_unwind();
            let outcome = consuming.await.unwrap_or_else(|_| {
                let panicked = Failure::new(PoisonError::Panicked, frame!("Pipeline::deliver"));
                Err(NotTaken::Failed(panicked))
            });
            if let Err(NotTaken::Failed(failure) | NotTaken::Poison(failure)) = &outcome {
                let span = tracing::Span::current();
                span.record("otel.status_code", "ERROR");
                span.record("error.type", failure.kind());
            }
            self.note(consumer, delivery, outcome).await;
        }
        .instrument(span)
        .await;
    }

    async fn consume(&self, consumer: Consumer, delivery: &Delivery) -> Result<Taken, NotTaken> {
        let Some(event_type) = EventType::parse(&delivery.event_type) else {
            let unknown = PoisonError::Type(delivery.event_type.clone());
            return Err(NotTaken::poison(unknown));
        };
        if self.faults.poisons(&delivery.id) {
            return Err(NotTaken::poison(PoisonError::Unreadable));
        }
        match consumer {
            Consumer::Provider => self.operate(event_type, delivery).await,
            Consumer::Ledger => self.book(event_type, delivery).await,
            Consumer::Webhook => self.tell(delivery).await,
        }
    }

    async fn note(
        &self,
        consumer: Consumer,
        delivery: &Delivery,
        outcome: Result<Taken, NotTaken>,
    ) {
        let name = consumer.as_str();
        let (told, noting) = match outcome {
            Ok(taken) => (taken.as_str(), self.acknowledge(delivery.clone()).await),
            Err(NotTaken::HeldBack(wait)) => {
                let due = (delivery.attempts, jittered(wait.mul_f64(2.0)).max(wait / 2));
                let noting = self.put_off(delivery.clone(), due, "held back by the breaker");
                ("held_back", noting.await)
            }
            Err(NotTaken::Failed(failure)) if delivery.attempts + 1 < MOST_ATTEMPTS => {
                let attempts = delivery.attempts + 1;
                let wait = backoff(delivery.attempts);
                tracing::warn!(
                    "payment.id" = delivery.payment,
                    "event.id" = delivery.id,
                    "error.type" = failure.kind(),
                    "attempt" = attempts,
                    "{name} did not take {} of {} at attempt {attempts}, again in {} ms: {failure}",
                    delivery.event_type,
                    delivery.payment,
                    wait.as_millis()
                );
                let reason = failure.message();
                let noting = self.put_off(delivery.clone(), (attempts, wait), &reason);
                ("retried", noting.await)
            }
            Err(NotTaken::Failed(failure)) => ("dead", self.bury(name, delivery, failure).await),
            Err(NotTaken::Poison(failure)) => ("poison", self.bury(name, delivery, failure).await),
        };
        self.instruments.delivered(consumer, told);
        if let Err(failure) = noting {
            // It comes again, and the inbox knows.
            failure.report(format_args!(
                "delivery of {} could not be noted",
                delivery.id
            ));
        }
    }

    async fn acknowledge(&self, delivery: Delivery) -> Result<(), Failure> {
        let work = self.writer.execute(OUTBOX, move |connection| {
            Box::pin(async move { acknowledge(connection, &delivery).await })
        });
        work.await
    }

    async fn put_off(
        &self,
        delivery: Delivery,
        (attempts, wait): (u32, Duration),
        reason: &str,
    ) -> Result<(), Failure> {
        let (due, reason) = (self.clock.now() + wait, reason.to_owned());
        let work = self.writer.execute(OUTBOX, move |connection| {
            Box::pin(async move { put_off(connection, &delivery, (attempts, due), &reason).await })
        });
        work.await
    }

    async fn bury(
        &self,
        consumer: &str,
        delivery: &Delivery,
        failure: Failure,
    ) -> Result<(), Failure> {
        failure.report(format_args!(
            "{consumer} gave up {} of {}, event {}: it is a dead letter",
            delivery.event_type, delivery.payment, delivery.id
        ));
        let (delivery, reason) = (delivery.clone(), failure.message());
        let work = self.writer.execute(OUTBOX, move |connection| {
            Box::pin(async move { bury(connection, &delivery, &reason).await })
        });
        work.await
    }
}

impl Taken {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Duplicate => "duplicate",
        }
    }
}

impl NotTaken {
    pub(crate) fn poison(error: PoisonError) -> Self {
        Self::Poison(Failure::new(error, frame!("NotTaken::poison")))
    }
}

impl From<Failure> for NotTaken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// How long to wait after so many attempts: any time up to a bound that doubles, so that many that
/// failed together do not come again together.
fn backoff(attempts: u32) -> Duration {
    let most = FIRST_RETRY.saturating_mul(1 << attempts.min(16));
    jittered(most.min(LONGEST_RETRY))
}

fn jittered(most: Duration) -> Duration {
    most.mul_f64(rand::rng().random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_spread_over_a_growing_time() {
        for attempts in 0..40 {
            let most = FIRST_RETRY
                .saturating_mul(1 << attempts.min(16))
                .min(LONGEST_RETRY);
            let waits: Vec<Duration> = (0..100).map(|_| backoff(attempts)).collect();
            assert!(waits.iter().all(|&wait| wait <= most));
            assert!(waits.iter().any(|&wait| wait < most / 2));
            assert!(waits.iter().any(|&wait| wait > most / 2));
        }
    }

    #[test]
    fn each_consumer_has_its_own_call() {
        for (place, consumer) in Consumer::ALL.into_iter().enumerate() {
            assert_eq!(consumer as usize, place);
        }
    }
}
