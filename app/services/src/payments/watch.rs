use std::sync::Arc;
use std::time::Duration;

use sqlx::SqliteConnection;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use crate::failure::{Failure, Via, frame};
use crate::payments::event::Consumer;
use crate::payments::idempotency;
use crate::payments::ledger::{self, Imbalance};
use crate::payments::pipeline::Pipeline;
use crate::statement::{Operation, Statement};

const OUTBOX: Statement = Statement::new(Operation::Count, "outbox");
const LEDGER: Statement = Statement::new(Operation::Count, "ledger_entries");
const FORGET: Statement = Statement::new(Operation::Delete, "idempotency_keys");
const GAUGES_EVERY: Duration = Duration::from_secs(2);
/// The whole ledger is summed so often, and what has expired is deleted.
const ROUNDS_BETWEEN_CHECKS: u32 = 5;
/// An event that comes again does so within the hours of its retries; a person may redrive it later.
const INBOX_KEPT: Duration = Duration::from_hours(30 * 24);

/// How the outbox of one consumer is.
#[derive(Debug, Clone, Copy, Default)]
struct Backlog {
    pending: i64,
    dead: i64,
    /// When the oldest event that is pending happened.
    oldest: Option<i64>,
}

/// Keeps the gauges of the pipeline true, holds the ledger to its sum of zero, and forgets what has
/// expired.
pub(crate) async fn watch(pipeline: Arc<Pipeline>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(GAUGES_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut round, mut was_balanced) = (0u32, true);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let state = pipeline.provider.breaker() as i64;
        pipeline.instruments.breaker.set(state);
        let mut outcome = pipeline.gauge_outbox().await;
        if outcome.is_ok() && round.is_multiple_of(ROUNDS_BETWEEN_CHECKS) {
            outcome = pipeline.check_ledger(&mut was_balanced).await;
        }
        if outcome.is_ok() && round.is_multiple_of(ROUNDS_BETWEEN_CHECKS) {
            outcome = pipeline.forget().await;
        }
        if let Err(failure) = outcome {
            failure.report(format_args!("pipeline could not be looked at"));
        }
        round = round.wrapping_add(1);
    }
}

impl Pipeline {
    async fn gauge_outbox(&self) -> Result<(), Failure> {
        for consumer in Consumer::ALL {
            let reading = self.database.read(OUTBOX, move |connection| {
                Box::pin(backlog(connection, consumer.as_str()))
            });
            let found = reading.await.via(frame!("Pipeline::gauge_outbox"))?;
            let lag = found.oldest.map_or(0.0, |oldest| {
                let oldest = Timestamp::from_nanos(oldest);
                self.clock.now().seconds_since(oldest).max(0.0)
            });
            let (of, instruments) = (consumer.into(), &self.instruments);
            instruments
                .pending
                .get_or_create_owned(&of)
                .set(found.pending);
            instruments.dead.get_or_create_owned(&of).set(found.dead);
            instruments.lag.get_or_create_owned(&of).set(lag);
        }
        Ok(())
    }

    async fn check_ledger(&self, was_balanced: &mut bool) -> Result<(), Failure> {
        let reading = self.database.read(LEDGER, |connection| {
            Box::pin(async move { ledger::imbalance(connection).await })
        });
        let found = reading.await.via(frame!("Pipeline::check_ledger"))?;
        self.instruments.imbalance.set(found.overall);
        let is_balanced = found == Imbalance::default();
        if *was_balanced && !is_balanced {
            tracing::error!(
                "ledger.imbalance" = found.overall,
                "ledger.transactions" = found.transactions,
                "ledger.balances" = found.balances,
                "the ledger does not balance: off by {}, {} transactions and {} balances are wrong",
                found.overall,
                found.transactions,
                found.balances
            );
        }
        *was_balanced = is_balanced;
        Ok(())
    }

    async fn forget(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let forgetting = self.writer.commit(FORGET, move |connection| {
            Box::pin(async move {
                idempotency::forget(&mut *connection, now).await?;
                sqlx::query(
                    "DELETE FROM inbox WHERE (consumer, event) IN \
                     (SELECT consumer, event FROM inbox WHERE taken_at < ? LIMIT 1000)",
                )
                .bind((now - INBOX_KEPT).nanos())
                .execute(connection)
                .await
                .map(drop)
            })
        });
        forgetting.await.via(frame!("Pipeline::forget"))
    }
}

async fn backlog(
    connection: &mut SqliteConnection,
    consumer: &'static str,
) -> Result<Backlog, sqlx::Error> {
    let (pending, dead, first): (i64, i64, Option<i64>) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'dead'), \
         min(event) FILTER (WHERE state = 'pending') FROM outbox WHERE consumer = ?",
    )
    .bind(consumer)
    .fetch_one(&mut *connection)
    .await?;
    let oldest = sqlx::query_scalar("SELECT created_at FROM events WHERE seq = ?")
        .bind(first)
        .fetch_optional(connection)
        .await?;
    Ok(Backlog {
        pending,
        dead,
        oldest,
    })
}
