use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sqlx::FromRow;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::payments::event::Consumer;
use crate::payments::pipeline::Pipeline;
use crate::sql;
use crate::statement::{Operation, Statement};

/// Brings the events of the outbox to one consumer: of each payment in order, one at a time, and of
/// many payments at once. An event stays in the outbox until the consumer has taken it, so that it
/// comes again after any failure, a kill of the process included.
#[derive(Debug)]
pub(crate) struct Relay {
    pipeline: Arc<Pipeline>,
    consumer: Consumer,
    /// What is on its way, by subscriber.
    under_way: HashMap<String, HashSet<i64>>,
}

/// An event that is due at a consumer.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Delivery {
    pub(crate) consumer: String,
    pub(crate) subscriber: String,
    /// The event's number.
    pub(crate) seq: i64,
    #[sqlx(try_from = "i64")]
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

/// Subscriber and number of an event.
type Place = (String, i64);

/// How many deliveries of one consumer of our own are under way at once.
const AT_ONCE: usize = 64;
/// How many of one subscriber's: those of one that is slow hold up nobody else's.
const OF_A_SUBSCRIBER: usize = 16;
/// Retries that have become due are looked for so often.
const POLL: Duration = Duration::from_millis(250);
/// What is committed within this time is looked for together.
const GATHER: Duration = Duration::from_millis(3);
pub(crate) const OUTBOX: Statement = Statement::new(Operation::Update, "outbox");

impl Relay {
    pub(crate) fn new(pipeline: Arc<Pipeline>, consumer: Consumer) -> Self {
        let under_way = HashMap::new();
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
                let (subscriber, seq) = delivery.place();
                self.under_way.entry(subscriber).or_default().insert(seq);
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
            Ok((subscriber, seq)) => {
                if let Some(of_subscriber) = self.under_way.get_mut(&subscriber) {
                    of_subscriber.remove(&seq);
                    if of_subscriber.is_empty() {
                        self.under_way.remove(&subscriber);
                    }
                }
            }
            Err(error) => {
                // Its place is not known; all that is due is looked at anew, and the inbox knows
                // what was done.
                tracing::error!("a delivery broke off: {error}");
                self.under_way.clear();
            }
        }
    }

    /// What is due and not under way, as much of each subscriber as there is room for.
    async fn due(&self) -> Vec<Delivery> {
        let most = match self.consumer {
            Consumer::Webhook => OF_A_SUBSCRIBER,
            Consumer::Provider | Consumer::Ledger => AT_ONCE,
        };
        match self.heads(most).await {
            Ok(mut heads) => {
                let (nothing, mut taken) = (HashSet::new(), HashMap::<String, usize>::new());
                heads.retain(|head| {
                    let under_way = self.under_way.get(&head.subscriber).unwrap_or(&nothing);
                    let taken = taken.entry(head.subscriber.clone()).or_default();
                    let is_due = !under_way.contains(&head.seq) && *taken + under_way.len() < most;
                    *taken += usize::from(is_due);
                    is_due
                });
                heads
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
    async fn heads(&self, most: usize) -> Result<Vec<Delivery>, Failure> {
        let (consumer, now) = (self.consumer, self.pipeline.clock.now());
        let is_full = |(_, under_way): &(&String, &HashSet<i64>)| under_way.len() >= most;
        let full = self.under_way.iter().filter(is_full);
        let full: HashSet<String> = full.map(|(subscriber, _)| subscriber.clone()).collect();
        let read = self.pipeline.database.read(
            Statement::new(Operation::Select, "outbox"),
            move |connection| {
                Box::pin(async move {
                    let mut heads = Vec::new();
                    for subscriber in subscribers(connection, consumer).await? {
                        if !full.contains(&subscriber) {
                            let of = (consumer, subscriber.as_str());
                            heads.extend(select_heads(connection, of, now, most as i64).await?);
                        }
                    }
                    Ok(heads)
                })
            },
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

/// Whom a consumer's events are for: the subscribers, or ourselves, who have no name.
async fn subscribers(
    connection: &mut Connection,
    consumer: Consumer,
) -> Result<Vec<String>, sqlx::Error> {
    if consumer != Consumer::Webhook {
        return Ok(vec![String::new()]);
    }
    let all = sql::query_scalar("SELECT id FROM subscribers ORDER BY id");
    all.fetch_all(connection).await
}

async fn select_heads(
    connection: &mut Connection,
    (consumer, subscriber): (Consumer, &str),
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Delivery>, sqlx::Error> {
    sql::query_as(
        "SELECT o.consumer, o.subscriber, o.event AS seq, o.attempts, o.sent_at, e.id, o.payment, \
         e.type, e.data, e.traceparent, e.created_at \
         FROM outbox o JOIN events e ON e.seq = o.event \
         WHERE o.consumer = ?1 AND o.subscriber = ?2 AND o.state = 'pending' AND o.due_at <= ?3 \
         AND NOT EXISTS ( \
             SELECT 1 FROM outbox b WHERE b.consumer = o.consumer AND b.subscriber = o.subscriber \
             AND b.payment = o.payment AND b.event < o.event) \
         ORDER BY o.event LIMIT ?4",
    )
    .bind(consumer.as_str())
    .bind(subscriber)
    .bind(now.nanos())
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// The consumer has taken it.
pub(crate) async fn acknowledge(
    connection: &mut Connection,
    delivery: &Delivery,
) -> Result<(), sqlx::Error> {
    sql::query("DELETE FROM outbox WHERE consumer = ? AND subscriber = ? AND event = ?")
        .bind(&delivery.consumer)
        .bind(&delivery.subscriber)
        .bind(delivery.seq)
        .execute(connection)
        .await
        .map(drop)
}

/// It is to come again at `due`, after so many attempts.
pub(crate) async fn put_off(
    connection: &mut Connection,
    delivery: &Delivery,
    (attempts, due): (u32, Timestamp),
    reason: &str,
) -> Result<(), sqlx::Error> {
    sql::query(
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
    connection: &mut Connection,
    delivery: &Delivery,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sql::query(
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
    connection: &mut Connection,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sql::query("UPDATE outbox SET sent_at = ? WHERE consumer = ? AND subscriber = ? AND event = ?")
        .bind(now.nanos())
        .bind(&delivery.consumer)
        .bind(&delivery.subscriber)
        .bind(delivery.seq)
        .execute(connection)
        .await
        .map(drop)
}
