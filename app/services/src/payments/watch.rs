use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::payments::event::Consumer;
use crate::payments::forget::forget;
use crate::payments::ledger::{self, Imbalance};
use crate::payments::pipeline::Pipeline;
use crate::sql;
use crate::statement::{Operation, Statement};

const OUTBOX: Statement = Statement::new(Operation::Count, "outbox");
const LEDGER: Statement = Statement::new(Operation::Count, "ledger_entries");
const GAUGES_EVERY: Duration = Duration::from_secs(2);
const FORGET_EVERY: Duration = Duration::from_secs(10);
/// The whole ledger is summed so often, and then rests for so many times as long as that took: it
/// costs a fiftieth of a core at most, however large it grows.
const LEDGER_EVERY: Duration = Duration::from_secs(10);
const LEDGER_RESTS: u32 = 50;

/// How the outbox of one consumer is.
#[derive(Debug, Clone, Copy, Default)]
struct Backlog {
    pending: i64,
    dead: i64,
    /// When the oldest event that is pending happened.
    oldest: Option<i64>,
}

/// Keeps the gauges of the pipeline true, holds the ledger to its sum of zero, and forgets what has
/// expired: each at its own pace, so that a ledger that takes long to sum holds up nothing.
pub(crate) async fn watch(pipeline: Arc<Pipeline>, stop: CancellationToken) {
    tokio::join!(
        gauge(&pipeline, &stop),
        audit(&pipeline, &stop),
        clean(&pipeline, &stop)
    );
}

async fn gauge(pipeline: &Pipeline, stop: &CancellationToken) {
    let mut ticks = every(GAUGES_EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let state = pipeline.provider.breaker() as i64;
        pipeline.instruments.breaker.set(state);
        if let Err(failure) = pipeline.gauge_outbox().await {
            failure.report(format_args!("outbox of payments could not be measured"));
        }
    }
}

async fn audit(pipeline: &Pipeline, stop: &CancellationToken) {
    let (mut was_balanced, mut pause) = (true, Duration::ZERO);
    let until = |pause| stop.run_until_cancelled(tokio::time::sleep(pause));
    while until(pause).await.is_some() {
        let begun = Instant::now();
        if let Err(failure) = pipeline.check_ledger(&mut was_balanced).await {
            failure.report(format_args!("ledger could not be checked"));
        }
        pause = LEDGER_EVERY.max(begun.elapsed() * LEDGER_RESTS);
    }
}

async fn clean(pipeline: &Pipeline, stop: &CancellationToken) {
    let mut ticks = every(FORGET_EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let now = pipeline.clock.now();
        if let Err(failure) = forget(&pipeline.writer, now, stop).await {
            failure.report(format_args!("what has expired could not be forgotten"));
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
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
}

async fn backlog(
    connection: &mut Connection,
    consumer: &'static str,
) -> Result<Backlog, sqlx::Error> {
    let (pending, dead, first): (i64, i64, Option<i64>) = sql::query_as(
        "SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'dead'), \
         min(event) FILTER (WHERE state = 'pending') FROM outbox WHERE consumer = ?",
    )
    .bind(consumer)
    .fetch_one(&mut *connection)
    .await?;
    let oldest = sql::query_scalar("SELECT created_at FROM events WHERE seq = ?")
        .bind(first)
        .fetch_optional(connection)
        .await?;
    Ok(Backlog {
        pending,
        dead,
        oldest,
    })
}
