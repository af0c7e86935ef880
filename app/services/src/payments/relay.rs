use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{FromRow, SqliteConnection};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use crate::failure::{Failure, Via, frame};
use crate::payments::event::Consumer;
use crate::payments::pipeline::Pipeline;
use crate::statement::{Operation, Statement};

/// Brings the events of the outbox to one consumer: of each payment in order, one at a time, and of
/// many payments at once. An event stays in the outbox until the consumer has taken it, so that it
/// comes again after any failure, a kill of the process included.
#[derive(Debug)]
pub(crate) struct Relay {
    pipeline: Arc<Pipeline>,
    consumer: Consumer,
    /// What is on its way.
    under_way: HashSet<Place>,
}

/// An event that is due at a consumer.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Delivery {
    pub(crate) consumer: String,
    pub(crate) subscriber: String,
    /// The event's number.
    pub(crate) seq: i64,
    pub(crate) attempts: u32,
    /// Set if a request for it may have reached the provider.
    pub(crate) sent_at: Option<i64>,
    pub(crate) id: String,
    pub(crate) payment: String,
    #[sqlx(rename = "type")]
    pub(crate) event_type: String,
    pub(crate) data: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) created_at: i64,
}

type Place = (String, i64);

/// How many deliveries of one consumer are under way at once.
const AT_ONCE: usize = 64;
/// Retries that have become due are looked for so often.
const POLL: Duration = Duration::from_millis(250);
/// What is committed within this time is looked for together.
const GATHER: Duration = Duration::from_millis(3);
pub(crate) const OUTBOX: Statement = Statement::new(Operation::Update, "outbox");

impl Relay {
    pub(crate) fn new(pipeline: Arc<Pipeline>, consumer: Consumer) -> Self {
        let under_way = HashSet::new();
        Self {
            pipeline,
            consumer,
            under_way,
        }
    }

    /// Delivers until `stop`, then lets what is under way come to its end.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut deliveries = JoinSet::new();
        while !stop.is_cancelled() {
            for delivery in self.due().await {
                self.under_way.insert(delivery.place());
                let pipeline = Arc::clone(&self.pipeline);
                let consumer = self.consumer;
                let telemetry = pipeline.telemetry.clone();
                deliveries.spawn(telemetry.scope(async move {
                    pipeline.deliver(consumer, &delivery).await;
                    delivery.place()
                }));
            }
            let woken = self.pipeline.woken(self.consumer);
            tokio::select! {
                () = stop.cancelled() => {}
                () = woken.notified() => tokio::time::sleep(GATHER).await,
                () = tokio::time::sleep(POLL) => {}
                Some(ended) = deliveries.join_next() => self.end(ended),
            }
            while let Some(ended) = deliveries.try_join_next() {
                self.end(ended);
            }
        }
        while deliveries.join_next().await.is_some() {}
    }

    fn end(&mut self, ended: Result<Place, tokio::task::JoinError>) {
        match ended {
            Ok(place) => {
                self.under_way.remove(&place);
            }
            Err(error) => {
                // Its place is not known; all that is due is looked at anew, and the inbox knows
                // what was done.
                tracing::error!("a delivery broke off: {error}");
                self.under_way.clear();
            }
        }
    }

    /// What is due and not under way.
    async fn due(&self) -> Vec<Delivery> {
        let free = AT_ONCE.saturating_sub(self.under_way.len());
        if free == 0 {
            return Vec::new();
        }
        match self.heads(self.under_way.len() + free).await {
            Ok(heads) => {
                let is_free = |head: &Delivery| !self.under_way.contains(&head.place());
                heads.into_iter().filter(is_free).take(free).collect()
            }
            Err(failure) => {
                let consumer = self.consumer.as_str();
                failure.report(format_args!("outbox of {consumer} cannot be read"));
                tokio::time::sleep(POLL).await;
                Vec::new()
            }
        }
    }

    /// The first event of each payment that is not taken, if it is due. A dead one is still the
    /// first: what comes after it waits.
    async fn heads(&self, limit: usize) -> Result<Vec<Delivery>, Failure> {
        let (consumer, now) = (self.consumer.as_str(), self.pipeline.clock.now());
        let limit = limit as i64;
        let read = self.pipeline.database.read(
            Statement::new(Operation::Select, "outbox"),
            move |connection| Box::pin(select_heads(connection, consumer, now, limit)),
        );
        // Many times a second, and mostly to find nothing: not worth a trace each.
        let read =
            tracing::instrument::WithSubscriber::with_subscriber(read, tracing::Dispatch::none());
        read.await.via(frame!("Relay::heads"))
    }
}

impl Delivery {
    fn place(&self) -> Place {
        (self.subscriber.clone(), self.seq)
    }
}

async fn select_heads(
    connection: &mut SqliteConnection,
    consumer: &'static str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Delivery>, sqlx::Error> {
    sqlx::query_as(
        "SELECT o.consumer, o.subscriber, o.event AS seq, o.attempts, o.sent_at, e.id, o.payment, \
         e.type, e.data, e.traceparent, e.created_at \
         FROM outbox o JOIN events e ON e.seq = o.event \
         WHERE o.consumer = ?1 AND o.state = 'pending' AND o.due_at <= ?2 AND NOT EXISTS ( \
             SELECT 1 FROM outbox b WHERE b.consumer = o.consumer AND b.subscriber = o.subscriber \
             AND b.payment = o.payment AND b.event < o.event) \
         ORDER BY o.consumer, o.subscriber, o.event LIMIT ?3",
    )
    .bind(consumer)
    .bind(now.nanos())
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// The consumer has taken it.
pub(crate) async fn acknowledge(
    connection: &mut SqliteConnection,
    delivery: &Delivery,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM outbox WHERE consumer = ? AND subscriber = ? AND event = ?")
        .bind(&delivery.consumer)
        .bind(&delivery.subscriber)
        .bind(delivery.seq)
        .execute(connection)
        .await
        .map(drop)
}

/// It is to come again at `due`, after so many attempts.
pub(crate) async fn put_off(
    connection: &mut SqliteConnection,
    delivery: &Delivery,
    (attempts, due): (u32, Timestamp),
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE outbox SET attempts = ?, due_at = ?, last_error = ? \
         WHERE consumer = ? AND subscriber = ? AND event = ?",
    )
    .bind(attempts)
    .bind(due.nanos())
    .bind(reason)
    .bind(&delivery.consumer)
    .bind(&delivery.subscriber)
    .bind(delivery.seq)
    .execute(connection)
    .await
    .map(drop)
}

/// It is given up and waits for a person.
pub(crate) async fn bury(
    connection: &mut SqliteConnection,
    delivery: &Delivery,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE outbox SET state = 'dead', attempts = attempts + 1, last_error = ? \
         WHERE consumer = ? AND subscriber = ? AND event = ?",
    )
    .bind(reason)
    .bind(&delivery.consumer)
    .bind(&delivery.subscriber)
    .bind(delivery.seq)
    .execute(connection)
    .await
    .map(drop)
}

/// A request for it may reach the provider from now on.
pub(crate) async fn mark_sent(
    connection: &mut SqliteConnection,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE outbox SET sent_at = ? WHERE consumer = ? AND subscriber = ? AND event = ?")
        .bind(now.nanos())
        .bind(&delivery.consumer)
        .bind(&delivery.subscriber)
        .bind(delivery.seq)
        .execute(connection)
        .await
        .map(drop)
}
